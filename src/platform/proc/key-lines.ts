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
 * The unsigned number after the key of the line `[at, end)`, where `keyLength` counts the key without its colon.
 * `undefined` when the key is not followed by a colon, no digit follows, or `end` is the end of what was read
 * (the caller passes `complete = end < length`'s line only).
 */
export function numberAfterKey(
  bytes: Uint8Array,
  at: number,
  keyLength: number,
  end: number,
): number | undefined {
  let cursor = at + keyLength
  if (cursor >= end || bytes[cursor] !== COLON) return undefined
  cursor++
  while (cursor < end && (bytes[cursor] === SPACE || bytes[cursor] === TAB)) cursor++
  let value = 0
  const first = cursor
  while (cursor < end) {
    const byte = bytes[cursor]!
    if (byte < ZERO || byte > NINE) break
    value = value * 10 + (byte - ZERO)
    cursor++
  }
  if (cursor === first) return undefined
  // What ends a number is a blank or the line's end; anything else is not the format we know.
  if (cursor < end && bytes[cursor] !== SPACE && bytes[cursor] !== TAB) return undefined
  return value
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
