import type { Clock, Timer } from '../platform/clock.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import type { ActionRecord } from './record.ts'

/** Entries that wait for a person. */
export interface Approvals {
  add(record: ActionRecord): void
  /** Takes it out: whoever gets it decides, everybody else comes too late. */
  take(id: string): ActionRecord | undefined
  list(): Iterable<ActionRecord>
  stop(): void
}

export interface ApprovalsDeps {
  readonly clock: Clock
  readonly moment: () => Moment
  readonly expiryMs: () => number
  readonly expire: (record: ActionRecord) => void
}

export function createApprovals({ clock, moment, expiryMs, expire }: ApprovalsDeps): Approvals {
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
      expire(record)
    })
  }

  return {
    add: (record) => void waiting.set(record.entry.id, { record, timer: arm(record) }),
    take(id) {
      const entry = waiting.get(id)
      waiting.delete(id)
      entry?.timer.cancel()
      return entry?.record
    },
    *list() {
      for (const { record } of waiting.values()) yield record
    },
    stop() {
      for (const { timer } of waiting.values()) timer.cancel()
    },
  }
}
