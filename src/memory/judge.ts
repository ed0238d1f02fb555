import { type AlertState, forNewIncarnation, judgeAlerts, type MemoryAlert, NO_ALERTS } from './alerts.ts'
import { type Followed, followedOf } from './basis.ts'
import { FRESH_LEVEL, judgeLevel, type LevelState, type LevelVerdict } from './level.ts'
import { BASES, type Basis, type MemoryConfig, type MemorySample } from './model.ts'
import { freshPace, judgePace, type PaceConfig, type PaceState } from './pace.ts'
import { createSlots, type Slots } from './slots.ts'
import {
  FRESH_TREND,
  freshTrend,
  isLimitNear,
  judgeTrend,
  type TrendState,
  type TrendVerdict,
} from './trend.ts'
import { markWater, NO_WATERMARKS, type Watermarks } from './watermarks.ts'

/** What is remembered of one incarnation of an agent. Everything but `slots` is replaced, never written to. */
export interface MemoryState {
  readonly level: LevelState
  readonly trend: TrendState
  readonly alerts: AlertState
  readonly pace: PaceState
  readonly watermarks: Watermarks
  /** What the trend follows, and when it was read last. */
  readonly followed: (Followed & { readonly atMs: number }) | undefined
  readonly slots: Slots
}

export type JudgeConfig = MemoryConfig & PaceConfig

export type MemoryVerdict =
  | LevelVerdict
  | TrendVerdict
  | { readonly kind: 'alert'; readonly alert: MemoryAlert }

/** A better number that fails for so long is given up for the next best; the series begins anew then. */
const PATIENCE_MS = 5 * 60_000

const NOTHING: readonly MemoryVerdict[] = []

/**
 * Of an agent that was never judged.
 * @param firstLookAtMs monotonic time of the first look at its trend, which takes twenty times as long as all the rest:
 *   given to agents that begin at the same time, or all of them would be looked at in the same turn of the loop
 */
export function freshMemory(config: PaceConfig, firstLookAtMs?: number): MemoryState {
  return {
    level: FRESH_LEVEL,
    trend: firstLookAtMs === undefined ? FRESH_TREND : freshTrend(firstLookAtMs),
    alerts: NO_ALERTS,
    pace: freshPace(config),
    watermarks: NO_WATERMARKS,
    followed: undefined,
    slots: createSlots(),
  }
}

/** The agent was started again: nothing is known of its memory, but its alerts still cool down. */
export function rebornMemory(
  { alerts }: MemoryState,
  config: PaceConfig,
  firstLookAtMs?: number,
): MemoryState {
  return { ...freshMemory(config, firstLookAtMs), alerts: forNewIncarnation(alerts) }
}

/**
 * One sample of one agent judged: level, trend, alerts and when to look again. A sample in which nothing was read
 * changes nothing. No clock and no I/O; the slots of the state are written to.
 * @param nowMs monotonic, never before the last
 */
export function judgeMemory(
  state: MemoryState,
  sample: MemorySample,
  config: JudgeConfig,
  nowMs: number,
): readonly [MemoryState, readonly MemoryVerdict[]] {
  const { slots } = state
  const [level, levelVerdicts] = judgeLevel(state.level, sample, config, nowMs)
  const read = followedOf(sample)
  if (level === state.level && read === undefined) return [state, NOTHING]

  const switched = isSwitched(state.followed, read, nowMs)
  if (switched) slots.cut()
  const isSame = switched || read?.basis === state.followed?.basis
  const bytes = isSame ? read?.bytes : undefined
  const followed =
    isSame && read !== undefined ? { basis: read.basis, bytes: read.bytes, atMs: nowMs } : state.followed
  slots.add(nowMs, bytes)

  const input = { slots, bytes, roomBytes: level.roomBytes }
  const known = switched && state.followed !== undefined ? FRESH_TREND : state.trend
  const [trend, trendVerdicts] =
    bytes === undefined ? ([known, []] as const) : judgeTrend(known, input, config.trend, nowMs)
  const gauge = level.judged
  const [alerts, raised] = judgeAlerts(
    state.alerts,
    {
      gauge,
      growthBytesPerSecond: trend.growthBytesPerSecond,
      timeToLimit: trend.timeToLimit,
      level: level.level,
      limitNear: isLimitNear(trend) ? 'near' : 'far',
      bytes: followed?.bytes,
      limit: limitOf(sample),
    },
    config,
    nowMs,
  )
  const pace = judgePace(
    state.pace,
    { bytes: level === state.level ? undefined : gauge?.bytes, limitBytes: gauge?.limitBytes },
    config,
    nowMs,
  )
  const watermarks = markWater(state.watermarks, bytes)
  const isNews = levelVerdicts.length + trendVerdicts.length + raised.length > 0
  const verdicts = !isNews
    ? NOTHING
    : [...levelVerdicts, ...trendVerdicts, ...raised.map((alert) => ({ kind: 'alert', alert }) as const)]
  return [{ level, trend, alerts, pace, watermarks, followed, slots }, verdicts]
}

/** Whether the trend follows another number from now on: a better one, or one after long failure. */
function isSwitched(followed: MemoryState['followed'], read: Followed | undefined, nowMs: number): boolean {
  if (read === undefined || read.basis === followed?.basis) return false
  return followed === undefined || isBetter(read.basis, followed.basis) || nowMs - followed.atMs > PATIENCE_MS
}

function isBetter(a: Basis, b: Basis): boolean {
  return BASES.indexOf(a) < BASES.indexOf(b)
}

function limitOf({ limitBytes, heapLimitBytes, hostAvailableBytes }: MemorySample): 'own' | 'host' | 'none' {
  if (limitBytes !== undefined || heapLimitBytes !== undefined) return 'own'
  return hostAvailableBytes === undefined ? 'none' : 'host'
}
