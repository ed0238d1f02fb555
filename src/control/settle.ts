import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import { type Change, changeOf, NOTHING } from './change.ts'
import { type Performed, releasedBy } from './effect.ts'
import { emptied, type Held, type HoldBoard, NO_HOLDS, notHeld, releaseHold } from './holds.ts'
import type { Journal } from './journal.ts'
import type { Keys } from './keys.ts'
import type { Ledger } from './ledger.ts'
import type { Memory } from './memory.ts'
import type { ActionEntry, ControlEvents } from './model.ts'
import { type ActionRecord, changed } from './record.ts'
import { judgeEffect, type Outcome } from './verify.ts'

export interface SettleDeps {
  readonly journal: Journal
  readonly board: HoldBoard
  readonly keys: Keys
  readonly ledger: Ledger
  readonly memory: Memory
  readonly bus: Bus<ControlEvents>
  readonly moment: () => Moment
  readonly isAlive: (agent: AgentId, incarnation: Incarnation) => boolean
  readonly settled: (record: ActionRecord) => void
  /** A person has let the agent go on: nothing that was asked for before waits for an answer any more. */
  readonly overruled: (record: ActionRecord) => Promise<void>
}

export interface Settle {
  settle(record: ActionRecord, performed: Performed): Promise<ActionRecord>
  /** An end without an effect: a rejected or expired approval, an interrupted action whose agent is gone. */
  finish(record: ActionRecord): Promise<void>
  announce(entry: ActionEntry): void
  /** The life has ended: what was held of it is history. */
  ended(held: Held): Promise<void>
}

/** Writes down how it ended: outcome and holds in one transaction, then whoever listens is told. */
export function createSettle(deps: SettleDeps): Settle {
  const { journal, board, keys, ledger, memory, bus, moment } = deps

  async function settle(record: ActionRecord, performed: Performed): Promise<ActionRecord> {
    const now = moment()
    const { effect } = performed
    const outcome = judgeEffect(record.entry.action, effect, performed.halted)
    const change = changeFor(record.entry, performed, outcome, now)
    const settled = changed(
      record,
      {
        status: outcome.status,
        refusal: outcome.refusal ?? stillHeld(record, outcome),
        detail: outcome.detail ?? record.entry.detail,
        rung: effect.rung,
        verifiedAt: outcome.status === 'done' ? now.wallMs : undefined,
        durationMs: Math.round(elapsedMs(record.admitted, now) * 1_000) / 1_000,
      },
      {
        claimsKey: outcome.claimsKey,
        // What touched nothing does not cool anything down and takes no share of the fleet.
        started: effect.touched || outcome.result === 'failure' ? record.started : undefined,
        ended: now,
        result: outcome.result,
        released: change.released,
      },
    )
    if (change.held !== undefined) board.put(change.held)
    // First, or the new epoch would be told while a pause for the last one may still be approved.
    if (change.happened === 'resumed' && record.entry.trigger === 'human') await deps.overruled(settled)
    await close(settled, change.held)
    tell(settled, change)
    return settled
  }

  async function finish(record: ActionRecord): Promise<void> {
    const { entry } = record
    await close(record)
    if (entry.action === 'terminate' && entry.status === 'done') bus.emit('agent.terminated', { entry })
    announce(entry)
  }

  async function close(settled: ActionRecord, held?: Held): Promise<void> {
    const { action, status, incarnation, id } = settled.entry
    keys.note(settled)
    if (settled.started === undefined) ledger.strike(id)
    else ledger.note(settled)
    if (action === 'terminate' && status === 'done' && incarnation) memory.terminated(incarnation)
    await journal.save(settled, held)
    deps.settled(settled)
  }

  function changeFor(entry: ActionEntry, performed: Performed, { status }: Outcome, now: Moment): Change {
    const { agent, incarnation } = entry
    if (incarnation === undefined) return NOTHING
    const before = board.of(incarnation) ?? notHeld(agent, incarnation)
    const over = performed.effect.outcome === 'gone' || !deps.isAlive(agent, incarnation)
    return changeOf(entry, performed, status, { before, over }, now)
  }

  function stillHeld({ entry }: ActionRecord, { status }: Outcome): 'held' | undefined {
    if (entry.action !== 'resume' || status !== 'noop' || entry.incarnation === undefined) return undefined
    const holds = board.of(entry.incarnation)?.holds ?? NO_HOLDS
    return releaseHold(holds, releasedBy(entry)).left.size > 0 ? 'held' : undefined
  }

  function tell({ entry }: ActionRecord, { happened, released }: Change): void {
    if (happened === 'paused') bus.emit('agent.paused', { entry })
    if (happened === 'resumed') bus.emit('agent.resumed', { entry, released })
    if (happened === 'terminated') bus.emit('agent.terminated', { entry })
    announce(entry)
  }

  function announce(entry: ActionEntry): void {
    if (entry.status === 'refused') bus.emit('action.refused', { entry })
    else if (entry.status === 'done' || entry.status === 'noop') bus.emit('action.done', { entry })
    else if (entry.status !== 'dry_run') bus.emit('action.failed', { entry })
  }

  async function ended(held: Held): Promise<void> {
    board.put(emptied(held))
    await journal.save(undefined, emptied(held))
  }

  return { settle, finish, announce, ended }
}
