import type { JudgeState } from '../exhaustion/judge.ts'
import type { ExhaustionConfig } from '../exhaustion/limits.ts'
import { extended, limitsOf, thresholdsOf } from '../exhaustion/limits.ts'
import type { Limits, Thresholds } from '../exhaustion/model.ts'
import { type Ratios, ratiosOf, type Used, usedOf } from '../exhaustion/ratios.ts'
import type { Moment } from '../platform/moment.ts'
import { epochUsage, type Ledger } from '../usage/ledger.ts'
import type { AgentMetrics } from './model.ts'

/** One agent: what it used, where it stands, and whether it is paused. A plain value, stored as it is. */
export interface Account {
  readonly ledger: Ledger
  readonly state: JudgeState
  readonly type: string
  readonly profile: string | undefined
  readonly budget: Thresholds
  /** What a resume added to the limits of that epoch. */
  readonly extra: { readonly epoch: number; readonly budget: Thresholds } | undefined
  readonly pause: Pause | undefined
  /** The event of the open intervention, and whether it is still without what should follow it. */
  readonly intervention:
    | { readonly eventId: string; readonly owes: 'pause' | 'approval' | 'nothing' }
    | undefined
}

export interface Pause {
  readonly atMs: number
  readonly reason: string
  /** Whose decision keeps the agent: the budget's holds it in its phase. */
  readonly by: 'budget' | 'caller'
}

/** What the judge compares. */
export interface Numbers {
  readonly used: Used
  readonly limits: Limits
  readonly ratios: Ratios
}

export function numbersOf(account: Account, config: ExhaustionConfig, now: Moment): Numbers {
  const { ledger, type, profile, budget, extra } = account
  const used = usedOf(epochUsage(ledger, now), config.tokenTypes)
  // The program says of what type its agents are, so the profile of the type is its choice.
  const { roles } = config
  const ofType = Object.hasOwn(roles, type) ? roles[type] : undefined
  const chosen = limitsOf(config, { role: undefined, profile: profile ?? ofType, budget })
  const limits = extended(chosen, extra?.epoch === ledger.epoch ? extra.budget : undefined)
  return { used, limits, ratios: ratiosOf(used, limits) }
}

/** A metrics record with times as numbers, as it is kept. */
export type MetricsSnapshot = {
  readonly [Key in keyof AgentMetrics]: Date extends AgentMetrics[Key]
    ? number | Exclude<AgentMetrics[Key], Date>
    : AgentMetrics[Key]
}

export function snapshotOf(account: Account, { used, limits, ratios }: Numbers): MetricsSnapshot {
  const { ledger, type, state, pause } = account
  const { totals } = ledger
  return {
    agentId: ledger.agent,
    agentType: type,
    filesRead: totals.filesRead,
    filesWritten: totals.filesWritten,
    filesModified: totals.filesModified,
    apiCallsCount: totals.apiCalls,
    subtasksSpawned: totals.subtasks,
    tokensConsumed: used.tokens ?? 0,
    startedAt: ledger.startedAtMs,
    lastDeliverableAt: ledger.lastDeliverableAtMs ?? null,
    lastActivityAt: ledger.lastActivityAtMs,
    phase: state.phase,
    pausedAt: pause?.atMs ?? null,
    pauseReason: pause?.reason ?? null,
    epoch: ledger.epoch,
    ratios,
    thresholds: thresholdsOf(limits),
  }
}

export function metricsAnswer(snapshot: MetricsSnapshot): AgentMetrics {
  const { startedAt, lastDeliverableAt, lastActivityAt, pausedAt } = snapshot
  return {
    ...snapshot,
    startedAt: new Date(startedAt),
    lastDeliverableAt: lastDeliverableAt === null ? null : new Date(lastDeliverableAt),
    lastActivityAt: new Date(lastActivityAt),
    pausedAt: pausedAt === null ? null : new Date(pausedAt),
  }
}
