/**
 * Lines of the form `Name:<blanks>12345[ kB]` as in `/proc/<pid>/status`, `/proc/<pid>/io`, `/proc/meminfo` and
 * `smaps_rollup`, read from bytes without making strings.
 */
const COLON = 0x3a
const NEWLINE = 0x0a
const SPACE = 0x20
const TAB = 0x09
const ZERO = 0x30
const NINE = 0x39

/** End (index of the newline) of the line that starts at `at`; `length` when the line is cut off. */
export function lineEnd(bytes: Uint8Array, at: number, length: number): number {
  let end = at
  while (end < length && bytes[end] !== NEWLINE) end++
  return end
}

/**
 * The unsigned number after the key that begins at `at`, where `keyLength` counts the key without its colon and
 * `length` is how much was read. `undefined` when no colon, or no digit on the same line follows, or when what
 * ends the number (a blank or the newline) was not read: it might have been longer.
 */
export function numberAfterKey(
  bytes: Uint8Array,
  at: number,
  keyLength: number,
  length: number,
): number | undefined {
  let cursor = at + keyLength
  if (cursor >= length || bytes[cursor] !== COLON) return undefined
  cursor++
  while (cursor < length && (bytes[cursor] === SPACE || bytes[cursor] === TAB)) cursor++
  let value = 0
  const first = cursor
  while (cursor < length) {
    const byte = bytes[cursor]!
    if (byte < ZERO || byte > NINE) break
    value = value * 10 + (byte - ZERO)
    cursor++
  }
  if (cursor === first || cursor >= length) return undefined
  const after = bytes[cursor]
  return after === SPACE || after === TAB || after === NEWLINE ? value : undefined
}

/** Whether the line at `at` begins with the ASCII `key`. */
export function startsWith(bytes: Uint8Array, at: number, end: number, key: Uint8Array): boolean {
  if (end - at < key.length) return false
  for (let i = 0; i < key.length; i++) if (bytes[at + i] !== key[i]) return false
  return true
}

/** A key as bytes, for `startsWith`. */
export function ascii(key: string): Uint8Array {
  return new TextEncoder().encode(key)
}
