import { findTroughs, type Troughs } from './cycle.ts'
import { blockFloors } from './floor.ts'
import type { Points } from './sen.ts'
import { type Shape, shapeOf } from './shape.ts'
import type { Envelope } from './slots.ts'
import { leastSlope, type Tier } from './tiers.ts'

/** A drop below this share of the growth that counts cannot pretend to be growth. */
const SMALLEST_DROP = 0.25
/** A cycle this long, in blocks, is not under the floor of every block. */
const CYCLE_IN_BLOCKS = 0.8
/** Five floors in a row can never be significant (z = 2.2), eight may have an odd one among them. */
const FEWEST_BLOCKS = 8
/** Of troughs every one is the end of a whole cycle: six that rise one after the other are 1 in 720 (z = 2.6). */
const FEWEST_TROUGHS = 6
const WINDOW_IN_CYCLES = 6.5
/** A sawtooth alone rises by its own height at most. */
const BEYOND_CYCLE = 1.5
/** Some blocks may be missing at the ends of the window. */
const WINDOW_FILL = 0.85

/**
 * What one tier sees. Under a fast sawtooth lies the floor of its blocks. A slow one is judged by its troughs, and
 * by the blocks as well: a rise far beyond the height of its drops is not its own.
 * @param roomBytes from the newest value to the limit, when there is one
 * @returns undefined while there is too little to tell
 */
export function assess(envelope: Envelope, tier: Tier, roomBytes: number | undefined): Shape | undefined {
  const least = leastSlope(tier, roomBytes)
  const troughs = findTroughs(envelope, SMALLEST_DROP * least * tier.windowMs)
  const isCycleFast = (troughs.cycleMs ?? 0) <= CYCLE_IN_BLOCKS * tier.blockMs
  const byTroughs = isCycleFast ? undefined : assessTroughs(envelope, troughs, tier, least)
  if (byTroughs?.trend === 'growing') return byTroughs
  const byBlocks = assessBlocks(envelope, tier, least)
  if (isCycleFast) return byBlocks
  return byBlocks?.trend === 'growing' && riseOf(byBlocks) > BEYOND_CYCLE * troughs.dropBytes
    ? byBlocks
    : byTroughs
}

function assessTroughs(
  { endMs }: Envelope,
  { points, cycleMs = 0 }: Troughs,
  tier: Tier,
  least: number,
): Shape | undefined {
  const from = firstSince(points, endMs - Math.max(tier.windowMs, WINDOW_IN_CYCLES * cycleMs))
  return points.atMs.length - from < FEWEST_TROUGHS ? undefined : shapeOf(points, from, least)
}

function assessBlocks(envelope: Envelope, { blockMs, windowMs }: Tier, least: number): Shape | undefined {
  const floors = blockFloors(envelope, blockMs)
  const from = firstSince(floors, envelope.endMs - windowMs)
  if (floors.atMs.length - from < FEWEST_BLOCKS) return undefined
  const spanMs = floors.atMs.at(-1)! - floors.atMs[from]!
  return spanMs < WINDOW_FILL * (windowMs - blockMs) ? undefined : shapeOf(floors, from, least)
}

function firstSince({ atMs }: Points, sinceMs: number): number {
  const from = atMs.findIndex((at) => at >= sinceMs)
  return from === -1 ? atMs.length : from
}

function riseOf({ slope, points: { atMs } }: Shape): number {
  return slope.slope * (atMs.at(-1)! - atMs[0]!)
}
