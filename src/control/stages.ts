import type { Agent, Incarnation } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import { type Admitted, admit } from './admit.ts'
import { type Approvals, createApprovals } from './approvals.ts'
import { type CarryOutDeps, createCarryOut } from './carry-out.ts'
import { createDecide, type Decide } from './decide.ts'
import type { ControlDependencies } from './dependencies.ts'
import { createEffect, type Mode } from './effect.ts'
import { type FactsDeps, gatherFacts, isAlive } from './facts.ts'
import type { ContainerStanding } from './guard.ts'
import { type ControlMetrics, createControlMetrics } from './metrics.ts'
import type { ActionRequest, ControlEvents } from './model.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import type { ActionRecord } from './record.ts'
import { createRefusals } from './refusals.ts'
import { createSettle, type Settle } from './settle.ts'
import type { ControlState } from './state.ts'

/** What the stages ask of the parts of the room that look after interrupted and past lives. */
export interface Around extends Pick<CarryOutDeps, 'remains' | 'isOver' | 'late'> {
  readonly mayActOn: (agent: Agent) => boolean
  /** What was done before is not known. */
  readonly damaged: () => boolean
  /** Who of an interrupted life was stopped before the daemon ended. */
  readonly stoppedBefore: (incarnation: Incarnation) => readonly ProcessKey[] | undefined
}

/** The way of an action: admit, decide, effect, verify, settle; or a person is asked in between. */
export interface Stages extends Pick<Settle, 'settle' | 'finish' | 'ended'> {
  readonly admitted: (request: ActionRequest) => Promise<Admitted>
  readonly decide: Decide
  readonly approvals: Approvals
  readonly go: (record: ActionRecord, mode: Mode) => void
  readonly metrics: ControlMetrics
  readonly outbox: Outbox | undefined
  /** By entry; called once when it settles. */
  readonly listeners: Map<string, (record: ActionRecord) => void>
}

export function createStages(deps: ControlDependencies, state: ControlState, around: Around): Stages {
  const { clock, bus, log, agents, runtimes, killSwitch, lock, config } = deps
  const { moment, repository, journal, ids, board, keys, ledger, memory, lanes, underWay } = state
  const listeners = new Map<string, (record: ActionRecord) => void>()

  const metrics = createControlMetrics({
    killSwitch: () => killSwitch.isEngaged(),
    *pending() {
      yield* underWay.actions()
      for (const { entry } of approvals.list()) yield entry.action
    },
    *paused() {
      for (const { agent, incarnation, holds } of board.list()) {
        if (!isAlive(agents, agent, incarnation)) continue
        yield [agent, Math.min(...[...holds.values()].map(({ sinceMs }) => sinceMs))] as const
      }
    },
  })

  const outbox =
    deps.copy &&
    createOutbox({
      ...{ clock, log, repository, copy: deps.copy },
      confirmed: (ms) => journal.mark('copied', ms),
    })

  /** What has an end, of whatever kind, is counted and copied. */
  function count(record: ActionRecord): void {
    metrics.settled(record, clock.monotonic())
    outbox?.add(record)
  }

  const { settle, finish, announce, ended } = createSettle({
    ...{ journal, board, keys, ledger, memory, moment },
    bus: bus as unknown as Bus<ControlEvents>,
    isAlive: (agent, incarnation) => isAlive(agents, agent, incarnation),
    settled(record) {
      underWay.over(record.entry.id)
      count(record)
      listeners.get(record.entry.id)?.(record)
      listeners.delete(record.entry.id)
    },
    async overruled({ entry: { id, incarnation } }) {
      await approvals.refuseAll(incarnation, 'superseded', `a person resumed the agent (${id})`)
    },
  })

  const approvals = createApprovals({ clock, moment, expiryMs: () => config().approvalExpiry, finish })

  const refusals = createRefusals({
    write: (record) => journal.note(record),
    told(record, which) {
      count(record)
      if (which === 'first') announce(record.entry)
    },
  })

  const facts: FactsDeps = {
    ...{ agents, runtimes, killSwitch, lock, board, ledger, keys, memory },
    enforced: deps.enforced,
    container: (agent) => deps.container?.(agent) ?? standingByEnrolment(agent),
    protectedPids: deps.protectedPids,
    mayActOn: around.mayActOn,
    enforceDiscovered: () => config().enforceDiscovered,
    damaged: around.damaged,
    hostAvailableBytes: () =>
      deps.hostAvailableBytes === undefined ? 'not_asked' : deps.hostAvailableBytes(),
  }

  function standingByEnrolment(agent: Agent): ContainerStanding | undefined {
    if (agent.runtime !== 'container') return undefined
    return deps.enforced(agent) || agent.origin === 'labelled' ? 'labelled' : 'unlabelled'
  }

  const decide = createDecide({
    ...{ journal, keys, ledger, refusals, ids, moment, config },
    waiting: lanes.waiting,
    facts: (admitted, now) => gatherFacts(admitted, facts, now),
    reserved: underWay.begin,
    withdrawn: ({ entry }) => underWay.over(entry.id),
  })

  const go = createCarryOut({
    ...{ lanes, log, settle },
    save: (record) => journal.save(record),
    perform: createEffect({
      ...{ clock, agents, runtimes, board, killSwitch, lock, config },
      target: deps.target,
    }),
    remains: around.remains,
    isOver: around.isOver,
    late: around.late,
    lost: ({ entry }) => underWay.over(entry.id),
  })

  function admitted(request: ActionRequest): Promise<Admitted> {
    return admit(request, {
      ...{ clock, moment, agent: agents.get, stoppedNow: deps.stoppedNow },
      target: (agent) => deps.target(agent, [], []),
      stoppedByOthers: ({ incarnation }) =>
        board.of(incarnation)?.stoppedByOthers ??
        around.stoppedBefore(incarnation) ??
        underWay.stoppedBefore(incarnation),
    })
  }

  return { admitted, decide, approvals, go, settle, finish, ended, metrics, outbox, listeners }
}
