import { randomBytes } from 'node:crypto'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { EpochUsage } from '../usage/model.ts'
import type { Tallies } from './census.ts'
import type { Decision } from './decisions.ts'
import type { Verdict } from './judge.ts'
import type { ExhaustionEvent, ExhaustionEvents, Limits } from './model.ts'
import type { Used } from './ratios.ts'
import { eventOf, reasonOf } from './record.ts'
import type { CountsAs, ExhaustionRepository } from './repository.ts'
import type { Tracked } from './tracked.ts'

/** What an event shows of the agent. */
export interface Snapshot {
  readonly epoch: EpochUsage | undefined
  readonly used: Used | undefined
  readonly limits: Limits
}

/** What happens to the budgets of agents: written down, counted and told. */
export interface Chronicle {
  /** The judge says so. @param crossedAtMs monotonic. */
  follow(tracked: Tracked, verdict: Verdict, snapshot: Snapshot, crossedAtMs: number): void
  /** Somebody did something to the agent. */
  decided(tracked: Tracked, decision: Decision, snapshot: Snapshot): void
}

export interface ChronicleDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly bus: Pick<Bus<ExhaustionEvents>, 'emit'>
  readonly repository: Pick<ExhaustionRepository, 'saveEvent'>
  readonly tallies: Tallies
  readonly save: (tracked: Tracked) => void
  /** An agent is at its limit; not told yet. @param crossedAtMs monotonic. */
  readonly onIntervention: (tracked: Tracked, crossedAtMs: number) => void
}

export function createChronicle(dependencies: ChronicleDependencies): Chronicle {
  const { clock, log, bus, repository, tallies, save, onIntervention } = dependencies
  let eventCount = 0

  /** Sorts by time of the event, also within a millisecond. */
  function nextId(): string {
    eventCount = (eventCount + 1) % 36 ** 4
    const order = eventCount.toString(36).padStart(4, '0')
    return `${clock.now().toString(36).padStart(9, '0')}${order}${randomBytes(5).toString('hex')}`
  }

  function tell(tracked: Tracked, event: ExhaustionEvent, countsAs: CountsAs | undefined): void {
    repository.saveEvent(event, countsAs)
    save(tracked)
    bus.emit('agent.phase_changed', { event })
  }

  return {
    follow(tracked, { kind, from, to, triggeredBy }, { epoch, used, limits }, crossedAtMs) {
      const reason = reasonOf(triggeredBy, used, limits)
      const event = eventOf(
        tracked,
        {
          id: nextId(),
          atMs: clock.now(),
          phase: to,
          previousPhase: from,
          triggeredBy,
          actionTaken: kind === 'entered' && to === 'warning' ? 'warned' : 'allowed',
          actor: 'budget',
          reason: kind === 'recovered' ? `clear of the limits again; ${reason}` : reason,
        },
        epoch,
        used,
        limits,
      )
      const isIntervention = kind === 'entered' && to === 'intervention'
      tracked.intervention = isIntervention
        ? { event, asking: 'no', outcome: undefined, asked: undefined }
        : undefined
      if (kind === 'entered') {
        tallies[isIntervention ? 'interventions' : 'warnings'][triggeredBy]++
        log.warn('the budget of an agent is in another phase', { agent: event.agent, phase: to, reason })
      }
      if (isIntervention) onIntervention(tracked, crossedAtMs)
      tell(tracked, event, kind === 'recovered' ? undefined : isIntervention ? 'intervention' : 'warning')
    },

    decided(tracked, { previousPhase, triggeredBy, actionTaken, entry, countsAs }, { epoch, used, limits }) {
      // Written down with it: when the next thing happens to this life, its name may belong to another.
      if (epoch !== undefined) tracked.epoch = epoch.epoch
      const happening = {
        id: nextId(),
        atMs: clock.now(),
        phase: tracked.state.phase,
        ...{ previousPhase, triggeredBy, actionTaken },
        actionId: entry.id,
        actor: entry.actor,
        reason: entry.reason,
      }
      tell(tracked, eventOf(tracked, happening, epoch, used, limits), countsAs)
    },
  }
}
