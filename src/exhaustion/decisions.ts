import type { AgentId, Incarnation } from '../agents/model.ts'
import type { ActionEntry, Control, ControlEvents } from '../control/model.ts'
import type { Log } from '../platform/log.ts'
import type { Usage } from '../usage/model.ts'
import { parseBudget } from './budget.ts'
import type { Tallies } from './census.ts'
import { FRESH, terminate } from './judge.ts'
import type { ActionTaken, Phase, ResourceLabel, Thresholds } from './model.ts'
import type { CountsAs } from './repository.ts'
import type { Tracked } from './tracked.ts'

/** Something that was done to an agent and is told as an event of its budget. */
export interface Decision {
  readonly previousPhase: Phase
  readonly triggeredBy: ResourceLabel
  readonly actionTaken: ActionTaken
  readonly entry: ActionEntry
  readonly countsAs: CountsAs | undefined
}

export interface DecisionsDependencies {
  readonly log: Log
  readonly usage: Pick<Usage, 'epoch' | 'openEpoch' | 'setPaused'>
  readonly control: Pick<Control, 'holds'>
  readonly tallies: Tallies
  /** The life an entry is about, also when it has just ended. */
  readonly lifeOf: (entry: {
    readonly agent: AgentId
    readonly incarnation: Incarnation | undefined
  }) => Tracked | undefined
  readonly judge: (tracked: Tracked) => void
  /** Writes the state and the event down and tells it. */
  readonly tell: (tracked: Tracked, decision: Decision) => void
  readonly save: (tracked: Tracked) => void
}

/** What becomes of the budget when somebody paused, resumed or terminated the agent. Each may be told twice. */
export interface Decisions {
  paused(event: ControlEvents['agent.paused']): void
  resumed(event: ControlEvents['agent.resumed']): void
  terminated(event: ControlEvents['agent.terminated']): void
}

export function createDecisions(dependencies: DecisionsDependencies): Decisions {
  const { log, usage, control, tallies, lifeOf, judge, tell, save } = dependencies

  /** Whether a new epoch began for this cause that this room has not heard of. */
  function openEpoch(tracked: Tracked, by: string): boolean {
    const { agent } = tracked
    tracked.reopening = true
    const outcome = usage.openEpoch(agent.id, by)
    tracked.reopening = false
    const epoch = usage.epoch(agent.id)
    if (epoch === undefined || epoch.incarnation !== agent.incarnation) return outcome === 'opened'
    // The ledger may have written it down before we could.
    const isNew = outcome === 'opened' || (epoch.openedBy === by && tracked.epoch < epoch.epoch)
    tracked.epoch = epoch.epoch
    return isNew
  }

  function extraOf(agent: AgentId, extra: Readonly<Record<string, number>>): Thresholds {
    const { budget, problems } = parseBudget(extra)
    if (problems.length > 0) log.warn('part of an extra budget is not valid', { agent })
    return budget
  }

  function renew(tracked: Tracked, { agent, extraBudget }: ActionEntry): void {
    tracked.state = FRESH
    tracked.intervention = undefined
    tracked.extra =
      extraBudget === undefined ? undefined : { epoch: tracked.epoch, budget: extraOf(agent, extraBudget) }
  }

  return {
    paused({ entry }) {
      const tracked = lifeOf(entry)
      if (tracked === undefined) return
      if (tracked.agent.endedAtMs === undefined) usage.setPaused(entry.agent, 'paused')
      if (entry.trigger === 'human' && tracked.heard.pause !== entry.id) {
        tracked.heard = { ...tracked.heard, pause: entry.id }
        tallies.interventions.manual++
        const previousPhase = tracked.state.phase
        tell(tracked, {
          ...{ previousPhase, triggeredBy: 'manual', actionTaken: 'paused', entry },
          countsAs: 'intervention',
        })
      }
      judge(tracked)
    },

    resumed({ entry, released }) {
      const tracked = lifeOf(entry)
      if (tracked === undefined) return
      const { agent, heard, state: before } = tracked
      const holds = control.holds(agent.id)
      if (holds.size === 0) usage.setPaused(agent.id, 'running')
      // Told again after a restart: we know it, or another pause has followed it.
      const isOld = heard.resume === entry.id || holds.has('budget')
      if (!isOld && before.phase !== 'termination') {
        const renews =
          released.includes('budget') || before.phase === 'intervention' || entry.extraBudget !== undefined
        const isNew = renews && openEpoch(tracked, entry.id)
        if (isNew) renew(tracked, entry)
        tracked.heard = { ...heard, resume: entry.id }
        const byPerson = entry.trigger === 'human'
        if (isNew || byPerson) {
          const triggeredBy = byPerson ? 'manual' : (before.triggeredBy ?? 'manual')
          const previousPhase = before.phase
          tell(tracked, {
            ...{ previousPhase, triggeredBy, actionTaken: 'resumed', entry },
            countsAs: undefined,
          })
        } else {
          save(tracked)
        }
      }
      judge(tracked)
    },

    terminated({ entry }) {
      const tracked = lifeOf(entry)
      if (tracked === undefined) return
      if (tracked.agent.endedAtMs === undefined) usage.setPaused(entry.agent, 'running')
      const { state: before } = tracked
      const triggeredBy = entry.trigger === 'budget' ? (before.triggeredBy ?? 'manual') : 'manual'
      const [state, verdicts] = terminate(before, triggeredBy)
      if (verdicts.length === 0) return
      tracked.state = state
      tracked.intervention = undefined
      tallies.terminations[triggeredBy]++
      const previousPhase = before.phase
      tell(tracked, {
        ...{ previousPhase, triggeredBy, actionTaken: 'terminated', entry },
        countsAs: 'termination',
      })
      judge(tracked)
    },
  }
}
