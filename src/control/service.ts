import type { Agent, AgentId } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import { type Admitted, admit } from './admit.ts'
import { createAdoption } from './adoption.ts'
import { createApprovals } from './approvals.ts'
import { createDecide } from './decide.ts'
import type { ControlDependencies, ControlRoom } from './dependencies.ts'
import { createDesk } from './desk.ts'
import { createDistrust } from './distrust.ts'
import { createEffect, type Driven, type Mode, type Performed } from './effect.ts'
import { gatherFacts } from './facts.ts'
import type { ContainerStanding } from './guard.ts'
import { createHoldBoard, joined, notHeld, without } from './holds.ts'
import { createInterrupted } from './interrupted.ts'
import { createJournal } from './journal.ts'
import { createKeys } from './keys.ts'
import { createLanes } from './lanes.ts'
import { createLate } from './late.ts'
import { createLedger } from './ledger.ts'
import { load } from './load.ts'
import { createMemory } from './memory.ts'
import { createControlMetrics } from './metrics.ts'
import { ACTIONS, type Action, type ActionRequest, type ControlEvents, type RefusalReason } from './model.ts'
import { createOutbox } from './outbox.ts'
import { type ActionRecord, changed, createIds, momentOf } from './record.ts'
import { createRecovery } from './recovery.ts'
import { createRefusals } from './refusals.ts'
import { createRemains, type PastLives } from './remains.ts'
import { createReport } from './report.ts'
import { createControlRepository } from './repository.ts'
import { createSettle } from './settle.ts'
import { createSpool } from './spool.ts'
import { createUnderWay } from './under-way.ts'
import { createVigil } from './vigil.ts'

/** The daemon ends within five seconds; what is not done by then is driven to completion at the next start. */
const STOP_WITHIN_MS = 2_000
const LOAD_AGAIN_MS = 1_000
/** What a rule looks back at most unless it says otherwise. */
const DEAF_FOR_MS = 600_000

