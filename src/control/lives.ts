import type { Agent, AgentEvents, Incarnation } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Approvals } from './approvals.ts'
import type { Held, HoldBoard } from './holds.ts'
import type { Keys } from './keys.ts'
import type { Memory } from './memory.ts'
import type { ActingLock, ControlEvents } from './model.ts'
import type { ActionRecord } from './record.ts'
import type { Recovery } from './recovery.ts'
import type { PastLives, Remains } from './remains.ts'

/** Another daemon has the lock: it may end. */
const LOOK_AGAIN_MS = 1_000

/** Lives of agents that begin and end, and what has to be done in this room when one does. */
export interface Lives {
  appeared(agent: Agent): void
  vanished(agent: Agent): Promise<void>
  /** The last resume of each life before the restart, by incarnation: told again when it appears. */
  resumedBefore(lastResumes: Map<Incarnation, ActionRecord>): void
  /** Their first process ended while no daemon looked: what we stopped of the rest goes on. */
  letPastGo(): Promise<void>
}

export interface LivesDeps {
  readonly clock: Clock
  readonly bus: Pick<Bus<ControlEvents & AgentEvents>, 'emit'>
  readonly keys: Keys
  readonly board: HoldBoard
  readonly memory: Memory
  readonly lock: Pick<ActingLock, 'isHeld'>
  readonly approvals: Pick<Approvals, 'refuseAll'>
  readonly recovery: Pick<Recovery, 'look' | 'waitsFor'>
  readonly remains: Pick<Remains, 'letGo'>
  readonly pastLives: Pick<PastLives, 'isOver'>
  /** What was held of it is history. */
  readonly ended: (held: Held) => Promise<void>
  /** One that nothing may be known of any more, because the journal was lost. */
  readonly adopt: (agent: Agent) => void
  readonly stopped: () => boolean
}

export function createLives(deps: LivesDeps): Lives {
  const { clock, bus, keys, board, memory, lock, approvals, recovery, remains, pastLives } = deps
  let lastResumes = new Map<Incarnation, ActionRecord>()

  /** Rooms that heard of a resume before the restart have to do nothing for it. */
  function tellAgain({ incarnation }: Agent): void {
    const record = lastResumes.get(incarnation)
    if (record === undefined) return
    lastResumes.delete(incarnation)
    bus.emit('agent.resumed', { entry: record.entry, released: record.released })
  }

  async function letPastGo(): Promise<void> {
    if (deps.stopped()) return
    const over = [...board.list()].filter(
      (held) => pastLives.isOver(held.incarnation) && !recovery.waitsFor(held.incarnation),
    )
    if (over.length === 0) return
    if (lock.isHeld()) for (const held of over) await remains.letGo(held)
    else clock.setTimer(LOOK_AGAIN_MS, () => void letPastGo())
  }

  return {
    appeared(agent) {
      tellAgain(agent)
      recovery.look()
      deps.adopt(agent)
    },

    async vanished({ incarnation }) {
      keys.forget(incarnation)
      lastResumes.delete(incarnation)
      recovery.look()
      await approvals.refuseAll(incarnation, 'ended', 'the agent has ended')
      const held = board.of(incarnation)
      if (held === undefined) return
      // What a terminate is ending stays in its hands.
      const isLeft = pastLives.isOver(incarnation) && !memory.isTerminal(incarnation)
      await (isLeft ? remains.letGo(held) : deps.ended(held))
    },

    resumedBefore(found) {
      lastResumes = found
    },
    letPastGo,
  }
}
