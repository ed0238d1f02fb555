import { quantileOfSorted } from './quantile.ts'
import type { Points } from './sen.ts'
import type { Envelope } from './slots.ts'

/** Where a sawtooth came down. */
export interface Troughs {
  /** What was left after each large drop. */
  readonly points: Points
  /** Time from one to the next; undefined when there are too few, or they do not come at regular times. */
  readonly cycleMs: number | undefined
  /** Height of the large drops, 0 without any. */
  readonly dropBytes: number
}

/** A drop smaller than this share of the large ones is no end of a cycle: a young generation, a partial collection. */
const LARGE_SHARE = 0.4
const LARGE = 0.9
const FEWEST_DROPS = 3
/** Bursts that end are drops too. They are no cycle: the middle half of their spacings is wider than this share. */
const REGULAR_SPREAD = 0.4

interface Drop {
  readonly atMs: number
  readonly bytes: number
  readonly size: number
}

/**
 * The large drops of the series. Sizes are compared with each other and not with the range of the series: while it
 * grows its range does too, and would hide its cycle.
 * @param leastBytes a drop below this never counts
 */
export function findTroughs(envelope: Envelope, leastBytes: number): Troughs {
  const drops = findDrops(envelope, leastBytes)
  if (drops.length === 0) return { points: { atMs: [], bytes: [] }, cycleMs: undefined, dropBytes: 0 }
  const sizes = new Float64Array(drops.map(({ size }) => size)).sort()
  const dropBytes = quantileOfSorted(sizes, LARGE)
  const large = drops.filter(({ size }) => size >= LARGE_SHARE * dropBytes)
  const points = { atMs: large.map(({ atMs }) => atMs), bytes: large.map(({ bytes }) => bytes) }
  const cycleMs = large.length < FEWEST_DROPS ? undefined : regularSpacing(points.atMs)
  return { points, cycleMs, dropBytes }
}

/** Every fall by at least `leastBytes` down to where the series turned up again by half of that. */
function findDrops({ low, stepMs, endMs }: Envelope, leastBytes: number): readonly Drop[] {
  const drops: Drop[] = []
  const beginMs = endMs - low.length * stepMs
  let direction: 'rising' | 'falling' = 'rising'
  let peak = Number.NEGATIVE_INFINITY
  let trough = Number.POSITIVE_INFINITY
  let troughAt = 0
  const keep = () =>
    drops.push({ atMs: beginMs + (troughAt + 0.5) * stepMs, bytes: trough, size: peak - trough })
  for (let i = 0; i < low.length; i++) {
    const value = low[i]!
    if (Number.isNaN(value)) continue
    if (direction === 'rising') {
      if (value > peak) peak = value
      else if (value <= peak - leastBytes) {
        direction = 'falling'
        trough = value
        troughAt = i
      }
    } else if (value < trough) {
      trough = value
      troughAt = i
    } else if (value >= trough + leastBytes / 2) {
      keep()
      direction = 'rising'
      peak = value
    }
  }
  if (direction === 'falling') keep()
  return drops
}

function regularSpacing(atMs: readonly number[]): number | undefined {
  const spacings = new Float64Array(atMs.length - 1)
  for (let i = 0; i < spacings.length; i++) spacings[i] = atMs[i + 1]! - atMs[i]!
  spacings.sort()
  const median = quantileOfSorted(spacings, 0.5)
  const spread = quantileOfSorted(spacings, 0.75) - quantileOfSorted(spacings, 0.25)
  return spread > REGULAR_SPREAD * median ? undefined : median
}
