import type { Agent, AgentEvents, AgentId, Runtime } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Collector, HealthCheck } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { RuntimeDriver, Target } from '../runtimes/model.ts'
import { type Admitted, admit } from './admit.ts'
import { createAdoption } from './adoption.ts'
import { createApprovals } from './approvals.ts'
import { createDecide } from './decide.ts'
import { createDesk } from './desk.ts'
import { createEffect, type Mode } from './effect.ts'
import { type Fleet, gatherFacts } from './facts.ts'
import type { ContainerStanding, ControlConfig } from './guard.ts'
import { createHoldBoard } from './holds.ts'
import { createJournal } from './journal.ts'
import { createKeys } from './keys.ts'
import { createLanes } from './lanes.ts'
import { createLedger } from './ledger.ts'
import { load } from './load.ts'
import { createMemory } from './memory.ts'
import { createControlMetrics } from './metrics.ts'
import {
  ACTIONS,
  type ActingLock,
  type Action,
  type ActionRequest,
  type ControlDesk,
  type ControlEvents,
  type KillSwitch,
  type RefusalReason,
} from './model.ts'
import { type CopyStore, createOutbox } from './outbox.ts'
import { type ActionRecord, changed, createIds, momentOf } from './record.ts'
import { createRecovery } from './recovery.ts'
import { createRefusals } from './refusals.ts'
import { type ControlStore, createControlRepository } from './repository.ts'
import { createSettle } from './settle.ts'
import { createSpool } from './spool.ts'

export interface ControlDependencies {
  readonly clock: Clock
  readonly bootId: string
  readonly log: Log
  readonly bus: Bus<ControlEvents & AgentEvents>
  /** Always the SQLite file of this host. */
  readonly journal: ControlStore
  /** A database of many hosts that gets a copy. */
  readonly copy?: CopyStore
  /** For the spool file. */
  readonly dataDir: string
  readonly agents: Fleet
  readonly target: (
    agent: Agent,
    stopped: readonly ProcessKey[],
    stoppedByOthers: readonly ProcessKey[],
  ) => Target
  readonly runtimes: Partial<Record<Runtime, RuntimeDriver>>
  /** Who of a tree is stopped now (the process driver knows); without it a crash makes all of it ours. */
  readonly stoppedNow?: (target: Target) => Promise<readonly ProcessKey[] | undefined>
  /** Whether it opted in: registered with a budget, started by `run` with one, or labelled. */
  readonly enforced: (agent: Agent) => boolean
  /** Left out: what is not enforced counts as unlabelled. */
  readonly container?: (agent: Agent) => ContainerStanding | undefined
  /** This process and its ancestors. */
  readonly protectedPids: () => ReadonlySet<number>
  /** Whether we may signal processes of this user: our own, or all with CAP_KILL. */
  readonly mayActOnUid: (uid: number) => boolean
  readonly config: () => ControlConfig
  /** Started and stopped by whoever made them. */
  readonly killSwitch: KillSwitch
  readonly lock: ActingLock
}

export interface ControlRoom {
  readonly desk: ControlDesk
  readonly collectors: readonly Collector[]
  health(): HealthCheck
  /** Its block in `GET /api/v1/agents/{id}`. */
  describe(agent: AgentId): object | undefined
  /** Call when the damaged journal was put aside: everything automatic is a dry run until a person resets. */
  damaged(): void
  /** Reads the journal, takes up what was interrupted. After the kill switch, before whoever may ask for actions. */
  start(): Promise<void>
  /** Waits for effects under way, at most for `STOP_WITHIN_MS`, and writes down what is left. */
  stop(): Promise<void>
}

/** The daemon ends within five seconds; what is not done by then is driven to completion at the next start. */
const STOP_WITHIN_MS = 2_000
const LOAD_AGAIN_MS = 1_000

