import { elapsedMs, type Moment } from '../platform/moment.ts'
import { DEEDS_KEPT_MS } from './guard.ts'
import type { Held, HoldBoard } from './holds.ts'
import type { Keys } from './keys.ts'
import type { Ledger } from './ledger.ts'
import type { Memory } from './memory.ts'
import type { ActionRecord } from './record.ts'
import type { ControlRepository } from './repository.ts'

export interface LoadInto {
  readonly board: HoldBoard
  readonly keys: Keys
  readonly ledger: Ledger
  readonly memory: Memory
  readonly bootId: string
  readonly now: Moment
}

export interface Loaded {
  readonly pending: readonly ActionRecord[]
  readonly interrupted: readonly ActionRecord[]
  /** Holds on lives that cannot go on: processes of another boot. */
  readonly ended: readonly Held[]
  /** The last resume of each life, by incarnation. */
  readonly lastResumes: Map<string, ActionRecord>
  readonly newestId: string | undefined
  readonly copiedMs: number
}

/** Incarnations of processes begin with the boot they live in; those of containers with 64 hexadecimal digits. */
const BOOT = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):/

/** Reads the journal back into memory. Does nothing to any agent. */
export async function load(repository: ControlRepository, into: LoadInto): Promise<Loaded> {
  const { board, keys, ledger, memory, bootId, now } = into
  const [holds, unsettled, recent, marks, newestId] = await Promise.all([
    repository.openHolds(),
    repository.unsettled(),
    repository.recent(),
    repository.marks(),
    repository.newestId(),
  ])
  const lastResumes = new Map<string, ActionRecord>()
  for (const record of recent) {
    const { action, trigger, status, refusal, incarnation } = record.entry
    keys.note(record)
    if (record.started !== undefined && elapsedMs(record.started, now) < DEEDS_KEPT_MS) ledger.note(record)
    if (incarnation === undefined) continue
    if (action === 'terminate' && status === 'done') memory.terminated(incarnation)
    const resumed =
      status === 'done' || status === 'needs_foreground' || (status === 'noop' && refusal === undefined)
    // One that released nothing was not told when it happened, unless a person asked.
    const told = trigger === 'human' || record.released.length > 0
    if (action === 'resume' && resumed && told) lastResumes.set(incarnation, record)
  }
  for (const record of unsettled) keys.note(record)
  const ended: Held[] = []
  for (const held of holds) {
    const boot = BOOT.exec(held.incarnation)?.[1]
    if (boot !== undefined && boot !== bootId && BOOT.test(`${bootId}:`)) ended.push(held)
    else board.put(held)
  }
  const resetAt = marks.get('reset')
  if (resetAt !== undefined) memory.setResetAt(resetAt as Moment)
  const damaged = marks.get('damaged')
  // Earlier versions wrote only that it is: then the time begins now.
  if (damaged) memory.setDamagedAt(damaged === true ? now : (damaged as Moment))
  return {
    pending: unsettled.filter(({ entry }) => entry.status === 'pending_approval'),
    interrupted: unsettled.filter(({ entry }) => entry.status === 'intended'),
    ended,
    lastResumes,
    newestId,
    copiedMs: Number(marks.get('copied') ?? 0),
  }
}
