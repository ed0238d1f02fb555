import { quantileOfSorted } from './quantile.ts'
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
  const known = new Float64Array(size)
  const atMs: number[] = []
  const bytes: number[] = []
  for (let block = Math.floor(low.length / size); block >= 1; block--) {
    const from = low.length - block * size
    let count = 0
    for (let i = from; i < from + size; i++) {
      const value = low[i]!
      if (Number.isNaN(value)) continue
      // Kept in order: a dozen numbers are sorted quicker by hand than by a call.
      let at = count++
      for (; at > 0 && known[at - 1]! > value; at--) known[at] = known[at - 1]!
      known[at] = value
    }
    if (count < least) continue
    atMs.push(endMs - (block - 0.5) * size * stepMs)
    bytes.push(quantileOfSorted(known.subarray(0, count), FLOOR_QUANTILE))
  }
  return { atMs, bytes }
}
