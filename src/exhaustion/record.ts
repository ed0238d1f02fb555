import type { EpochUsage } from '../usage/model.ts'
import { thresholdsOf } from './limits.ts'
import type { ActionTaken, ExhaustionEvent, Limits, Phase, Resource, ResourceLabel } from './model.ts'
import type { Used } from './ratios.ts'
import type { Tracked } from './tracked.ts'

/** Value of the label `unit`: in what a resource is counted where people read it. */
export const UNITS: Readonly<Record<Resource, string>> = {
  files: 'files',
  api_calls: 'calls',
  subtasks: 'subtasks',
  tokens: 'tokens',
  time_without_deliverable: 'seconds',
  cost_usd: 'usd',
  wall_clock: 'seconds',
  token_rate: 'tokens_per_second',
}

/** What divides an amount of a limit (milliseconds, tokens per minute) into its unit. */
const DIVISORS: Readonly<Partial<Record<Resource, number>>> = {
  time_without_deliverable: 1_000,
  wall_clock: 1_000,
  token_rate: 60,
}

export function inUnit(resource: Resource, amount: number): number {
  return amount / (DIVISORS[resource] ?? 1)
}

/** One sentence for people: which resource, how much of it was used, and of how much. */
export function reasonOf(resource: ResourceLabel, used: Used | undefined, limits: Limits): string {
  if (resource === 'manual') return 'a person decided'
  const amount = used?.[resource]
  const limit = limits[resource]
  if (amount === undefined || limit === undefined) return resource
  const show = (value: number) => String(Number(inUnit(resource, value).toPrecision(6)))
  return `${resource}: ${show(amount)} of ${show(limit.max)} ${UNITS[resource].replaceAll('_', ' ')} used`
}

export interface Happening {
  readonly id: string
  readonly atMs: number
  readonly phase: Phase
  readonly previousPhase: Phase
  readonly triggeredBy: ResourceLabel
  readonly actionTaken: ActionTaken
  readonly actionId?: string
  readonly actor: string
  readonly reason: string
}

/** The event with a snapshot of what was used and of the limits in force. */
export function eventOf(
  { agent, epoch }: Tracked,
  happening: Happening,
  usage: EpochUsage | undefined,
  used: Used | undefined,
  limits: Limits,
): ExhaustionEvent {
  return {
    agent: agent.id,
    incarnation: agent.incarnation,
    role: agent.info.role,
    epoch: usage?.epoch ?? epoch,
    actionId: undefined,
    ...happening,
    metrics: usage === undefined || used === undefined ? {} : snapshotOf(usage, used),
    thresholds: thresholdsOf(limits),
  }
}

function snapshotOf({ totals, ...usage }: EpochUsage, used: Used): ExhaustionEvent['metrics'] {
  return {
    filesRead: totals.filesRead,
    filesWritten: totals.filesWritten,
    filesModified: totals.filesModified,
    apiCallsCount: totals.apiCalls,
    subtasksSpawned: totals.subtasks,
    tokensConsumed: used.tokens ?? null,
    tokensPerMinute: used.token_rate ?? null,
    costUsd: totals.costUsd,
    wallClockMs: Math.round(usage.wallClockMs),
    timeWithoutDeliverableMs: Math.round(usage.sinceDeliverableMs),
    epochOpenedAt: iso(usage.openedAtMs),
    lastDeliverableAt: usage.lastDeliverableAtMs === undefined ? null : iso(usage.lastDeliverableAtMs),
    lastActivityAt: iso(usage.lastActivityAtMs),
  }
}

function iso(ms: number): string | null {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null
}
