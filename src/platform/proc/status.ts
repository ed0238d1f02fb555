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

function clear(into: StatusLines): void {
  into.uid = undefined
  into.rssPeakBytes = undefined
  into.rssBytes = undefined
  into.rssAnonBytes = undefined
  into.swapBytes = undefined
  into.threads = undefined
  into.voluntarySwitches = undefined
  into.involuntarySwitches = undefined
}

/**
 * Parses `/proc/<pid>/status` from the first `length` bytes. A last line without its newline was cut off and is
 * not used. The name in the first line is escaped by the kernel (`\n` becomes two characters), so it cannot
 * forge a line.
 */
export function parseStatus(bytes: Uint8Array, length: number, into: StatusLines): void {
  clear(into)
  let at = 0
  while (at < length) {
    const end = lineEnd(bytes, at, length)
    if (end === length) return
    switch (bytes[at]) {
      case V:
        memoryLine(bytes, at, end, into)
        break
      case R:
        if (startsWith(bytes, at, end, RSS_ANON))
          into.rssAnonBytes = kilobytes(bytes, at, RSS_ANON.length, end)
        break
      case U:
        if (startsWith(bytes, at, end, UID)) into.uid ??= numberAfterKey(bytes, at, UID.length, end)
        break
      case T:
        if (startsWith(bytes, at, end, THREADS)) into.threads = numberAfterKey(bytes, at, THREADS.length, end)
        break
      case LOWER_V:
        if (startsWith(bytes, at, end, VOLUNTARY))
          into.voluntarySwitches = numberAfterKey(bytes, at, VOLUNTARY.length, end)
        break
      case LOWER_N:
        if (startsWith(bytes, at, end, INVOLUNTARY))
          into.involuntarySwitches = numberAfterKey(bytes, at, INVOLUNTARY.length, end)
        break
    }
    at = end + 1
  }
}

function memoryLine(bytes: Uint8Array, at: number, end: number, into: StatusLines): void {
  if (startsWith(bytes, at, end, VM_RSS)) into.rssBytes = kilobytes(bytes, at, VM_RSS.length, end)
  else if (startsWith(bytes, at, end, VM_HWM)) into.rssPeakBytes = kilobytes(bytes, at, VM_HWM.length, end)
  else if (startsWith(bytes, at, end, VM_SWAP)) into.swapBytes = kilobytes(bytes, at, VM_SWAP.length, end)
}

function kilobytes(bytes: Uint8Array, at: number, keyLength: number, end: number): number | undefined {
  const value = numberAfterKey(bytes, at, keyLength, end)
  return value === undefined ? undefined : value * BYTES_PER_KB
}
