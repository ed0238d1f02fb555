import type { Agent, AgentId, Incarnation } from '../agents/model.ts'
import type { Control } from '../control/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Moment } from '../platform/moment.ts'
import type { EpochUsage, Usage } from '../usage/model.ts'
import type { Tallies } from './census.ts'
import { createChronicle, type Snapshot } from './chronicle.ts'
import type { BudgetView } from './collector.ts'
import type { Decision } from './decisions.ts'
import type { Enrolments } from './enrolment.ts'
import { judge, msToTermination } from './judge.ts'
import type { ExhaustionConfig } from './limits.ts'
import type { ExhaustionEvents } from './model.ts'
import { type Ratios, ratiosOf, usedOf } from './ratios.ts'
import type { ExhaustionRepository } from './repository.ts'
import { createCrossings, msToCrossing } from './schedule.ts'
import { freshTracked, limitsNow, restoredTracked, storedOf, type Tracked } from './tracked.ts'

export interface WatchOptions {
  readonly clock: Clock
  readonly bootId: string
  readonly log: Log
  readonly bus: Pick<Bus<ExhaustionEvents>, 'emit'>
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  readonly usage: Pick<Usage, 'epoch'>
  readonly control: Pick<Control, 'holds' | 'isTerminal'>
  readonly config: () => ExhaustionConfig
  readonly enrolments: Enrolments
  readonly repository: Pick<ExhaustionRepository, 'saveEvent' | 'saveState'>
  readonly tallies: Tallies
  readonly isRunning: () => boolean
  /** An agent is at its limit. @param crossedAtMs monotonic. */
  readonly onIntervention: (tracked: Tracked, crossedAtMs: number) => void
  /** A time has come; the agent was judged. */
  readonly onTime: (tracked: Tracked) => void
}

/** Every life of an agent that is judged, and the judging. */
export interface Watch {
  readonly lives: ReadonlyMap<Incarnation, Tracked>
  now(): Moment
  track(agent: Agent): Tracked
  /** Begins anew with what was stored; undefined: nothing could be read. */
  restore(stored: Stored | undefined): void
  judge(tracked: Tracked): void
  /** Judges the agent of this id, when there is one. */
  judgeId(id: AgentId): void
  /** Writes down and tells what somebody did to an agent. */
  decided(tracked: Tracked, decision: Decision): void
  save(tracked: Tracked): void
  /** The life an entry of the journal is about, also when it has just ended. */
  lifeOf(entry: {
    readonly agent: AgentId
    readonly incarnation: Incarnation | undefined
  }): Tracked | undefined
  view(agent: Agent): BudgetView
  /** No time of this life is waited for any more. */
  rest(incarnation: Incarnation): void
  /** Drops lives that the registry no longer has. */
  prune(): void
  stop(): void
}

type Stored = Awaited<ReturnType<ExhaustionRepository['restore']>>

/** The ledger may hear of an agent after we do. */
const LEDGER_RETRY_MS = 1_000

