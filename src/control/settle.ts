import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Performed } from './effect.ts'
import { releasedBy } from './effect.ts'
import {
  addHold,
  type Held,
  type HoldBoard,
  joined,
  NO_HOLDS,
  notHeld,
  releaseHold,
  verified,
  without,
} from './holds.ts'
import type { Journal } from './journal.ts'
import type { Keys } from './keys.ts'
import type { Ledger } from './ledger.ts'
import type { Memory } from './memory.ts'
import type { ActionEntry, ActionStatus, ControlEvents, HoldCause } from './model.ts'
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

/** Holds before and after, and what went. */
interface Change {
  readonly held: Held | undefined
  readonly released: readonly HoldCause[]
  readonly happened: 'paused' | 'resumed' | 'terminated' | undefined
}

const NOTHING: Change = { held: undefined, released: [], happened: undefined }
/** Nothing of ours keeps it stopped any more. */
const RESUMED: ReadonlySet<ActionStatus> = new Set(['done', 'noop', 'needs_foreground'])
const PAUSED: ReadonlySet<ActionStatus> = new Set(['done', 'noop', 'partial'])

/** Writes down how it ended: outcome and holds in one transaction, then whoever listens is told. */
export function createSettle(deps: SettleDeps) {
  const { journal, board, keys, ledger, memory, bus, moment } = deps

  async function settle(record: ActionRecord, performed: Performed): Promise<ActionRecord> {
    const now = moment()
    const { effect } = performed
    const outcome = judgeEffect(record.entry.action, effect, performed.halted)
    const change = changeOf(record, performed, outcome, now)
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

  /** An end without an effect: a rejected or expired approval, an interrupted action whose agent is gone. */
  async function close(settled: ActionRecord, held?: Held): Promise<void> {
    keys.note(settled)
    if (settled.started === undefined) ledger.strike(settled.entry.id)
    else ledger.note(settled)
    if (
      settled.entry.action === 'terminate' &&
      settled.entry.status === 'done' &&
      settled.entry.incarnation
    ) {
      memory.terminated(settled.entry.incarnation)
    }
    await journal.save(settled, held)
    deps.settled(settled)
  }

  function changeOf(record: ActionRecord, performed: Performed, { status }: Outcome, now: Moment): Change {
    const { entry } = record
    if (entry.incarnation === undefined) return NOTHING
    const before = board.of(entry.incarnation) ?? notHeld(entry.agent, entry.incarnation)
    const { effect } = performed
    const over = effect.outcome === 'gone' || !deps.isAlive(entry.agent, entry.incarnation)
    if (over)
      return closed(before, entry.action === 'terminate' && status === 'done' ? 'terminated' : undefined)
    if (entry.action === 'resume') return resumed(entry, before, status, effect.stopped)
    if (entry.action === 'terminate' && status === 'done') return closed(before, 'terminated')
    // Whatever we stopped is held, also when it ended otherwise than it should: nobody stays stopped without a reason.
    const ours = joined(performed.stopped, effect.stopped ?? [])
    const stays = entry.action === 'pause' ? PAUSED.has(status) : false
    const half =
      status !== 'done' && (effect.stopped ?? (status === 'partial' ? performed.stopped : [])).length > 0
    if (!stays && !half) return NOTHING
    const isVerified = status === 'done' || status === 'noop'
    const hold = { cause: entry.hold, sinceMs: now.wallMs, reason: entry.reason, actionId: entry.id }
    const holds = addHold(before.holds, isVerified ? hold : { ...hold, partial: true })
    const held: Held = {
      ...before,
      holds: isVerified ? verified(holds) : holds,
      stopped: joined(before.stopped, ours),
      stoppedByOthers: without(joined(before.stoppedByOthers, effect.stoppedByOthers ?? []), ours),
    }
    const first = isVerified && [...before.holds.values()].every(({ partial }) => partial === true)
    return { held, released: [], happened: first ? 'paused' : undefined }
  }

  function resumed(
    entry: ActionEntry,
    before: Held,
    status: ActionStatus,
    left: readonly ProcessKey[] | undefined,
  ): Change {
    if (!RESUMED.has(status)) {
      const rest = left === undefined || before.holds.size === 0 ? undefined : { ...before, stopped: left }
      return { ...NOTHING, held: rest }
    }
    const { left: holds, released } = releaseHold(before.holds, releasedBy(entry))
    // A person's resume is told also when nothing held the agent: limits begin anew.
    const over = holds.size === 0 && (released.length > 0 || entry.trigger === 'human')
    const happened = over ? ('resumed' as const) : undefined
    if (released.length === 0) return { ...NOTHING, happened }
    return { held: holds.size > 0 ? { ...before, holds } : emptied(before), released, happened }
  }

  function closed(before: Held, happened: Change['happened']): Change {
    return { held: before.holds.size > 0 ? emptied(before) : undefined, released: [], happened }
  }

  function emptied(held: Held): Held {
    return { ...held, holds: NO_HOLDS, stopped: [], stoppedByOthers: [] }
  }

  function stillHeld({ entry }: ActionRecord, { status }: Outcome): 'held' | undefined {
    if (entry.action !== 'resume' || status !== 'noop' || entry.incarnation === undefined) return undefined
    const holds = board.of(entry.incarnation)?.holds ?? NO_HOLDS
    return releaseHold(holds, releasedBy(entry)).left.size > 0 ? 'held' : undefined
  }

  function tell(record: ActionRecord, { happened, released }: Change): void {
    const { entry } = record
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

  /** The life has ended: what was held of it is history. */
  async function ended(held: Held): Promise<void> {
    board.put(emptied(held))
    await journal.save(undefined, emptied(held))
  }

  return { settle, close, announce, ended }
}
