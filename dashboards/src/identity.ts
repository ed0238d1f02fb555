/** Below this a number made of a key is too likely to be another key's; Grafana takes any positive integer. */
const IDS = 2 ** 31 - 1
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * The id of a panel or row, made of its key (32-bit FNV-1a): the same wherever it stands, so that links to it and
 * alerts on it survive a move.
 * @see http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function idOf(key: string): number {
  let hash = FNV_OFFSET
  for (const byte of new TextEncoder().encode(key)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0
  return (hash % IDS) + 1
}
