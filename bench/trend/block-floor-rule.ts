import { blockFloors } from '../../src/memory/floor.ts'
import { mannKendall } from '../../src/memory/mann-kendall.ts'
import { quantileOfSorted } from '../../src/memory/quantile.ts'
import { senSlope, slicePoints } from '../../src/memory/sen.ts'
import type { Envelope } from '../../src/memory/slots.ts'
import { TIERS, type Tier } from '../../src/memory/tiers.ts'

/**
 * The published rule that this one is an improvement of: floors of blocks of at least 1.25 cycles, Mann-Kendall, Sen
 * and both halves, with fixed slopes per tier. Its cycle is the spacing of drops above 0.4 (P95 − P5).
 */
export function saysGrowing(envelope: Envelope): boolean {
  return TIERS.some((tier) => growsOn(envelope, tier))
}

const Z = 2.58
const BLOCKS = 8

function growsOn(envelope: Envelope, { windowMs, blockMs, slope: least }: Tier): boolean {
  const block = Math.max(blockMs, 1.25 * cycleMs(envelope))
  const window = Math.max(windowMs, BLOCKS * block)
  const all = blockFloors(envelope, block)
  const from = all.atMs.findIndex((at) => at >= envelope.endMs - window)
  const points = slicePoints(all, Math.max(0, from))
  const m = points.atMs.length
  if (m < BLOCKS || points.atMs[m - 1]! - points.atMs[0]! < 0.85 * (window - block)) return false
  const slope = senSlope(points)?.slope ?? 0
  if (!(slope > least) || !(mannKendall(points.bytes) > Z)) return false
  const half = Math.ceil(m / 2)
  const first = senSlope(slicePoints(points, 0, half))?.slope ?? 0
  const second = senSlope(slicePoints(points, m - half))?.slope ?? 0
  return second > 0.25 * slope && first > 0.1 * slope
}

function cycleMs({ low, stepMs }: Envelope): number {
  const known = low.filter((value) => !Number.isNaN(value)).sort()
  const drop = 0.4 * (quantileOfSorted(known, 0.95) - quantileOfSorted(known, 0.05))
  const at: number[] = []
  let peak = Number.NEGATIVE_INFINITY
  for (const [i, value] of low.entries()) {
    if (value > peak) peak = value
    else if (drop > 0 && value <= peak - drop) {
      at.push(i * stepMs)
      peak = value
    }
  }
  if (at.length < 3) return 0
  const spacings = new Float64Array(at.slice(1).map((time, i) => time - at[i]!)).sort()
  return quantileOfSorted(spacings, 0.5)
}
