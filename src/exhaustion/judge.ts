import { elapsedMs, type Moment } from '../platform/moment.ts'
import { type Limit, type Limits, PHASES, type Phase, RESOURCES, type ResourceLabel } from './model.ts'
import type { Ratios } from './ratios.ts'

/** A warning ends below this share of its threshold: a ratio that trembles around it is one excursion. */
const WARNING_RECOVERY = 0.9
/** An intervention ends below this ratio of every limit that enforces. */
const INTERVENTION_RECOVERY = 0.95
/** Inclusive: exactly at the limit is exceeded. */
export const INTERVENTION_RATIO = 1

/** What is remembered of an agent between two judgements. A new incarnation begins with `FRESH`. */
export interface JudgeState {
  readonly phase: Phase
  /** What caused the present phase; undefined while normal. */
  readonly triggeredBy: ResourceLabel | undefined
  /** The open intervention: since when, and whether a person has answered it. */
  readonly intervention: { readonly since: Moment; readonly answer: 'awaited' | 'given' } | undefined
}

export const FRESH: JudgeState = { phase: 'normal', triggeredBy: undefined, intervention: undefined }

export interface JudgeInput {
  readonly limits: Limits
  /** A resource with a limit and no ratio is not known: it raises nothing, and nothing is lowered without it. */
  readonly ratios: Ratios
  /** The budget holds the agent, or is about to: it must not talk itself out of that. */
  readonly held: boolean
}

export interface JudgeConfig {
  /** Share of a limit at which the warning begins. */
  readonly warningThresholdPercent: number
}

/** `entered`: an excursion opens. `recovered`: it closes. Exactly one of each per excursion. */
export interface Verdict {
  readonly kind: 'entered' | 'recovered'
  readonly from: Phase
  readonly to: Phase
  /** First resource in the order of `RESOURCES` that produced the severity; at a recovery what had opened it. */
  readonly triggeredBy: ResourceLabel
}

const NOTHING: readonly Verdict[] = []

/**
 * The phase that the ratios say, with hysteresis. The highest severity wins. Limits that nobody wrote
 * only warn. Nothing leaves `termination`.
 */
export function judge(
  state: JudgeState,
  { limits, ratios, held }: JudgeInput,
  { warningThresholdPercent: warning }: JudgeConfig,
  now: Moment,
): readonly [JudgeState, readonly Verdict[]] {
  if (state.phase === 'termination') return [state, NOTHING]
  let to: Phase = 'normal'
  let triggeredBy: ResourceLabel | undefined
  let isComplete = true
  for (const resource of RESOURCES) {
    const limit = limits[resource]
    if (limit === undefined) continue
    const ratio = ratios[resource]
    if (!isKnown(ratio)) {
      isComplete = false
      continue
    }
    const severity = severityOf(ratio, limit, warning)
    if (isAbove(severity, to)) {
      to = severity
      triggeredBy = resource
    }
  }
  const { phase } = state
  if (triggeredBy !== undefined && isAbove(to, phase)) {
    const intervention = to === 'intervention' ? ({ since: now, answer: 'awaited' } as const) : undefined
    const entered: Verdict = { kind: 'entered', from: phase, to, triggeredBy }
    return [{ phase: to, triggeredBy, intervention }, [entered]]
  }
  if (to === phase || held || !isComplete || !isClear(phase, limits, ratios, warning)) return [state, NOTHING]
  const opened = state.triggeredBy ?? 'manual'
  const recovered: Verdict = { kind: 'recovered', from: phase, to, triggeredBy: opened }
  return [{ phase: to, triggeredBy, intervention: undefined }, [recovered]]
}

/** The end of an agent that somebody terminated; the second time it is no news. */
export function terminate(
  state: JudgeState,
  triggeredBy: ResourceLabel,
): readonly [JudgeState, readonly Verdict[]] {
  if (state.phase === 'termination') return [state, NOTHING]
  const ended: Verdict = { kind: 'entered', from: state.phase, to: 'termination', triggeredBy }
  return [{ phase: 'termination', triggeredBy, intervention: undefined }, [ended]]
}

/** A person approved or rejected: the open intervention is no longer without an answer. */
export function answered(state: JudgeState): JudgeState {
  if (state.intervention === undefined) return state
  return { ...state, intervention: { ...state.intervention, answer: 'given' } }
}

export interface TerminationConfig {
  readonly autoTerminate: boolean
  readonly terminateAfterMs: number
}

/** Milliseconds until an unanswered intervention ends the agent, 0 when it is time; undefined when it never is. */
export function msToTermination(
  { intervention }: JudgeState,
  { autoTerminate, terminateAfterMs }: TerminationConfig,
  now: Moment,
): number | undefined {
  if (!autoTerminate || intervention === undefined || intervention.answer === 'given') return undefined
  return Math.max(0, terminateAfterMs - elapsedMs(intervention.since, now))
}

/** Whether every ratio is below what keeps the phase up. */
function isClear(phase: Phase, limits: Limits, ratios: Ratios, warning: number): boolean {
  for (const resource of RESOURCES) {
    const limit = limits[resource]
    if (limit === undefined) continue
    const ratio = ratios[resource] ?? Number.POSITIVE_INFINITY
    if (phase === 'intervention' && enforces(limit) && ratio >= INTERVENTION_RECOVERY) return false
    if (phase === 'warning' && ratio >= warning * WARNING_RECOVERY) return false
  }
  return true
}

function severityOf(ratio: number, limit: Limit, warning: number): Phase {
  if (ratio >= INTERVENTION_RATIO && enforces(limit)) return 'intervention'
  return ratio >= Math.min(warning, INTERVENTION_RATIO) ? 'warning' : 'normal'
}

export function enforces({ origin }: Limit): boolean {
  return origin !== 'builtin'
}

function isKnown(ratio: number | undefined): ratio is number {
  return ratio !== undefined && Number.isFinite(ratio)
}

function isAbove(a: Phase, b: Phase): boolean {
  return PHASES.indexOf(a) > PHASES.indexOf(b)
}
