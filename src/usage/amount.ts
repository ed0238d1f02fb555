/** A counter that has reached the last exact integer stays there: beyond it additions get lost unseen. */
export function add(total: number, amount: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, total + amount)
}

/** `total` with `amount` added under `key`; keys that nobody ever named stay absent. */
export function addTo<Key extends string>(
  total: Partial<Record<Key, number>>,
  key: Key,
  amount: number,
): void {
  total[key] = add(total[key] ?? 0, amount)
}
