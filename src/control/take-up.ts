import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Approvals } from './approvals.ts'
import type { Distrust } from './distrust.ts'
import type { Fleet } from './facts.ts'
import type { Held } from './holds.ts'
import type { Lives } from './lives.ts'
import { load } from './load.ts'
import type { Outbox } from './outbox.ts'
import type { Recovery } from './recovery.ts'
import type { ControlState } from './state.ts'

const AGAIN_MS = 1_000

export interface TakeUpDeps {
  readonly clock: Clock
  readonly log: Log
  readonly bootId: string
  readonly state: ControlState
  readonly agents: Fleet
  readonly approvals: Approvals
  readonly distrust: Distrust
  readonly lives: Lives
  readonly recovery: Recovery
  readonly outbox: Outbox | undefined
  readonly ended: (held: Held) => Promise<void>
  readonly stopped: () => boolean
}

/** Goes on where the daemon before ended: tried until the journal can be read. */
export interface TakeUp {
  /** Settles after the first try. */
  begin(): Promise<void>
  /** What the journal says is known. */
  isDone(): boolean
}

export function createTakeUp(deps: TakeUpDeps): TakeUp {
  const { clock, log, bootId, agents, approvals, distrust, lives, recovery, outbox } = deps
  const { journal, repository, board, keys, ledger, memory, ids, underWay, moment } = deps.state
  let done = false

  async function begin(): Promise<void> {
    try {
      await journal.open()
      const found = await load(repository, { board, keys, ledger, memory, bootId, now: moment() })
      if (found.newestId !== undefined) ids.after(found.newestId)
      lives.resumedBefore(found.lastResumes)
      // What this run began before the journal could be read is not left over from the last.
      const known = new Set([...approvals.list()].map(({ entry }) => entry.id))
      const begun = found.interrupted.filter(({ entry }) => !underWay.has(entry.id))
      const pending = found.pending.filter(({ entry }) => !known.has(entry.id))
      for (const record of [...pending, ...begun]) journal.adopt(record)
      for (const record of pending) approvals.add(record)
      for (const held of found.ended) await deps.ended(held)
      done = true
      distrust.watch()
      for (const agent of agents.list()) if (agent.endedAtMs === undefined) lives.appeared(agent)
      recovery.begin(begun)
      void lives.letPastGo()
      await outbox?.start(found.copiedMs)
    } catch (error) {
      log.error('the journal cannot be read; everything automatic is a dry run until it can', {
        error: String(error),
      })
      if (!deps.stopped()) clock.setTimer(AGAIN_MS, () => void begin())
    }
  }

  return { begin, isDone: () => done }
}