const NO_PAST_LIVES: PastLives = { isOver: () => false, follow: () => undefined }

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
  const underWay = createUnderWay(memory)
  const listeners = new Map<string, (record: ActionRecord) => void>()
  let lastResumes: Map<string, ActionRecord> = new Map()
  let loaded = false
  let stopped = false
  const unsubscribe: (() => void)[] = []

  const metrics = createControlMetrics({
    killSwitch: () => killSwitch.isEngaged(),
    pending() {
      const counts = new Map<Action, number>(ACTIONS.map((action) => [action, 0]))
      const add = (action: Action) => counts.set(action, (counts.get(action) ?? 0) + 1)
      for (const action of underWay.actions()) add(action)
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
      underWay.over(record.entry.id)
      metrics.settled(record, clock.monotonic())
      outbox?.add(record)
      listeners.get(record.entry.id)?.(record)
      listeners.delete(record.entry.id)
    },
    async overruled({ entry: { id, incarnation } }) {
      await refuseAllPending(incarnation, 'superseded', `a person resumed the agent (${id})`)
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
    reserved: underWay.begin,
    withdrawn: ({ entry }) => underWay.over(entry.id),
  })

  const factsDeps = {
    agents,
    runtimes: deps.runtimes,
    enforced: deps.enforced,
    container: (agent: Agent) => deps.container?.(agent) ?? standingByEnrolment(agent),
    protectedPids: deps.protectedPids,
    mayActOn: ({ uid }: Agent) => uid === undefined || deps.mayActOnUid(uid),
    enforceDiscovered: () => config().enforceDiscovered,
    killSwitch,
    lock,
    board,
    ledger,
    keys,
    memory,
    damaged: () => distrust.isOn() || !loaded,
    hostAvailableBytes: () =>
      deps.hostAvailableBytes === undefined ? 'not_asked' : deps.hostAvailableBytes(),
  } as const

  function standingByEnrolment(agent: Agent): ContainerStanding | undefined {
    if (agent.runtime !== 'container') return undefined
    return deps.enforced(agent) || agent.origin === 'labelled' ? 'labelled' : 'unlabelled'
  }

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

  const pastLives = deps.pastLives ?? NO_PAST_LIVES
  const remains = createRemains({
    ...{ clock, log, pastLives, journal, ids, moment, board, killSwitch, lock, config },
    runtimes: deps.runtimes,
  })

  const recovery = createRecovery({
    clock,
    agent: agents.get,
    mayAct: () => lock.isHeld() && !stopped,
    isOver: pastLives.isOver,
    drive: (record) => void interrupted.drive(record),
    giveUp: (record) => void interrupted.giveUp(record),
  })

  const interrupted = createInterrupted({
    ...{ moment, ledger, underWay, remains, settle, go, finish },
    save: (record) => journal.save(record),
  })

  const distrust = createDistrust({
    ...{ clock, memory, moment, log },
    deafForMs: deps.deafForMs ?? (() => DEAF_FOR_MS),
    mark: (value) => journal.mark('damaged', value),
    onEnd: () => deps.onTrusted?.(),
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

  const vigil = createVigil({
    ...{ clock, log, moment, board, lanes, agents, runtimes: deps.runtimes },
    target: (agent, { stopped, stoppedByOthers }) => deps.target(agent, stopped, stoppedByOthers),
    mayAct: () => lock.isHeld() && !killSwitch.isEngaged() && !stopped && !factsDeps.damaged(),
    find: journal.find,
    save: journal.save,
    restored(entry, which) {
      metrics.restored()
      if (which === 'first') bus.emit('agent.paused', { entry })
    },
  })

  function isAlive(id: AgentId, incarnation: string): boolean {
    const agent = agents.get(id)
    return agent?.incarnation === incarnation && agent.endedAtMs === undefined
  }

  function admitted(request: ActionRequest): Promise<Admitted> {
    return admit(request, {
      ...{ clock, moment, agent: agents.get, stoppedNow: deps.stoppedNow },
      target: (agent) => deps.target(agent, [], []),
      stoppedByOthers: ({ incarnation }) =>
        board.of(incarnation)?.stoppedByOthers ??
        recovery.stoppedBefore(incarnation) ??
        underWay.stoppedBefore(incarnation),
    })
  }

  /** Lets it go; settles in the agent's lane, so that the next effect finds the holds of this one. */
  function go(record: ActionRecord, mode: Mode): void {
    void lanes
      .inTurn(record.entry.agent, async () => {
        if (mode === 'recovery') await journal.save(record)
        const performed = await perform(record, mode).catch(
          (error: unknown): Performed => ({
            effect: { outcome: 'failed', touched: true, detail: String(error) },
            stopped: [],
            halted: 'kill_switch',
          }),
        )
        await settle(record, performed)
        await leaveNobody(record, performed)
        if (performed.late !== undefined) watchLate(record, performed.late)
      })
      .catch((error: unknown) => {
        underWay.over(record.entry.id)
        log.error('an action was not settled', { action: record.entry.id, error: String(error) })
      })
  }

  /** The root ended meanwhile, the rest did not: nobody could release a hold on that. */
  async function leaveNobody({ entry }: ActionRecord, { effect, stopped }: Performed): Promise<void> {
    const { agent, incarnation, action } = entry
    if (incarnation === undefined || !pastLives.isOver(incarnation)) return
    if (action === 'resume' || effect.outcome === 'gone') return
    if (action === 'terminate' && effect.outcome === 'done') return
    const ours = joined(stopped, effect.stopped ?? [])
    await remains.letGo({
      ...notHeld(agent, incarnation),
      stopped: without(ours, effect.stoppedByOthers ?? []),
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
    await finish(refused)
    return refused
  }

  async function refuseAllPending(
    incarnation: string | undefined,
    refusal: RefusalReason,
    detail: string,
  ): Promise<void> {
    for (const record of [...approvals.list()]) {
      if (record.entry.incarnation !== incarnation || approvals.take(record.entry.id) === undefined) continue
      await refusePending(record, refusal, detail)
    }
  }

  function watchLate(record: ActionRecord, answer: Promise<Driven>): void {
    late(record, answer).catch((error: unknown) => {
      log.warn('a resume that was given up ended badly', { action: record.entry.id, error: String(error) })
    })
  }

  async function finish(record: ActionRecord): Promise<void> {
    const { entry } = record
    await close(record)
    if (entry.action === 'terminate' && entry.status === 'done') bus.emit('agent.terminated', { entry })
    announce(entry)
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
    if (distrust.isOn() && loaded) void adoption.look(agent)
  }

  async function vanished({ incarnation }: Agent): Promise<void> {
    keys.forget(incarnation)
    lastResumes.delete(incarnation)
    recovery.look()
    await refuseAllPending(incarnation, 'ended', 'the agent has ended')
    const held = board.of(incarnation)
    if (held === undefined) return
    // What a terminate is ending stays in its hands.
    const isLeft = pastLives.isOver(incarnation) && !memory.isTerminal(incarnation)
    await (isLeft ? remains.letGo(held) : ended(held))
  }

  /** Their first process ended while no daemon looked: what we stopped of the rest goes on. */
  async function letPastGo(): Promise<void> {
    if (stopped) return
    const over = [...board.list()].filter(
      (held) => pastLives.isOver(held.incarnation) && !recovery.waitsFor(held.incarnation),
    )
    if (over.length === 0) return
    if (lock.isHeld()) for (const held of over) await remains.letGo(held)
    else clock.setTimer(LOAD_AGAIN_MS, () => void letPastGo())
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
      const known = new Set([...approvals.list()].map(({ entry }) => entry.id))
      const begun = found.interrupted.filter(({ entry }) => !underWay.has(entry.id))
      const pending = found.pending.filter(({ entry }) => !known.has(entry.id))
      for (const record of [...pending, ...begun]) journal.adopt(record)
      for (const record of pending) approvals.add(record)
      for (const held of found.ended) await ended(held)
      loaded = true
      distrust.watch()
      for (const agent of agents.list()) if (agent.endedAtMs === undefined) appeared(agent)
      recovery.begin(begun)
      void letPastGo()
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
    trust: distrust.end,
  })

  const late = createLate({
    ...{ board, log, request: desk.request, mayAct: () => lock.isHeld() && !stopped },
    async observe(id) {
      const agent = agents.get(id)
      const driver = agent && deps.runtimes[agent.runtime]
      if (agent === undefined || driver === undefined) return 'unknown'
      const held = board.of(agent.incarnation)
      return driver.observe(deps.target(agent, held?.stopped ?? [], held?.stoppedByOthers ?? []))
    },
  })

  const report = createReport({
    ...{ config, lock, killSwitch, journal, memory, desk, enforced: deps.enforced, agent: agents.get },
    loaded: () => loaded,
    counts: () => ({ underWay: underWay.count(), recovering: recovery.waiting() }),
  })

  return {
    desk,
    collectors: [metrics.collector],
    ...report,
    damaged() {
      distrust.begin()
      // What this run knows is not lost: it goes into the new file.
      for (const held of board.list()) void journal.save(undefined, held)
      for (const record of approvals.list()) void journal.save(record)
      if (loaded) for (const agent of agents.list()) void adoption.look(agent)
    },
    async start() {
      unsubscribe.push(
        bus.on('agent.started', ({ agent }) => appeared(agent)),
        bus.on('agent.exited', ({ agent }) => void vanished(agent)),
        bus.on('sample', vigil.look),
      )
      await takeUp()
    },
    async stop() {
      stopped = true
      for (const off of unsubscribe) off()
      approvals.stop()
      recovery.stop()
      distrust.stop()
      outbox?.stop()
      await Promise.race([
        lanes.idle(),
        new Promise<void>((resolve) => void clock.setTimer(STOP_WITHIN_MS, resolve)),
      ])
      await journal.stop()
    },
  }
}
