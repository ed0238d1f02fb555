import type { Incarnation } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'
import { Problem } from '../platform/problem.ts'
import type { Admitted } from './admit.ts'
import { type ControlConfig, type Facts, judgeGuard } from './guard.ts'
import type { Journal } from './journal.ts'
import type { Keys } from './keys.ts'
import type { Ledger } from './ledger.ts'
import type { ActionEntry, Judgement, RefusalReason } from './model.ts'
import { type ActionRecord, changed, keyOf } from './record.ts'
import type { Refusals } from './refusals.ts'

/** Effects of one agent that may wait for each other: a caller that asks again and again is a fault. */
const MOST_WAITING = 100

/** `answer`: nothing more happens now. `approval`: a person is asked. `effect`: it is let go. */
export interface Decision {
  readonly next: 'answer' | 'approval' | 'effect'
  readonly record: ActionRecord
}

export interface DecideDeps {
  readonly journal: Journal
  readonly keys: Keys
  readonly ledger: Ledger
  readonly refusals: Refusals
  readonly ids: { next(): string }
  readonly moment: () => Moment
  readonly facts: (admitted: Admitted, now: Moment) => Facts
  readonly config: () => ControlConfig
  /** Effects of this agent that are under way or wait. */
  readonly waiting: (agent: string) => number
  /** Told in the same step in which it is decided. */
  readonly reserved: (record: ActionRecord) => void
  readonly withdrawn: (record: ActionRecord) => void
}

export interface Decide {
  /** What the guard says now, without deciding anything. */
  judge(admitted: Admitted): Judgement
  /** @throws Problem AE_TOO_MANY_REQUESTS */
  first(admitted: Admitted): Promise<Decision>
  /** The same once more for an entry that a person has approved. */
  again(record: ActionRecord, admitted: Admitted, approver: string): Promise<Decision>
}

/**
 * The one step in which it is decided: dedupe, guard and reservation happen without giving the thread away, so no
 * other request can come in between; the insert is handed to the database in the same step, and its single connection
 * keeps the order. Only the wait for the disk is shared by many (one commit for all), or a hundred agents over their
 * limits would wait for a hundred commits one after the other.
 */
