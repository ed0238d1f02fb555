import { triggerName } from '../exhaustion/limits.ts'
import type { ActionTaken, Phase, ResourceLabel } from '../exhaustion/model.ts'
import type { CountsAs } from '../exhaustion/repository.ts'
import type { DeliverableType } from '../usage/model.ts'
import { type MetricsSnapshot, metricsAnswer } from './account.ts'
import type { DeliverableCheckpoint, ResourceEvent } from './model.ts'

/** An event as it is kept: plain JSON. */
export interface KeptEvent {
  readonly id: string
  readonly epoch: number
  readonly phase: Phase
  readonly previousPhase: Phase
  readonly actionTaken: ActionTaken
  readonly triggeredBy: ResourceLabel
  readonly actor: 'budget' | 'caller'
  readonly reason: string
  readonly metrics: MetricsSnapshot
  readonly countsAs: CountsAs | undefined
  readonly atMs: number
}

/** A checkpoint as it is kept. */
export interface KeptCheckpoint {
  readonly id: string
  readonly agentId: string
  readonly type: DeliverableType
  readonly description: string | undefined
  readonly artifacts: readonly string[]
  readonly verified: boolean | undefined
  readonly atMs: number
}

/** More would be a leak in a program that runs for months; the totals go on counting. */
const KEPT = 10_000

export type Totals = Readonly<Record<CountsAs, number>>

/** What happened, in the order in which it did; outlives the agents. */
export interface History {
  /** Adds the event, or replaces the one with its id. */
  put(event: KeptEvent): void
  event(id: string): KeptEvent | undefined
  /** Newest first. */
  recent(limit: number, sinceMs?: number): readonly KeptEvent[]
  /** Without a time everything that was ever counted. */
  totals(sinceMs?: number): Totals
  deliver(checkpoint: KeptCheckpoint): void
  /** Newest first. */
  deliverables(agentId: string, limit: number): readonly KeptCheckpoint[]
}

export function createHistory(
  events: readonly KeptEvent[] = [],
  checkpoints: readonly KeptCheckpoint[] = [],
): History {
  const kept = new Map<string, KeptEvent>()
  const totals = { warning: 0, intervention: 0, termination: 0 }
  const delivered = [...checkpoints].sort(byTime).slice(-KEPT)

  function put(event: KeptEvent): void {
    if (!kept.has(event.id) && event.countsAs !== undefined) totals[event.countsAs]++
    kept.set(event.id, event)
    if (kept.size <= KEPT) return
    for (const id of kept.keys()) {
      kept.delete(id)
      return
    }
  }
  for (const event of [...events].sort(byTime)) put(event)

  return {
    put,
    event: (id) => kept.get(id),
    recent(limit, sinceMs = Number.NEGATIVE_INFINITY) {
      const newest = [...kept.values()].reverse()
      return newest.filter(({ atMs }) => atMs >= sinceMs).slice(0, limit)
    },
    totals(sinceMs) {
      if (sinceMs === undefined) return { ...totals }
      const counted = { warning: 0, intervention: 0, termination: 0 }
      for (const { countsAs, atMs } of kept.values()) {
        if (countsAs !== undefined && atMs >= sinceMs) counted[countsAs]++
      }
      return counted
    },
    deliver(checkpoint) {
      delivered.push(checkpoint)
      if (delivered.length > KEPT) delivered.shift()
    },
    deliverables: (agentId, limit) =>
      delivered
        .filter((checkpoint) => checkpoint.agentId === agentId)
        .reverse()
        .slice(0, limit),
  }
}

export function eventAnswer({ atMs, triggeredBy, metrics, countsAs: _, ...event }: KeptEvent): ResourceEvent {
  const { thresholds, ...used } = metricsAnswer(metrics)
  return {
    ...event,
    agentId: metrics.agentId,
    agentType: metrics.agentType,
    triggeredBy: triggerName(triggeredBy),
    metrics: used,
    thresholds,
    createdAt: new Date(atMs),
  }
}

export function checkpointAnswer(checkpoint: KeptCheckpoint): DeliverableCheckpoint {
  const { id, agentId, type, description, artifacts, verified, atMs } = checkpoint
  return {
    ...{ id, agentId, type },
    ...(description === undefined ? {} : { description }),
    ...(artifacts.length === 0 ? {} : { artifacts }),
    ...(verified === undefined ? {} : { verified }),
    createdAt: new Date(atMs),
  }
}

/** Sorting is stable: what has the same time stays as it was saved. */
function byTime(a: { readonly atMs: number }, b: { readonly atMs: number }): number {
  return a.atMs - b.atMs
}
