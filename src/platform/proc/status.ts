import { ascii, lineEnd, numberAfterKey, startsWith } from './key-lines.ts'

/**
 * The lines of `/proc/<pid>/status` this product uses. Memory in bytes. Kernel threads and zombies have no
 * `Vm*` lines, so theirs stay `undefined`. The context switches are those of the thread-group leader
 * (Documentation/filesystems/proc.rst, table 1-2).
 */
export interface StatusLines {
  /** Real uid. */
  uid: number | undefined
  rssPeakBytes: number | undefined
  rssBytes: number | undefined
  rssAnonBytes: number | undefined
  swapBytes: number | undefined
  threads: number | undefined
  voluntarySwitches: number | undefined
  involuntarySwitches: number | undefined
}

const BYTES_PER_KB = 1024

const UID = ascii('Uid')
const VM_HWM = ascii('VmHWM')
const VM_RSS = ascii('VmRSS')
const RSS_ANON = ascii('RssAnon')
const VM_SWAP = ascii('VmSwap')
const THREADS = ascii('Threads')
const VOLUNTARY = ascii('voluntary_ctxt_switches')
const INVOLUNTARY = ascii('nonvoluntary_ctxt_switches')

const U = 0x55
const V = 0x56
const R = 0x52
const T = 0x54
const LOWER_V = 0x76
const LOWER_N = 0x6e

export function createStatusLines(): StatusLines {
  return {
    uid: undefined,
    rssPeakBytes: undefined,
    rssBytes: undefined,
    rssAnonBytes: undefined,
    swapBytes: undefined,
    threads: undefined,
    voluntarySwitches: undefined,
    involuntarySwitches: undefined,
  }
}

/**
 * Where the keys stood in the last status of one process. The kernel pads its numbers, so the next one looks the
 * same unless a line before changed its length; then the file is searched anew and remembered again.
 */
export type StatusPlaces = Int32Array

const KEYS = [UID, VM_HWM, VM_RSS, RSS_ANON, VM_SWAP, THREADS, VOLUNTARY, INVOLUNTARY] as const
const [AT_UID, AT_HWM, AT_RSS, AT_ANON, AT_SWAP, AT_THREADS, AT_VOLUNTARY, AT_INVOLUNTARY] = [
  0, 1, 2, 3, 4, 5, 6, 7,
] as const
const NOT_THERE = -1
const NEWLINE = 0x0a

export function createStatusPlaces(): StatusPlaces {
  return new Int32Array(KEYS.length).fill(NOT_THERE)
}

/**
 * Parses `/proc/<pid>/status` from the first `length` bytes. A number counts only when its terminator was read
 * too. The name in the first line is escaped by the kernel (`\n` becomes two characters), so it cannot forge a line.
 *
 * @param places of the same process, to skip the search; updated here
 */
export function parseStatus(
  bytes: Uint8Array,
  length: number,
  into: StatusLines,
  places: StatusPlaces = createStatusPlaces(),
): void {
  if (!stillThere(bytes, length, places)) search(bytes, length, places)
  into.uid = number(bytes, length, places, AT_UID)
  into.rssPeakBytes = kilobytes(bytes, length, places, AT_HWM)
  into.rssBytes = kilobytes(bytes, length, places, AT_RSS)
  into.rssAnonBytes = kilobytes(bytes, length, places, AT_ANON)
  into.swapBytes = kilobytes(bytes, length, places, AT_SWAP)
  into.threads = number(bytes, length, places, AT_THREADS)
  into.voluntarySwitches = number(bytes, length, places, AT_VOLUNTARY)
  into.involuntarySwitches = number(bytes, length, places, AT_INVOLUNTARY)
}

/** Whether every key stands where it stood. One that was not there has to be searched for again. */
function stillThere(bytes: Uint8Array, length: number, places: StatusPlaces): boolean {
  for (let key = 0; key < KEYS.length; key++) {
    const at = places[key]!
    if (at <= 0 || at >= length || bytes[at - 1] !== NEWLINE) return false
    if (!startsWith(bytes, at, length, KEYS[key]!)) return false
  }
  return true
}

function search(bytes: Uint8Array, length: number, places: StatusPlaces): void {
  places.fill(NOT_THERE)
  for (let at = 0; at < length; ) {
    const end = lineEnd(bytes, at, length)
    const key = keyAt(bytes, at, end)
    if (key !== NOT_THERE && places[key] === NOT_THERE) places[key] = at
    at = end + 1
  }
}

function keyAt(bytes: Uint8Array, at: number, end: number): number {
  switch (bytes[at]) {
    case V:
      return oneOf(bytes, at, end, AT_HWM, AT_RSS, AT_SWAP)
    case R:
      return oneOf(bytes, at, end, AT_ANON)
    case U:
      return oneOf(bytes, at, end, AT_UID)
    case T:
      return oneOf(bytes, at, end, AT_THREADS)
    case LOWER_V:
      return oneOf(bytes, at, end, AT_VOLUNTARY)
    case LOWER_N:
      return oneOf(bytes, at, end, AT_INVOLUNTARY)
    default:
      return NOT_THERE
  }
}

function oneOf(bytes: Uint8Array, at: number, end: number, a: number, b = a, c = a): number {
  if (isKey(bytes, at, end, a)) return a
  if (b !== a && isKey(bytes, at, end, b)) return b
  return c !== a && isKey(bytes, at, end, c) ? c : NOT_THERE
}

function isKey(bytes: Uint8Array, at: number, end: number, key: number): boolean {
  return startsWith(bytes, at, end, KEYS[key]!)
}

function number(bytes: Uint8Array, length: number, places: StatusPlaces, key: number): number | undefined {
  const at = places[key]!
  return at < 0 ? undefined : numberAfterKey(bytes, at, KEYS[key]!.length, length)
}

function kilobytes(bytes: Uint8Array, length: number, places: StatusPlaces, key: number): number | undefined {
  const value = number(bytes, length, places, key)
  return value === undefined ? undefined : value * BYTES_PER_KB
}