export function createDecide(deps: DecideDeps): Decide {
  const { journal, keys, ledger, refusals, ids, moment, config } = deps
  /** Inserts that wait for the disk, by id: who asks again under the same key waits with them. */
  const deciding = new Map<string, Promise<Decision>>()

  function judge(admitted: Admitted, now: Moment): Judgement {
    return judgeGuard(admitted.request, deps.facts(admitted, now), config(), now)
  }

  async function first(admitted: Admitted): Promise<Decision> {
    const { request, incarnation } = admitted
    const key = keyOf(request, incarnation ?? '')
    const claim = keys.get(key)
    if (claim?.taken) {
      const record = (await deciding.get(claim.id))?.record ?? (await journal.find(claim.id))
      if (record !== undefined) return { next: 'answer', record: (await journal.find(claim.id)) ?? record }
    }
    const now = moment()
    const judgement = judge(admitted, now)
    if (judgement.verdict !== 'allow') {
      return { next: 'answer', record: refusals.note(draft(admitted, key, judgement)) }
    }
    if (deps.waiting(request.agent) >= MOST_WAITING) {
      throw new Problem('AE_TOO_MANY_REQUESTS', `${MOST_WAITING} actions wait for ${request.agent} already.`)
    }
    const pending = request.approval === 'required'
    const record = draft(admitted, key, judgement, pending ? undefined : now)
    reserve(record)
    const decision = insert(record, (claim?.failed ?? 0) + 1)
    deciding.set(record.entry.id, decision)
    try {
      return await decision
    } finally {
      deciding.delete(record.entry.id)
    }
  }

  async function insert(draftRecord: ActionRecord, attempt: number): Promise<Decision> {
    const record = changed(draftRecord, { attempt })
    const inserted = await journal.insert(record)
    if (typeof inserted !== 'string') {
      withdraw(record)
      keys.note(inserted)
      return { next: 'answer', record: inserted }
    }
    if (record.entry.status === 'pending_approval') {
      return inserted === 'durable' ? { next: 'approval', record } : lost(record)
    }
    return inserted === 'durable' ? { next: 'effect', record } : undurable(record)
  }

  /** A pause that waits for a disk protects nobody; a resume is always safe; the rest is refused. */
  async function undurable(record: ActionRecord): Promise<Decision> {
    const { action } = record.entry
    if (action !== 'pause' && action !== 'resume') return lost(record)
    return { next: 'effect', record: changed(record, { durable: false }) }
  }

  async function lost(record: ActionRecord): Promise<Decision> {
    const refused = refuse(record, 'not_durable', 'the journal did not take it in time')
    await journal.save(refused)
    return { next: 'answer', record: refused }
  }

  function refuse(record: ActionRecord, refusal: RefusalReason, detail: string): ActionRecord {
    withdraw(record)
    const refused = changed(
      record,
      { status: 'refused', refusal, detail },
      { claimsKey: false, started: undefined, result: 'neutral' },
    )
    keys.note(refused)
    return refused
  }

  function reserve(record: ActionRecord): void {
    keys.note(record)
    if (record.started === undefined) return
    ledger.note(record)
    deps.reserved(record)
  }

  function withdraw(record: ActionRecord): void {
    ledger.strike(record.entry.id)
    if (record.started !== undefined) deps.withdrawn(record)
  }

  async function again(waiting: ActionRecord, admitted: Admitted, approver: string): Promise<Decision> {
    const now = moment()
    const { approval: _, ...request } = admitted.request
    const judgement = judgeGuard(request, deps.facts(admitted, now), config(), now)
    const detail = `approved by ${approver}`
    if (judgement.verdict !== 'allow') {
      const { verdict, reason } = judgement
      const record = changed(
        waiting,
        { status: verdict, refusal: reason, detail: `${detail}; ${judgement.detail}` },
        { claimsKey: false },
      )
      keys.note(record)
      return { next: 'answer', record }
    }
    const record = changed(
      waiting,
      { status: 'intended', detail },
      { admitted: now, started: now, stoppedBefore: admitted.stoppedBefore, processes: admitted.processes },
    )
    reserve(record)
    if ((await journal.save(record)) === 'durable') return { next: 'effect', record }
    return undurable(record)
  }

  function draft(admitted: Admitted, key: string, judgement: Judgement, started?: Moment): ActionRecord {
    const { request, incarnation } = admitted
    const at = admitted.admitted.wallMs
    const allowed = judgement.verdict === 'allow'
    const status = allowed ? (started === undefined ? 'pending_approval' : 'intended') : judgement.verdict
    return {
      entry: entryOf(ids.next(), admitted, incarnation, {
        status,
        at,
        lastAt: at,
        refusal: allowed ? undefined : judgement.reason,
        detail: allowed ? undefined : judgement.detail,
      }),
      key,
      claimsKey: allowed,
      admitted: admitted.admitted,
      started,
      ended: undefined,
      result: undefined,
      graceMs: request.graceMs,
      optIn: request.optIn ?? false,
      released: [],
      stoppedBefore: admitted.stoppedBefore,
      processes: admitted.processes,
      crossedAtMs: request.crossedAtMs,
    }
  }

  return { judge: (admitted) => judge(admitted, moment()), first, again }
}

function entryOf(
  id: string,
  { request }: Admitted,
  incarnation: Incarnation | undefined,
  more: Pick<ActionEntry, 'status' | 'at' | 'lastAt' | 'refusal' | 'detail'>,
): ActionEntry {
  const { agent, action, trigger, episode, actor, reason, hold, size, extraBudget } = request
  return {
    ...{ id, agent, incarnation, action, trigger, episode, actor, reason, hold, size, extraBudget },
    ...{ attempt: 1, durable: true, rung: undefined, verifiedAt: undefined, durationMs: undefined, count: 1 },
    ...more,
  }
}
