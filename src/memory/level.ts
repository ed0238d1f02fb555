import { type Gauge, gaugesOf, roomOf, severityOf, tightest } from './basis.ts'
import {
  BAD_LEVELS,
  type Basis,
  isWorse,
  LEVELS,
  type Level,
  type MemoryConfig,
  type MemorySample,
} from './model.ts'
import { followPressure, NO_PRESSURE, type PressureState } from './pressure.ts'

/** Since when something holds without a break, per level from warning on. */
type Since = readonly (number | undefined)[]

/** What is remembered of an agent between two samples. A new incarnation begins with `FRESH_LEVEL`. */
export interface LevelState {
  readonly level: Level
  /** What brought the level about; it does not fall while that is not read. */
  readonly basis: Basis | undefined
  /** What the last sample compared, nearest to its end. */
  readonly judged: Gauge | undefined
  /** Bytes to the first of the limits at the last sample. */
  readonly roomBytes: number | undefined
  readonly reached: Since
  readonly left: Since
  readonly pressure: PressureState
  readonly seenAtMs: number | undefined
}

const NEVER: Since = BAD_LEVELS.map(() => undefined)
export const FRESH_LEVEL: LevelState = {
  level: 'healthy',
  basis: undefined,
  judged: undefined,
  roomBytes: undefined,
  reached: NEVER,
  left: NEVER,
  pressure: NO_PRESSURE,
  seenAtMs: undefined,
}

export interface LevelVerdict {
  readonly kind: 'level_changed'
  readonly from: Level
  readonly to: Level
  readonly gauge: Gauge
  readonly stalledRatio: number | undefined
}

/** A warning may wait for a second opinion; when the kernel is about to act every sample counts. */
const ENTER_DWELL_MS = [3_000, 1_000, 0]
/** Below its threshold by this share, and for this long, a level is over. */
const EXIT_SHARE = 0.95
const EXIT_DWELL_MS = 60_000
/** Who was not seen for so long may have been anywhere: what has to last begins to last again. */
const SILENCE_MS = 15_000
/** … but who is looked at rarely is not silent in between: one look may fail. */
const SILENCE_IN_INTERVALS = 2.5
/**
 * Stalled shares that make a warning critical, and a critical agent imminent. Alone they raise nothing: who waits
 * for a slow disk has memory enough. nohang warns at 10 % and acts at 40 %, oomd kills at 60 % of 30 s.
 */
const STALLED_CRITICAL = 0.1
const STALLED_IMMINENT = 0.4

const NOTHING: readonly LevelVerdict[] = []

/**
 * The level that the sample says, with bands and dwell. A sample in which nothing could be compared changes nothing.
 * @param nowMs monotonic
 */
export function judgeLevel(
  state: LevelState,
  sample: MemorySample,
  config: Pick<MemoryConfig, 'thresholds' | 'limitRatios'> & { readonly intervalMs?: number },
  nowMs: number,
): readonly [LevelState, readonly LevelVerdict[]] {
  const gauges = gaugesOf(sample, config)
  const judged = tightest(gauges)
  if (judged === undefined) return [state, NOTHING]
  const pressure = followPressure(state.pressure, sample.stalledSeconds, nowMs)
  const silenceMs = Math.max(SILENCE_MS, SILENCE_IN_INTERVALS * (config.intervalMs ?? 0))
  const isNew = state.seenAtMs === undefined || nowMs - state.seenAtMs > silenceMs
  const entering = worst(gauges, pressure, 1)
  const isKnown = state.basis === undefined || gauges.some(({ basis }) => basis === state.basis)
  const staying = isKnown ? worst(gauges, pressure, EXIT_SHARE) : BAD_LEVELS.length
  const reached = since(isNew ? NEVER : state.reached, 0, entering, nowMs)
  const left = since(isNew ? NEVER : state.left, staying, BAD_LEVELS.length, nowMs)

  const present = LEVELS.indexOf(state.level)
  let to = 0
  for (let i = 0; i < BAD_LEVELS.length; i++) {
    const isEntered = lasts(reached[i], ENTER_DWELL_MS[i]!, nowMs)
    const isKept = i < present && !lasts(left[i], EXIT_DWELL_MS, nowMs)
    if (isEntered || isKept) to = i + 1
  }
  const level = LEVELS[to]!
  const next: LevelState = {
    level,
    basis: to === 0 ? undefined : isWorse(level, state.level) ? judged.basis : state.basis,
    judged,
    roomBytes: roomOf(gauges, sample),
    reached,
    left,
    pressure,
    seenAtMs: nowMs,
  }
  if (to === present) return [next, NOTHING]
  const { stalledRatio } = pressure
  return [next, [{ kind: 'level_changed', from: state.level, to: level, gauge: judged, stalledRatio }]]
}

/** Severity of the worst gauge, one more under pressure. */
function worst(gauges: readonly Gauge[], { stalledRatio = 0 }: PressureState, share: number): number {
  let severity = 0
  for (const gauge of gauges) severity = Math.max(severity, severityOf(gauge, share))
  if (severity === 1 && stalledRatio >= STALLED_CRITICAL * share) return 2
  return severity === 2 && stalledRatio >= STALLED_IMMINENT * share ? 3 : severity
}

/** It holds for the levels from `first` to before `end`. The same object while nothing begins or ends: so it is mostly. */
function since(before: Since, first: number, end: number, nowMs: number): Since {
  let next: (number | undefined)[] | undefined
  for (let i = 0; i < before.length; i++) {
    const holds = first <= i && i < end
    if (holds === (before[i] !== undefined)) continue
    next ??= [...before]
    next[i] = holds ? nowMs : undefined
  }
  return next ?? before
}

function lasts(sinceMs: number | undefined, dwellMs: number, nowMs: number): boolean {
  return sinceMs !== undefined && nowMs - sinceMs >= dwellMs
}