export function createWatch(options: WatchOptions): Watch {
  const { clock, bootId, log, bus, agents, usage, control, config, enrolments, repository, isRunning } =
    options
  const { tallies } = options
  const lives = new Map<Incarnation, Tracked>()
  let restored: Stored | undefined

  const crossings = createCrossings<Incarnation>(clock, (incarnation, dueMs) => {
    const tracked = lives.get(incarnation)
    if (tracked === undefined || agents.get(tracked.agent.id)?.incarnation !== incarnation) return
    judgeNow(tracked, Math.min(dueMs, clock.monotonic()))
    options.onTime(tracked)
  })

  const now = (): Moment => ({ bootId, bootMs: clock.sinceBoot(), wallMs: clock.now() })

  function track(agent: Agent): Tracked {
    let tracked = lives.get(agent.incarnation)
    if (tracked === undefined) {
      const stored = restored?.states.get(agent.incarnation)
      tracked = stored && restored ? restoredTracked(agent, stored, restored.events) : freshTracked(agent)
      lives.set(agent.incarnation, tracked)
    } else if (tracked.agent !== agent) {
      tracked.agent = agent
    }
    return tracked
  }

  const save = (tracked: Tracked): void => repository.saveState(storedOf(tracked))

  const chronicle = createChronicle({
    ...{ clock, log, bus, repository, tallies, save },
    onIntervention: options.onIntervention,
  })

  /** What the ledger says of this very life. */
  function usageOf({ agent }: Tracked): EpochUsage | undefined {
    const epoch = usage.epoch(agent.id)
    return epoch?.incarnation === agent.incarnation ? epoch : undefined
  }

  function numbersOf(tracked: Tracked): Snapshot & { readonly ratios: Ratios } {
    const epoch = usageOf(tracked)
    const section = config()
    const limits = limitsNow(tracked, epoch ?? tracked, section, enrolments)
    if (epoch === undefined) return { epoch, used: undefined, limits, ratios: {} }
    const used = usedOf(epoch, section.tokenTypes)
    return { epoch, used, limits, ratios: ratiosOf(used, limits) }
  }

  /** @param dueMs when a time was due, on the monotonic clock; undefined: something happened just now. */
  function judgeNow(tracked: Tracked, dueMs?: number): void {
    const { agent } = tracked
    const section = config()
    if (!isRunning() || tracked.reopening) return
    const isOver = agent.endedAtMs !== undefined || tracked.state.phase === 'termination'
    if (!section.enabled || isOver || control.isTerminal(agent.id)) {
      crossings.set(agent.incarnation, undefined)
      return
    }
    const { epoch, used, limits, ratios } = numbersOf(tracked)
    if (epoch === undefined || used === undefined) {
      crossings.set(agent.incarnation, LEDGER_RETRY_MS)
      return
    }
    tracked.epoch = epoch.epoch
    const held = control.holds(agent.id)
    const input = {
      limits,
      ratios,
      held: held.has('budget') || tracked.intervention?.asking === 'deciding',
    }
    const moment = now()
    const [state, verdicts] = judge(tracked.state, input, section, moment)
    tracked.state = state
    for (const verdict of verdicts) {
      chronicle.follow(tracked, verdict, { epoch, used, limits }, dueMs ?? clock.monotonic())
    }
    const untilEnd = enrolments.enforced(agent) ? msToTermination(tracked.state, section, moment) : undefined
    const untilCrossing =
      held.size > 0 ? undefined : msToCrossing(used, limits, section.warningThresholdPercent)
    // An end that is overdue is a debt of the backstop.
    crossings.set(agent.incarnation, earliest(untilCrossing, untilEnd === 0 ? undefined : untilEnd))
  }

  /** The life an entry of the journal is about, also when it has just ended. */
  function lifeOf(entry: { readonly agent: AgentId; readonly incarnation: Incarnation | undefined }) {
    const agent = agents.get(entry.agent)
    if (agent !== undefined && (entry.incarnation ?? agent.incarnation) === agent.incarnation) {
      return track(agent)
    }
    return entry.incarnation === undefined ? undefined : lives.get(entry.incarnation)
  }

  function view(agent: Agent): BudgetView {
    const tracked = track(agent)
    const { used, limits, ratios } = numbersOf(tracked)
    const { phase, triggeredBy } = tracked.state
    return { phase, triggeredBy, enforced: enrolments.enforced(agent), limits, used, ratios }
  }

  return {
    lives,
    now,
    track,
    save,
    lifeOf,
    view,
    judge: (tracked) => judgeNow(tracked),

    judgeId(id) {
      const agent = agents.get(id)
      if (agent !== undefined) judgeNow(track(agent))
    },

    restore(stored) {
      restored = stored
      // Whoever asked before did not see what was stored.
      lives.clear()
      for (const agent of agents.list()) track(agent)
    },

    decided: (tracked, decision) => chronicle.decided(tracked, decision, numbersOf(tracked)),
    rest: (incarnation) => crossings.set(incarnation, undefined),

    prune() {
      for (const [incarnation, { agent }] of lives) {
        if (agents.get(agent.id)?.incarnation === incarnation) continue
        lives.delete(incarnation)
        crossings.set(incarnation, undefined)
      }
    },

    stop: crossings.stop,
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b
  return b === undefined ? a : Math.min(a, b)
}
