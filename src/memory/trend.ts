import { assess } from './assess.ts'
import { timeToLimit } from './horizon.ts'
import type { TimeToLimit, Trend } from './model.ts'
import type { Shape } from './shape.ts'
import type { Envelope, Slots } from './slots.ts'
import { TIERS } from './tiers.ts'

/** One tier's answer, with the hold that keeps it from flapping. */
interface Held {
  readonly trend: Trend
  readonly candidate: Trend
  /** Looks in a row that said `candidate`, and that said anything but `trend`. */
  readonly streak: number
  readonly away: number
}

/** What is remembered of an agent between two looks. A new incarnation and a new basis begin with `FRESH_TREND`. */
export interface TrendState {
  readonly trend: Trend
  /** Slope of what decided; undefined while nothing can be told. */
  readonly growthBytesPerSecond: number | undefined
  /** Only while growing towards a known limit. */
  readonly timeToLimit: TimeToLimit | undefined
  /** Looks in a row at which the limit was nearer than the horizon. */
  readonly soon: number
  readonly lookedAtMs: number | undefined
  readonly tiers: readonly Held[]
}

const NOT_HELD: Held = { trend: 'unknown', candidate: 'unknown', streak: 0, away: 0 }
export const FRESH_TREND: TrendState = {
  trend: 'unknown',
  growthBytesPerSecond: undefined,
  timeToLimit: undefined,
  soon: 0,
  lookedAtMs: undefined,
  tiers: TIERS.map(() => NOT_HELD),
}

/** @param firstLookAtMs monotonic; until then nothing is told */
export function freshTrend(firstLookAtMs: number): TrendState {
  return { ...FRESH_TREND, lookedAtMs: firstLookAtMs - LOOK_EVERY_MS }
}

export interface TrendInput {
  readonly slots: Pick<Slots, 'envelope'>
  /** From the newest value to the tightest limit; undefined = no limit, or not known. */
  readonly roomBytes: number | undefined
  /** The newest value; undefined = not read. */
  readonly bytes: number | undefined
}

export interface TrendConfig {
  readonly warningHorizonMs: number
}

export type TrendVerdict =
  | { readonly kind: 'trend_changed'; readonly from: Trend; readonly to: Trend }
  | { readonly kind: 'limit_near'; readonly timeToLimit: TimeToLimit }
  | { readonly kind: 'limit_far' }

/** More often says nothing new: the shortest block is as long. */
export const LOOK_EVERY_MS = 60_000
/** Looks in a row that it takes to enter or to leave. */
const HOLD = 3
/** Looks in a row that have to see the limit near. */
const NEAR_LOOKS = 2
/** What has not been read for so long is not judged: the answer stays what it was. */
const STALE_MS = 60_000

const NOTHING: readonly TrendVerdict[] = []

/**
 * Whether the memory grows, and when it is all used. Looks once a minute, in between it answers with the same state;
 * also when nothing new was read. `limit_near` is said once, `limit_far` when that is over.
 * @param nowMs monotonic
 */
export function judgeTrend(
  state: TrendState,
  { slots, roomBytes, bytes }: TrendInput,
  { warningHorizonMs }: TrendConfig,
  nowMs: number,
): readonly [TrendState, readonly TrendVerdict[]] {
  if (state.lookedAtMs !== undefined && nowMs - state.lookedAtMs < LOOK_EVERY_MS) return [state, NOTHING]
  const envelope = slots.envelope()
  if (envelope === undefined || nowMs - envelope.endMs > STALE_MS) return [state, NOTHING]
  const room = roomBytes === undefined ? undefined : Math.max(0, roomBytes)
  const shapes = TIERS.map((tier) => assess(envelope, tier, room))
  const tiers = state.tiers.map((held, i) => hold(held, shapes[i]?.trend ?? 'unknown'))
  const trend = together(tiers)
  const known = room !== undefined && bytes !== undefined
  const growth =
    trend === 'growing' ? soonest(tiers, shapes, envelope, known ? bytes + room : undefined) : undefined
  const near = growth?.time !== undefined && growth.time.lowSeconds * 1_000 < warningHorizonMs
  const soon = near ? state.soon + 1 : 0
  const next: TrendState = {
    trend,
    growthBytesPerSecond: growth?.slope ?? slopeOf(tiers, shapes, trend),
    timeToLimit: growth?.time,
    soon,
    lookedAtMs: nowMs,
    tiers,
  }
  const verdicts: TrendVerdict[] = []
  if (trend !== state.trend) verdicts.push({ kind: 'trend_changed', from: state.trend, to: trend })
  if (soon === NEAR_LOOKS && growth?.time) verdicts.push({ kind: 'limit_near', timeToLimit: growth.time })
  if (soon === 0 && state.soon >= NEAR_LOOKS) verdicts.push({ kind: 'limit_far' })
  return [next, verdicts]
}

/** Whether the limit was seen to be near often enough to be believed. */
export function isLimitNear({ soon }: TrendState): boolean {
  return soon >= NEAR_LOOKS
}

function hold(held: Held, seen: Trend): Held {
  if (seen === held.trend) return { trend: seen, candidate: seen, streak: 0, away: 0 }
  const streak = seen === held.candidate ? held.streak + 1 : 1
  const away = held.away + 1
  if (streak >= HOLD) return { trend: seen, candidate: seen, streak: 0, away: 0 }
  // It is no longer what it was, and not yet anything else.
  if (away >= HOLD) return { trend: 'unknown', candidate: seen, streak, away: 0 }
  return { trend: held.trend, candidate: seen, streak, away }
}

/** One tier that sees it move is enough. Otherwise the shortest that knows has seen the most recent. */
function together(tiers: readonly Held[]): Trend {
  const isAny = (trend: Trend) => tiers.some((held) => held.trend === trend)
  if (isAny('growing')) return 'growing'
  if (isAny('shrinking')) return 'shrinking'
  return tiers.find(({ trend }) => trend !== 'unknown')?.trend ?? 'unknown'
}

/** Of the tiers that see growth the one that reaches the limit first; without a limit the steepest. */
function soonest(
  tiers: readonly Held[],
  shapes: readonly (Shape | undefined)[],
  envelope: Envelope,
  limitBytes: number | undefined,
): { readonly slope: number; readonly time: TimeToLimit | undefined } | undefined {
  let best: { slope: number; time: TimeToLimit | undefined } | undefined
  for (const [i, { trend }] of tiers.entries()) {
    const shape = shapes[i]
    if (trend !== 'growing' || shape === undefined || !(shape.slope.slope > 0)) continue
    const slope = shape.slope.slope * 1_000
    const time = limitBytes === undefined ? undefined : timeToLimit(shape, envelope, limitBytes)
    const isSooner =
      best === undefined ||
      (time !== undefined && best.time !== undefined
        ? time.lowSeconds < best.time.lowSeconds
        : slope > best.slope)
    if (isSooner) best = { slope, time }
  }
  return best
}

/** Slope of the shortest tier that says what was decided, else of the shortest that can be told at all. */
function slopeOf(
  tiers: readonly Held[],
  shapes: readonly (Shape | undefined)[],
  trend: Trend,
): number | undefined {
  const decided = tiers.findIndex((held, i) => held.trend === trend && shapes[i] !== undefined)
  const shape = decided === -1 ? shapes.find((one) => one !== undefined) : shapes[decided]
  return shape === undefined ? undefined : shape.slope.slope * 1_000
}
