import type { Agent } from '../agents/model.ts'
import { createAdoption } from './adoption.ts'
import type { ControlDependencies, ControlRoom } from './dependencies.ts'
import { createDesk } from './desk.ts'
import { createDistrust } from './distrust.ts'
import { createInterrupted } from './interrupted.ts'
import { createLate } from './late.ts'
import { createLives } from './lives.ts'
import { createRecovery } from './recovery.ts'
import { createRemains, type PastLives } from './remains.ts'
import { createReport } from './report.ts'
import { createStages } from './stages.ts'
import { createState } from './state.ts'
import { createTakeUp } from './take-up.ts'
import { createVigil } from './vigil.ts'

/** The daemon ends within five seconds; what is not done by then is driven to completion at the next start. */
const STOP_WITHIN_MS = 2_000
/** What a rule looks back at most unless it says otherwise. */
const DEAF_FOR_MS = 600_000

const NO_PAST_LIVES: PastLives = { isOver: () => false, follow: () => undefined }

/** Builds the room. Nothing is read before `start`. */
export function createControl(deps: ControlDependencies): ControlRoom {
  const { clock, bootId, bus, log, agents, runtimes, killSwitch, lock, config } = deps
  const state = createState(deps)
  const { moment, journal, ids, board, keys, ledger, memory, lanes, underWay } = state
  const pastLives = deps.pastLives ?? NO_PAST_LIVES
  let isStopped = false
  const stopped = () => isStopped
  const mayTouch = () => lock.isHeld() && !isStopped
  const mayActOn = ({ uid }: Agent) => uid === undefined || deps.mayActOnUid(uid)
  const damaged = () => distrust.isOn() || !takeUp.isDone()
  const unsubscribe: (() => void)[] = []

  const remains = createRemains({
    ...{ clock, log, pastLives, journal, ids, moment, board, killSwitch, lock, config, runtimes },
  })

  const stages = createStages(deps, state, {
    ...{ remains, mayActOn, damaged, isOver: pastLives.isOver },
    stoppedBefore: (incarnation) => recovery.stoppedBefore(incarnation),
    late: (record, answer) => late(record, answer),
  })
  const { admitted, decide, approvals, go, settle, finish, ended, metrics, outbox, listeners } = stages

  const recovery = createRecovery({
    clock,
    agent: agents.get,
    mayAct: mayTouch,
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
    ...{ agents, runtimes, board, journal, ids, moment, log },
    target: (agent) => deps.target(agent, [], []),
    mayAct: (agent) => lock.isHeld() && mayActOn(agent),
  })

  const vigil = createVigil({
    ...{ clock, log, moment, board, lanes, agents, runtimes },
    target: (agent, { stopped, stoppedByOthers }) => deps.target(agent, stopped, stoppedByOthers),
    mayAct: () => lock.isHeld() && !killSwitch.isEngaged() && !isStopped && !damaged(),
    find: journal.find,
    save: journal.save,
    restored(entry, which) {
      metrics.restored()
      if (which === 'first') bus.emit('agent.paused', { entry })
    },
  })

  const lives = createLives({
    ...{ clock, bus, keys, board, memory, lock, approvals, recovery, remains, pastLives, ended, stopped },
    adopt(agent) {
      if (distrust.isOn() && takeUp.isDone()) void adoption.look(agent)
    },
  })

  const takeUp = createTakeUp({
    ...{ clock, log, bootId, state, agents, approvals, distrust, lives, recovery, outbox, ended, stopped },
  })

  const desk = createDesk({
    ...{ journal, board, ledger, memory, decide, approvals, agents, lock, killSwitch, bus, moment, config },
    ...{ admitted, go, finish, listeners, log },
    trust: distrust.end,
  })

  const late = createLate({
    ...{ board, log, request: desk.request, mayAct: mayTouch },
    async observe(id) {
      const agent = agents.get(id)
      const driver = agent && runtimes[agent.runtime]
      if (agent === undefined || driver === undefined) return 'unknown'
      const held = board.of(agent.incarnation)
      return driver.observe(deps.target(agent, held?.stopped ?? [], held?.stoppedByOthers ?? []))
    },
  })

  const report = createReport({
    ...{ config, lock, killSwitch, journal, memory, desk, enforced: deps.enforced, agent: agents.get },
    loaded: takeUp.isDone,
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
      if (takeUp.isDone()) for (const agent of agents.list()) void adoption.look(agent)
    },
    async start() {
      unsubscribe.push(
        bus.on('agent.started', ({ agent }) => lives.appeared(agent)),
        bus.on('agent.exited', ({ agent }) => void lives.vanished(agent)),
        bus.on('sample', vigil.look),
      )
      await takeUp.begin()
    },
    async stop() {
      isStopped = true
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