/** Builds the room. Nothing is read before `start`. */
export function createControl(deps: ControlDependencies): ControlRoom {
  const { clock, bus, log, agents, killSwitch, lock, config } = deps
  const moment = () => momentOf(clock, deps.bootId)
  const repository = createControlRepository(deps.journal)
  const journal = createJournal({ clock, log, repository, spool: createSpool(deps.dataDir) })
  const board = createHoldBoard()
  const keys = createKeys()
  const ledger = createLedger()
  const memory = createMemory()
  const lanes = createLanes()
  const ids = createIds(clock.now)
  /** Marks of what is under way, by entry; called when it is over. */
  const marks = new Map<string, () => void>()
  const listeners = new Map<string, (record: ActionRecord) => void>()
  const underWay = new Map<string, Action>()
  let lastResumes: Map<string, ActionRecord> = new Map()
  let loaded = false
  let stopped = false
  const unsubscribe: (() => void)[] = []

  const metrics = createControlMetrics({
    killSwitch: () => killSwitch.isEngaged(),
    pending() {
      const counts = new Map<Action, number>(ACTIONS.map((action) => [action, 0]))
      const add = (action: Action) => counts.set(action, (counts.get(action) ?? 0) + 1)
      for (const action of underWay.values()) add(action)
      for (const { entry } of approvals.list()) add(entry.action)
      return counts
    },
    *paused() {
      for (const held of board.list()) {
        if (!isAlive(held.agent, held.incarnation)) continue
        yield [held.agent, Math.min(...[...held.holds.values()].map(({ sinceMs }) => sinceMs))] as const
      }
    },
  })

  const outbox =
    deps.copy &&
    createOutbox({
      clock,
      log,
      repository,
      copy: deps.copy,
      confirmed: (ms) => journal.mark('copied', ms),
    })

  const { settle, close, announce, ended } = createSettle({
    journal,
    board,
    keys,
    ledger,
    memory,
    bus: bus as unknown as Bus<ControlEvents>,
    moment,
    isAlive,
    settled(record) {
      over(record.entry.id)
      metrics.settled(record, clock.monotonic())
      outbox?.add(record)
      listeners.get(record.entry.id)?.(record)
      listeners.delete(record.entry.id)
    },
  })

  const refusals = createRefusals({
    write: (record) => journal.note(record),
    told(record, which) {
      metrics.settled(record, clock.monotonic())
      outbox?.add(record)
      if (which === 'first') announce(record.entry)
    },
  })

  const decide = createDecide({
    journal,
    keys,
    ledger,
    refusals,
    ids,
    moment,
    config,
    waiting: lanes.waiting,
    facts: (admitted, now) => gatherFacts(admitted, factsDeps, now),
    reserved: (record) => mark(record),
    withdrawn: ({ entry }) => over(entry.id),
  })

  const factsDeps = {
    agents,
    runtimes: deps.runtimes,
    enforced: deps.enforced,
    container: (agent: Agent) =>
      deps.container?.(agent) ??
      (deps.enforced(agent) || agent.origin === 'labelled' ? 'labelled' : 'unlabelled'),
    protectedPids: deps.protectedPids,
    mayActOn: ({ uid }: Agent) => uid === undefined || deps.mayActOnUid(uid),
    enforceDiscovered: () => config().enforceDiscovered,
    killSwitch,
    lock,
    board,
    ledger,
    keys,
    memory,
    damaged: () => memory.damaged() || !loaded,
  } as const

  const perform = createEffect({
    clock,
    agents,
    runtimes: deps.runtimes,
    target: deps.target,
    board,
    killSwitch,
    lock,
    config,
  })

  const approvals = createApprovals({
    clock,
    moment,
    expiryMs: () => config().approvalExpiry,
    expire: (record) => void refusePending(record, 'expired', 'nobody answered in time'),
  })

  const recovery = createRecovery({
    clock,
    agent: agents.get,
    mayAct: () => lock.isHeld() && !stopped,
    drive: (record) => void drive(record),
    giveUp: (record) => void giveUp(record),
  })

  const adoption = createAdoption({
    agents,
    runtimes: deps.runtimes,
    target: (agent) => deps.target(agent, [], []),
    board,
    journal,
    ids,
    moment,
    mayAct: (agent) => lock.isHeld() && factsDeps.mayActOn(agent),
    log,
  })

  function isAlive(id: AgentId, incarnation: string): boolean {
    const agent = agents.get(id)
    return agent?.incarnation === incarnation && agent.endedAtMs === undefined
  }

  function mark({ entry: { id, action, incarnation } }: ActionRecord): void {
    underWay.set(id, action)
    if (incarnation === undefined) return
    if (action === 'pause') marks.set(id, memory.pausing(incarnation))
    if (action === 'terminate') marks.set(id, memory.terminating(incarnation))
  }

  function over(id: string): void {
    underWay.delete(id)
    marks.get(id)?.()
    marks.delete(id)
  }

  function admitted(request: ActionRequest): Promise<Admitted> {
    return admit(request, {
      ...{ clock, moment, agent: agents.get, stoppedNow: deps.stoppedNow },
      target: (agent) => deps.target(agent, [], []),
    })
  }

  /** Lets it go; settles in the agent's lane, so that the next effect finds the holds of this one. */
  function go(record: ActionRecord, mode: Mode): void {
    void lanes
      .inTurn(record.entry.agent, async () => {
        const performed = await perform(record, mode).catch((error: unknown) => ({
          effect: { outcome: 'failed' as const, touched: true, detail: String(error) },
          stopped: [],
          halted: 'kill_switch' as const,
        }))
        await settle(record, performed)
      })
      .catch((error: unknown) => {
        over(record.entry.id)
        log.error('an action was not settled', { action: record.entry.id, error: String(error) })
      })
  }

  async function refusePending(
    record: ActionRecord,
    refusal: RefusalReason,
    detail: string,
  ): Promise<ActionRecord> {
    const refused = changed(
      record,
      { status: 'refused', refusal, detail },
      { claimsKey: false, ended: moment(), result: 'neutral' },
    )
    await close(refused)
    announce(refused.entry)
    return refused
  }

  /** The same row, one attempt more. What cannot be repeated without harm is only looked at. */
  async function drive(interrupted: ActionRecord): Promise<void> {
    const { entry } = interrupted
    if (entry.action === 'resize') {
      const detail = 'interrupted by a restart of the daemon; whether it took effect is not known'
      return finish(
        changed(interrupted, { status: 'failed', detail }, { ended: moment(), result: 'neutral' }),
      )
    }
    const now = moment()
    const record = changed(interrupted, { attempt: entry.attempt + 1 }, { started: now })
    mark(record)
    ledger.note(record)
    await journal.save(record)
    go(record, 'recovery')
  }

  async function giveUp({ ...record }: ActionRecord): Promise<void> {
    const { entry } = record
    const detail = 'it had ended before the daemon came back'
    const end = { ended: moment(), result: 'neutral' } as const
    if (entry.action !== 'terminate') {
      return finish(changed(record, { status: 'failed', detail }, { ...end, claimsKey: false }))
    }
    const done = changed(record, { status: 'done', detail }, end)
    bus.emit('agent.terminated', { entry: done.entry })
    await finish(done)
  }

  async function finish(record: ActionRecord): Promise<void> {
    await close(record)
    announce(record.entry)
  }

  /** Rooms that heard of a resume before the restart have to do nothing for it. */
  function tellAgain({ incarnation }: Agent): void {
    const record = lastResumes.get(incarnation)
    if (record === undefined) return
    lastResumes.delete(incarnation)
    bus.emit('agent.resumed', { entry: record.entry, released: record.released })
  }

  function appeared(agent: Agent): void {
    tellAgain(agent)
    recovery.look()
    if (memory.damaged() && loaded) void adoption.look(agent)
  }

  async function vanished({ incarnation }: Agent): Promise<void> {
    keys.forget(incarnation)
    lastResumes.delete(incarnation)
    recovery.look()
    for (const record of [...approvals.list()]) {
      if (record.entry.incarnation !== incarnation || approvals.take(record.entry.id) === undefined) continue
      await refusePending(record, 'ended', 'the agent has ended')
    }
    const held = board.of(incarnation)
    if (held !== undefined) await ended(held)
  }

  async function takeUp(): Promise<void> {
    try {
      await journal.open()
      const found = await load(repository, {
        board,
        keys,
        ledger,
        memory,
        bootId: deps.bootId,
        now: moment(),
      })
      if (found.newestId !== undefined) ids.after(found.newestId)
      lastResumes = found.lastResumes
      // What this run began before the journal could be read is not left over from the last.
      const known = new Set([...underWay.keys(), ...[...approvals.list()].map(({ entry }) => entry.id)])
      const interrupted = found.interrupted.filter(({ entry }) => !known.has(entry.id))
      const pending = found.pending.filter(({ entry }) => !known.has(entry.id))
      for (const record of [...pending, ...interrupted]) journal.adopt(record)
      for (const record of pending) approvals.add(record)
      for (const held of found.ended) await ended(held)
      loaded = true
      for (const agent of agents.list()) if (agent.endedAtMs === undefined) appeared(agent)
      recovery.begin(interrupted)
      await outbox?.start(found.copiedMs)
    } catch (error) {
      log.error('the journal cannot be read; everything automatic is a dry run until it can', {
        error: String(error),
      })
      if (!stopped) clock.setTimer(LOAD_AGAIN_MS, () => void takeUp())
    }
  }

  const desk = createDesk({
    ...{ journal, board, ledger, memory, decide, approvals, agents, lock, killSwitch, bus, moment, config },
    ...{ admitted, go, refusePending, listeners, log },
    finish,
  })

  return {
    desk,
    collectors: [metrics.collector],
    health() {
      const unsaved = journal.unsaved()
      const ill = unsaved > 0 || memory.damaged() || !loaded
      return {
        status: ill ? 'degraded' : 'healthy',
        mode: config().mode,
        acting: lock.isHeld(),
        killSwitch: killSwitch.isEngaged(),
        journal: !loaded ? 'unread' : memory.damaged() ? 'damaged' : 'ok',
        unsaved,
        underWay: underWay.size,
        recovering: recovery.waiting(),
      }
    },
    describe(id) {
      const agent = agents.get(id)
      if (agent === undefined) return undefined
      const holds = [...desk.holds(id)].map(([cause, { sinceMs, reason }]) => ({
        cause,
        since: new Date(sinceMs).toISOString(),
        reason,
      }))
      const [first] = holds.toSorted((a, b) => (a.since < b.since ? -1 : 1))
      return {
        enforced: deps.enforced(agent),
        pausedAt: first?.since ?? null,
        pauseReason: first?.reason ?? null,
        holds,
        terminal: desk.isTerminal(id),
      }
    },
    damaged() {
      memory.setDamaged(true)
      journal.mark('damaged', true)
      // What this run knows is not lost: it goes into the new file.
      for (const held of board.list()) void journal.save(undefined, held)
      for (const record of approvals.list()) void journal.save(record)
      if (loaded) for (const agent of agents.list()) void adoption.look(agent)
    },
    async start() {
      unsubscribe.push(
        bus.on('agent.started', ({ agent }) => appeared(agent)),
        bus.on('agent.exited', ({ agent }) => void vanished(agent)),
      )
      await takeUp()
    },
    async stop() {
      stopped = true
      for (const off of unsubscribe) off()
      approvals.stop()
      recovery.stop()
      outbox?.stop()
      await Promise.race([
        lanes.idle(),
        new Promise<void>((resolve) => void clock.setTimer(STOP_WITHIN_MS, resolve)),
      ])
      await journal.stop()
    },
  }
}
