import { type Advice, adviceFor, type Situation } from './advice.ts'
import { type AlertType, isWorse, type Level } from './model.ts'

/** What is remembered of the alerts of one agent. */
export interface AlertState {
  /** Worst level that was told since it was healthy. */
  readonly told: Level
  readonly toldTrend: 'told' | 'not told'
  /** When each type was sent last, also in earlier incarnations: a crash loop is one trouble. */
  readonly sentAtMs: Readonly<Partial<Record<AlertType, number>>>
}

export const NO_ALERTS: AlertState = { told: 'healthy', toldTrend: 'not told', sentAtMs: {} }

export interface AlertInput extends Situation {
  readonly level: Level
  /** The limit was seen near while it grows. */
  readonly limitNear: 'near' | 'far'
  /** What is followed by the trend, and whether the agent has a limit of its own: small fry of a large host is no news. */
  readonly bytes: number | undefined
  readonly limit: 'own' | 'host' | 'none'
}

export interface MemoryAlert extends Advice {
  readonly type: AlertType
  readonly level: Level
  /** Judged bytes, and what they were compared with for this type. */
  readonly bytes: number | undefined
  readonly thresholdBytes: number | undefined
}

const NOTHING: readonly MemoryAlert[] = []

const MINUTE_MS = 60_000
/** While it stays bad it is said again, the worse the sooner; never within the cool-down. */
const AGAIN_AFTER_MS: Readonly<Partial<Record<AlertType, number>>> = {
  warning: 60 * MINUTE_MS,
  critical: 15 * MINUTE_MS,
  oom_imminent: 5 * MINUTE_MS,
  trend_warning: 30 * MINUTE_MS,
}
/** Below it an agent that only shares the host's memory is not warned of its growth. */
const SMALL_BYTES = 100 * 1_048_576

/**
 * Which alerts are due. A level that is worse than what was told passes every cool-down; on the way down nothing is
 * said until all is well. What the cool-down kept back is said when it has passed and is still so.
 * @param nowMs monotonic
 */
export function judgeAlerts(
  state: AlertState,
  input: AlertInput,
  { alertCooldownMs }: { readonly alertCooldownMs: number },
  nowMs: number,
): readonly [AlertState, readonly MemoryAlert[]] {
  const { level } = input
  const isTold = state.told !== 'healthy' || state.toldTrend === 'told'
  const isWell = level === 'healthy' && input.limitNear === 'far'
  if (isWell && !isTold) return [state, NOTHING]
  const isQuiet = (type: AlertType, ms: number) => {
    const at = state.sentAtMs[type]
    return at === undefined || nowMs - at >= ms
  }
  const due: AlertType[] = []
  if (level !== 'healthy') {
    const again = Math.max(alertCooldownMs, AGAIN_AFTER_MS[level] ?? 0)
    const isFirst = state.told === 'healthy' && isQuiet(level, alertCooldownMs)
    const isEscalation = state.told !== 'healthy' && isWorse(level, state.told)
    if (isFirst || isEscalation || isWorseThanSent(state, level, alertCooldownMs, nowMs)) due.push(level)
    else if (state.told !== 'healthy' && isQuiet(level, again) && isQuiet(state.told, again)) due.push(level)
  }
  const trend = trendDue(state, input, alertCooldownMs, isQuiet)
  if (trend) due.push('trend_warning')
  if (isWell && isTold && isQuiet('recovered', alertCooldownMs)) due.push('recovered')
  if (due.length === 0) return [state, NOTHING]

  const sentAtMs = { ...state.sentAtMs }
  for (const type of due) sentAtMs[type] = nowMs
  const isRecovered = due.includes('recovered')
  const isLevelTold = level !== 'healthy' && due.includes(level)
  const next: AlertState = {
    told: isRecovered ? 'healthy' : isLevelTold ? level : state.told,
    toldTrend: isRecovered ? 'not told' : trend ? 'told' : state.toldTrend,
    sentAtMs,
  }
  return [next, due.map((type) => alertOf(type, input))]
}

/** The agent was started again: what was told is over, when it was told is not. */
export function forNewIncarnation({ sentAtMs }: AlertState): AlertState {
  return { ...NO_ALERTS, sentAtMs }
}

/** After a recovery a level comes anew. Within its cool-down it waits, unless nothing as bad was said lately. */
function isWorseThanSent(
  { told, sentAtMs }: AlertState,
  level: Level,
  cooldownMs: number,
  nowMs: number,
): boolean {
  if (told !== 'healthy') return false
  const lately = (['warning', 'critical', 'oom_imminent'] as const).filter((type) => {
    const at = sentAtMs[type]
    return at !== undefined && nowMs - at < cooldownMs
  })
  return lately.every((type) => isWorse(level, type))
}

function trendDue(
  { toldTrend }: AlertState,
  { limitNear, level, bytes, limit }: AlertInput,
  cooldownMs: number,
  isQuiet: (type: AlertType, ms: number) => boolean,
): boolean {
  if (limitNear === 'far' || isWorse(level, 'warning')) return false
  if (limit !== 'own' && (bytes === undefined || bytes < SMALL_BYTES)) return false
  const again = toldTrend === 'told' ? Math.max(cooldownMs, AGAIN_AFTER_MS.trend_warning ?? 0) : cooldownMs
  return isQuiet('trend_warning', again)
}

function alertOf(type: AlertType, input: AlertInput): MemoryAlert {
  const { gauge, level } = input
  const thresholdBytes =
    type === 'trend_warning' ? gauge?.limitBytes : gauge?.thresholds[type === 'recovered' ? 'warning' : type]
  return { type, level, bytes: gauge?.bytes, thresholdBytes, ...adviceFor(type, input) }
}
