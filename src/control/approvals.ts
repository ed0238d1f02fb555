import type { Incarnation } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import type { RefusalReason } from './model.ts'
import { type ActionRecord, changed } from './record.ts'

/** Entries that wait for a person, until one answers, time is up, or there is nothing left to ask about. */
export interface Approvals {
  add(record: ActionRecord): void
  /** Takes it out: whoever gets it decides, everybody else comes too late. */
  take(id: string): ActionRecord | undefined
  list(): Iterable<ActionRecord>
  /** Ends one that was taken out: nothing is done. */
  refuse(taken: ActionRecord, refusal: RefusalReason, detail: string): Promise<ActionRecord>
  /** Ends whatever waits for this life, one after the other. */
  refuseAll(incarnation: Incarnation | undefined, refusal: RefusalReason, detail: string): Promise<void>
  stop(): void
}

export interface ApprovalsDeps {
  readonly clock: Clock
  readonly moment: () => Moment
  readonly expiryMs: () => number
  /** Writes an end down and tells it. */
  readonly finish: (record: ActionRecord) => Promise<void>
}

export function createApprovals({ clock, moment, expiryMs, finish }: ApprovalsDeps): Approvals {
  const waiting = new Map<string, { readonly record: ActionRecord; timer: Timer }>()

  function arm(record: ActionRecord): Timer {
    const left = Math.max(0, expiryMs() - elapsedMs(record.admitted, moment()))
    return clock.setTimer(left, () => {
      const entry = waiting.get(record.entry.id)
      if (entry === undefined) return
      // The limit may have been raised meanwhile.
      if (elapsedMs(record.admitted, moment()) < expiryMs()) {
        entry.timer = arm(record)
        return
      }
      waiting.delete(record.entry.id)
      void refuse(record, 'expired', 'nobody answered in time')
    })
  }

  function take(id: string): ActionRecord | undefined {
    const entry = waiting.get(id)
    waiting.delete(id)
    entry?.timer.cancel()
    return entry?.record
  }

  function* list(): Generator<ActionRecord> {
    for (const { record } of waiting.values()) yield record
  }

  async function refuse(record: ActionRecord, refusal: RefusalReason, detail: string): Promise<ActionRecord> {
    const refused = changed(
      record,
      { status: 'refused', refusal, detail },
      { claimsKey: false, ended: moment(), result: 'neutral' },
    )
    await finish(refused)
    return refused
  }

  return {
    add: (record) => void waiting.set(record.entry.id, { record, timer: arm(record) }),
    take,
    list,
    refuse,
    async refuseAll(incarnation, refusal, detail) {
      for (const record of [...list()]) {
        if (record.entry.incarnation !== incarnation || take(record.entry.id) === undefined) continue
        await refuse(record, refusal, detail)
      }
    },
    stop() {
      for (const { timer } of waiting.values()) timer.cancel()
    },
  }
}
