import type { Points } from './sen.ts'
import type { Envelope } from './slots.ts'

/** Low enough to lie under the sawtooth of a collector, high enough that one odd slot does not decide. */
const FLOOR_QUANTILE = 0.1
/** A block with fewer slots than this share of what the others have says little about its floor. */
const LEAST_FILL = 0.5

/**
 * The floor of each block of `blockMs`, counted back from the newest slot. Blocks that were hardly read are left
 * out; the oldest, incomplete one too.
 */
export function blockFloors({ low, stepMs, endMs }: Envelope, blockMs: number): Points {
  const size = Math.max(1, Math.round(blockMs / stepMs))
  let read = 0
  for (const value of low) if (!Number.isNaN(value)) read++
  const least = Math.max(1, (read / low.length) * size * LEAST_FILL)
  // Only the lowest are needed: they are kept in order, and most values are never put among them.
  const needed = Math.floor(FLOOR_QUANTILE * (size - 1)) + 2
  const lowest = new Float64Array(needed)
  const atMs: number[] = []
  const bytes: number[] = []
  for (let block = Math.floor(low.length / size); block >= 1; block--) {
    const from = low.length - block * size
    let count = 0
    for (let i = from; i < from + size; i++) {
      const value = low[i]!
      if (Number.isNaN(value)) continue
      let at = Math.min(count++, needed)
      if (at === needed && value >= lowest[--at]!) continue
      for (; at > 0 && lowest[at - 1]! > value; at--) lowest[at] = lowest[at - 1]!
      lowest[at] = value
    }
    if (count < least) continue
    atMs.push(endMs - (block - 0.5) * size * stepMs)
    bytes.push(floorOf(lowest, count))
  }
  return { atMs, bytes }
}

/** The quantile of `count` values of which the lowest are known. */
function floorOf(lowest: Float64Array, count: number): number {
  const place = FLOOR_QUANTILE * (count - 1)
  const below = Math.floor(place)
  const low = lowest[below]!
  return below + 1 < count ? low + (lowest[below + 1]! - low) * (place - below) : low
}
