import type { ProcessReader } from '../platform/proc/process.ts'
import type { TreeCounters } from './counters.ts'
import type { Counters, Reading } from './reading.ts'

/** Sums of ticks of 0.01 s are not exact in binary: without this a page shows 0.15000000000000002. Never falls. */
function wholeMicroseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1e6
}

/** Puts the judged totals of a tree into the reading. */
export function fillTotals(reading: Reading, counters: TreeCounters): void {
  reading.cpuUserSeconds = wholeMicroseconds(counters.total('cpuUser'))
  reading.cpuSystemSeconds = wholeMicroseconds(counters.total('cpuSystem'))
  reading.cpuUnsplitSeconds = wholeMicroseconds(counters.total('cpuUnsplit'))
  reading.voluntarySwitches = counters.total('voluntarySwitches')
  reading.involuntarySwitches = counters.total('involuntarySwitches')
  reading.ioReadBytes = counters.total('ioRead')
  reading.ioWriteBytes = counters.total('ioWrite')
}

/**
 * Goes on where the tree had come to before. Only what this reader gives: a total of another one would stand still
 * beside it and count CPU twice.
 */
export function resumeTotals(
  counters: TreeCounters,
  reached: Counters | undefined,
  kind: ProcessReader['kind'],
): void {
  if (reached === undefined) return
  if (kind === 'pidusage') {
    counters.resume('cpuUnsplit', reached.cpuUnsplitSeconds ?? 0)
    return
  }
  counters.resume('cpuUser', reached.cpuUserSeconds ?? 0)
  counters.resume('cpuSystem', reached.cpuSystemSeconds ?? 0)
  counters.resume('voluntarySwitches', reached.voluntarySwitches ?? 0)
  counters.resume('involuntarySwitches', reached.involuntarySwitches ?? 0)
  counters.resume('ioRead', reached.ioReadBytes ?? 0)
  counters.resume('ioWrite', reached.ioWriteBytes ?? 0)
}
