import { mannKendall } from './mann-kendall.ts'
import type { Trend } from './model.ts'
import { type Points, type SenSlope, senSlope, slicePoints } from './sen.ts'
import { lineResidual, staircaseResidual } from './staircase.ts'

/** What some floors say: their shape, and the slope that it has. */
export interface Shape {
  readonly trend: Trend
  readonly slope: SenSlope
  /** The floors that were judged. */
  readonly points: Points
}

/** One false alarm among two hundred independent looks at noise. */
const SIGNIFICANT_Z = 2.58
/** Both halves have to go on, as shares of the whole slope: one step, or a start that flattens, does not. */
const FIRST_HALF = 0.1
const SECOND_HALF = 0.25
/** In the first window of a life the second half has to keep up with the first: caches fill slower and slower. */
const YOUNG_HALF = 0.75
/** Growth fits a line about as well as stairs, or better. What wanders or jumps fits stairs of three levels. */
const STAIRCASE_SHARE = 0.8
/** Growth is news when it goes above what was there before it by this share of its rise … */
const NEWS = 0.4
/** … but for a few odd floors. What wanders about returns to where it has been. */
const ODD_FLOORS = 0.1

/**
 * The shape of the floors from place `from` on; those before it are the past that growth is compared with.
 * @param leastSlope growth below this is none, bytes per millisecond
 * @returns undefined when there are fewer than two points
 */
export function shapeOf(floors: Points, from: number, leastSlope: number): Shape | undefined {
  const points = slicePoints(floors, from)
  const slope = senSlope(points)
  if (slope === undefined) return undefined
  const sign = Math.sign(slope.slope)
  const size = Math.abs(slope.slope)
  if (size > leastSlope && sign * mannKendall(points.bytes) > SIGNIFICANT_Z) {
    return { trend: moving(floors, from, points, slope.slope), slope, points }
  }
  const isStable = slope.lower > -leastSlope && slope.upper < leastSlope
  return { trend: isStable ? 'stable' : 'unknown', slope, points }
}

/** What a significant movement is. */
function moving(floors: Points, from: number, points: Points, slope: number): Trend {
  const sign = Math.sign(slope)
  const size = Math.abs(slope)
  const half = Math.ceil(points.atMs.length / 2)
  const first = sign * (senSlope(slicePoints(points, 0, half))?.slope ?? 0)
  const second = sign * (senSlope(slicePoints(points, points.atMs.length - half))?.slope ?? 0)
  if (first < FIRST_HALF * size || second < SECOND_HALF * size) return 'step'
  if (sign < 0) return 'shrinking'
  const spanMs = points.atMs.at(-1)! - points.atMs[0]!
  const isYoung = points.atMs[0]! - floors.atMs[0]! < spanMs
  if (isYoung && second < YOUNG_HALF * first) return 'step'
  if (staircaseResidual(points) < STAIRCASE_SHARE * lineResidual(points)) return 'step'
  return isNews(floors, from, points.bytes.at(-1)! - (1 - NEWS) * slope * spanMs) ? 'growing' : 'unknown'
}

/** Whether hardly any floor before place `from` was above `mark`. */
function isNews({ bytes }: Points, from: number, mark: number): boolean {
  let above = 0
  for (let i = 0; i < from; i++) if (bytes[i]! > mark) above++
  return above <= ODD_FLOORS * from
}
