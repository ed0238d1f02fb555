import type { TimeToLimit } from './model.ts'
import { quantileOfSorted } from './quantile.ts'
import type { Shape } from './shape.ts'
import type { Envelope } from './slots.ts'

/** The peaks of a sawtooth reach the limit, not its mean; one peak in a hundred may be odd. */
const PEAK = 0.99
const MIDDLE = 0.5

/**
 * When a growing series reaches its limit: the line through its floors, and above it what the sawtooth adds.
 * @returns undefined unless the slope rises
 */
export function timeToLimit(
  { points, slope: { slope } }: Shape,
  { high, stepMs, endMs }: Envelope,
  limitBytes: number,
): TimeToLimit | undefined {
  if (!(slope > 0)) return undefined
  const bases = new Float64Array(points.bytes.map((bytes, i) => bytes - slope * points.atMs[i]!)).sort()
  const base = quantileOfSorted(bases, MIDDLE)
  const beginMs = endMs - high.length * stepMs
  const heights: number[] = []
  for (let i = Math.max(0, Math.floor((points.atMs[0]! - beginMs) / stepMs)); i < high.length; i++) {
    const value = high[i]!
    if (!Number.isNaN(value)) heights.push(value - base - slope * (beginMs + (i + 0.5) * stepMs))
  }
  const above = new Float64Array(heights).sort()
  const room = limitBytes - (base + slope * endMs)
  const seconds = (height: number) => Math.max(0, (room - height) / slope / 1_000)
  const lowSeconds = seconds(quantileOfSorted(above, PEAK))
  const midSeconds = seconds(quantileOfSorted(above, MIDDLE))
  return Number.isFinite(lowSeconds) && Number.isFinite(midSeconds) ? { lowSeconds, midSeconds } : undefined
}
