import type { Reading } from './reading.ts'

/** What is kept of a reading. Counters are left out but CPU: rates over time need it. */
const HISTORY_FIELDS = [
  'rssBytes',
  'rssAnonBytes',
  'workingSetBytes',
  'swapBytes',
  'memoryCurrentBytes',
  'cpuSeconds',
] as const
export type HistoryField = (typeof HISTORY_FIELDS)[number]

/** One kept sample; `undefined` = not read then. */
export type HistoryPoint = { readonly atMs: number } & {
  readonly [Field in HistoryField]: number | undefined
}

/** The recent past of one agent, thinning out with age. Times are monotonic milliseconds. */
export interface History {
  /** Keeps one sample. Samples that come sooner after another than the finest step are left out. */
  add(atMs: number, reading: Reading): void
  /** Kept samples at or after `sinceMs`, oldest first; coarse where the fine ones have run out. */
  points(sinceMs?: number): HistoryPoint[]
  /** Memory of the kept samples in bytes. */
  readonly bytes: number
}

interface Level {
  readonly stepMs: number
  readonly spanMs: number
}

/** CONTRACT `sampling`: 1 s for 10 min, 10 s for 30 min, 60 s for 2 h. */
const LEVELS: readonly Level[] = [
  { stepMs: 1_000, spanMs: 10 * 60_000 },
  { stepMs: 10_000, spanMs: 30 * 60_000 },
  { stepMs: 60_000, spanMs: 120 * 60_000 },
]
/** Timers come a little early or late; a sample this much too early still counts as on time. */
const EARLY_MS = 100
/** A thousand agents that live for seconds must not cost what those cost that live for hours. */
const FIRST_SLOTS = 16
const FIELDS = HISTORY_FIELDS.length

/**
 * Single precision holds 24 bits: 256 bytes of 4 GiB, 1/16 s of 11 days of CPU. That keeps 900 samples of six
 * numbers and their times below 32 KiB.
 */
export function createHistory(): History {
  const rings = LEVELS.map(createRing)
  return {
    add(atMs, reading) {
      for (const ring of rings) ring.add(atMs, reading)
    },
    points(sinceMs = Number.NEGATIVE_INFINITY) {
      const points: HistoryPoint[] = []
      let beforeMs = Number.POSITIVE_INFINITY
      for (const ring of rings) {
        ring.read(sinceMs, beforeMs, points)
        beforeMs = Math.min(beforeMs, ring.oldest() ?? beforeMs)
      }
      return points.sort((a, b) => a.atMs - b.atMs)
    },
    get bytes() {
      return rings.reduce((sum, ring) => sum + ring.bytes(), 0)
    },
  }
}

function createRing({ stepMs, spanMs }: Level) {
  const most = spanMs / stepMs
  let times = new Float64Array(FIRST_SLOTS)
  let values = new Float32Array(FIRST_SLOTS * FIELDS)
  let next = 0
  let count = 0
  let lastAt = Number.NEGATIVE_INFINITY

  function grow(): void {
    const slots = Math.min(most, times.length * 2)
    const grownTimes = new Float64Array(slots)
    const grownValues = new Float32Array(slots * FIELDS)
    grownTimes.set(times)
    grownValues.set(values)
    times = grownTimes
    values = grownValues
    // Not yet at its full length a ring has never wrapped: its samples lie in order from the beginning.
    next = count
  }

  function slot(index: number): number {
    return count < times.length ? index : (next + index) % times.length
  }

  return {
    add(atMs: number, reading: Reading): void {
      if (atMs - lastAt < stepMs - EARLY_MS) return
      lastAt = atMs
      if (count === times.length && count < most) grow()
      times[next] = atMs
      const at = next * FIELDS
      values[at] = reading.rssBytes ?? Number.NaN
      values[at + 1] = reading.rssAnonBytes ?? Number.NaN
      values[at + 2] = reading.workingSetBytes ?? Number.NaN
      values[at + 3] = reading.swapBytes ?? Number.NaN
      values[at + 4] = reading.memoryCurrentBytes ?? Number.NaN
      values[at + 5] = cpuSeconds(reading) ?? Number.NaN
      count = Math.min(count + 1, times.length)
      next = (next + 1) % times.length
    },
    oldest(): number | undefined {
      return count === 0 ? undefined : times[slot(0)]
    },
    read(sinceMs: number, beforeMs: number, into: HistoryPoint[]): void {
      for (let i = 0; i < count; i++) {
        const at = slot(i)
        const atMs = times[at]!
        if (atMs < sinceMs || atMs >= beforeMs) continue
        const point: Record<string, number | undefined> = { atMs }
        for (const [field, name] of HISTORY_FIELDS.entries()) {
          const value = values[at * FIELDS + field]!
          point[name] = Number.isNaN(value) ? undefined : value
        }
        into.push(point as HistoryPoint)
      }
    },
    bytes: () => times.byteLength + values.byteLength,
  }
}

/** CPU used in both modes; undefined when it was not read. */
export function cpuSeconds(reading: Reading): number | undefined {
  const { cpuUserSeconds, cpuSystemSeconds, cpuUnsplitSeconds } = reading
  if (cpuUserSeconds === undefined || cpuSystemSeconds === undefined) return cpuUnsplitSeconds
  return cpuUserSeconds + cpuSystemSeconds
}
