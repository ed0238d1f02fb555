/** Parsers over a shared Buffer: no string is built for a number. `length` is how much of it is filled. */

const NEWLINE = 0x0a
const SPACE = 0x20
const ZERO = 0x30
const NINE = 0x39
const MINUS = 0x2d

/**
 * No real limit is this large: v1 writes "unlimited" as the largest page-aligned int64
 * (9223372036854771712 with 4 KiB pages), the pids controller and the Docker API as the largest uint64.
 */
const UNLIMITED_FROM = 2 ** 62

/** A limit as a number, or undefined where the kernel means "none". */
export function finiteLimit(value: number | undefined): number | undefined {
  return value === undefined || value < 0 || value >= UNLIMITED_FROM ? undefined : value
}

/** The decimal number at `from`; undefined if there is none (`max`, empty file, text). */
export function numberAt(buffer: Uint8Array, length: number, from: number): number | undefined {
  let at = from
  const negative = at < length && buffer[at] === MINUS
  if (negative) at += 1
  const first = at
  let value = 0
  for (; at < length; at += 1) {
    const byte = buffer[at]!
    if (byte < ZERO || byte > NINE) break
    value = value * 10 + (byte - ZERO)
  }
  if (at === first) return undefined
  // A number ends at white space or at the end: `12abc` is not the number 12.
  if (at < length && buffer[at]! > SPACE) return undefined
  return negative ? -value : value
}

/** Keys of a flat-keyed file (`key value` lines, cgroup-v2.rst "Format"), prepared once. */
export function keysOf(...names: readonly string[]): readonly Uint8Array[] {
  return names.map((name) => Buffer.from(`${name} `, 'latin1'))
}

/**
 * Picks the values of `keys` out of a flat-keyed file in one pass. `into[i]` becomes the value of `keys[i]`,
 * NaN where the file does not have it.
 */
export function pickKeyed(
  buffer: Uint8Array,
  length: number,
  keys: readonly Uint8Array[],
  into: Float64Array,
): void {
  into.fill(Number.NaN, 0, keys.length)
  let missing = keys.length
  let line = 0
  while (line < length && missing > 0) {
    for (let k = 0; k < keys.length; k += 1) {
      if (!Number.isNaN(into[k]) || !startsWith(buffer, length, line, keys[k]!)) continue
      const value = numberAt(buffer, length, line + keys[k]!.length)
      if (value !== undefined) {
        into[k] = value
        missing -= 1
      }
      break
    }
    while (line < length && buffer[line] !== NEWLINE) line += 1
    line += 1
  }
}

/** One value of a prepared pick; undefined where it was not there. */
export function picked(values: Float64Array, index: number): number | undefined {
  const value = values[index]
  return value === undefined || Number.isNaN(value) ? undefined : value
}

/**
 * Sums every `<key><number>` of a nested-keyed file (`8:0 rbytes=1 wbytes=2 …`). An empty file is a true 0:
 * the controller is there and nothing was read or written.
 */
export function sumNested(buffer: Uint8Array, length: number, key: Uint8Array): number {
  let sum = 0
  for (let at = 0; at + key.length <= length; at += 1) {
    const previous = at === 0 ? NEWLINE : buffer[at - 1]!
    if (previous > SPACE || !startsWith(buffer, length, at, key)) continue
    sum += numberAt(buffer, length, at + key.length) ?? 0
  }
  return sum
}

const SOME = Buffer.from('some ', 'latin1')
const FULL = Buffer.from('full ', 'latin1')
const TOTAL = Buffer.from('total=', 'latin1')

/** Total stall time of one line of a PSI file in microseconds (Documentation/accounting/psi.rst). */
export function pressureTotal(buffer: Uint8Array, length: number, line: 'some' | 'full'): number | undefined {
  const key = line === 'some' ? SOME : FULL
  for (let at = 0; at < length; at += 1) {
    const isStart = startsWith(buffer, length, at, key)
    let end = at
    while (end < length && buffer[end] !== NEWLINE) end += 1
    if (isStart) {
      for (let from = at; from < end; from += 1) {
        if (startsWith(buffer, end, from, TOTAL)) return numberAt(buffer, end, from + TOTAL.length)
      }
      return undefined
    }
    at = end
  }
  return undefined
}

function startsWith(buffer: Uint8Array, length: number, at: number, key: Uint8Array): boolean {
  if (at + key.length > length) return false
  for (let i = 0; i < key.length; i += 1) if (buffer[at + i] !== key[i]) return false
  return true
}
