import { createInstruments } from '../platform/exposition/instruments.ts'
import type { Collector } from '../platform/feature.ts'
import {
  actionDuration,
  actionsPending,
  actionsTotal,
  killSwitchEngaged,
  OUTCOMES,
  type OutcomeLabel,
  pausedCurrent,
  pausedSince,
  pausesRestored,
  RUNGS,
  reactionDuration,
  refusalsTotal,
} from './families.ts'
import { ACTIONS, type Action, type ActionStatus, REFUSALS, TRIGGERS } from './model.ts'
import type { ActionRecord } from './record.ts'

const OUTCOME: Readonly<Partial<Record<ActionStatus, OutcomeLabel>>> = {
  refused: 'refused',
  dry_run: 'dry_run',
  noop: 'noop',
  done: 'done',
  partial: 'failed',
  failed: 'failed',
  needs_foreground: 'failed',
}

export interface ControlMetrics {
  readonly collector: Collector
  /** Counts a record that is settled, or a refusal once more. `verifiedMs` is monotonic. */
  settled(record: ActionRecord, verifiedMs: number): void
  /** An agent that ran although it was held was stopped again. */
  restored(): void
}

/** What is read afresh at each scrape. */
export interface ControlGauges {
  /** What every action is that waits or is under way, one by one. */
  readonly pending: () => Iterable<Action>
  readonly killSwitch: () => boolean
  /** Live agents that are held and since when, wall clock in milliseconds. */
  readonly paused: () => Iterable<readonly [agent: string, sinceMs: number]>
}

export function createControlMetrics(gauges: ControlGauges): ControlMetrics {
  const instruments = createInstruments('control')
  const actions = instruments.counter(
    actionsTotal,
    ACTIONS.flatMap((action) =>
      TRIGGERS.flatMap((trigger) => OUTCOMES.map((outcome) => ({ action, trigger, outcome }))),
    ),
  )
  const refusals = instruments.counter(
    refusalsTotal,
    ACTIONS.flatMap((action) => REFUSALS.map((reason) => ({ action, reason }))),
  )
  const restored = instruments.counter(pausesRestored, [{}])
  const durations = instruments.histogram(
    actionDuration,
    ACTIONS.flatMap((action) => RUNGS[action].map((rung) => ({ action, rung }))),
  )
  const reactions = instruments.histogram(
    reactionDuration,
    TRIGGERS.map((trigger) => ({ trigger })),
  )
  const { collector } = instruments

  return {
    settled({ entry, crossedAtMs }, verifiedMs) {
      const { action, trigger, status, refusal, rung, durationMs } = entry
      const outcome = OUTCOME[status]
      if (outcome === undefined) return
      actions.inc({ action, trigger, outcome })
      if (refusal !== undefined) refusals.inc({ action, reason: refusal })
      if (status !== 'done' || rung === undefined) return
      if (durationMs !== undefined) durations.observe({ action, rung }, durationMs / 1_000)
      if (crossedAtMs !== undefined && verifiedMs >= crossedAtMs) {
        reactions.observe({ trigger }, (verifiedMs - crossedAtMs) / 1_000)
      }
    },
    restored: () => restored.inc({}),
    collector: {
      name: collector.name,
      get families() {
        return [...collector.families, actionsPending, killSwitchEngaged, pausedCurrent, pausedSince]
      },
      refresh: (deadline) => collector.refresh?.(deadline) ?? Promise.resolve(),
      collect(out) {
        for (const [action, count] of counted(gauges.pending())) out.set(actionsPending, { action }, count)
        out.set(killSwitchEngaged, {}, gauges.killSwitch() ? 1 : 0)
        let paused = 0
        for (const [agent, sinceMs] of gauges.paused()) {
          paused++
          out.set(pausedSince, { agent }, sinceMs / 1_000)
        }
        out.set(pausedCurrent, {}, paused)
        return collector.collect(out)
      },
    },
  }
}

function counted(pending: Iterable<Action>): ReadonlyMap<Action, number> {
  const counts = new Map<Action, number>(ACTIONS.map((action) => [action, 0]))
  for (const action of pending) counts.set(action, (counts.get(action) ?? 0) + 1)
  return counts
}
