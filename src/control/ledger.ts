import { elapsedMs, type Moment } from '../platform/moment.ts'
import { DEEDS_KEPT_MS, type Deed } from './guard.ts'
import type { ActionRecord } from './record.ts'

/** More than any fleet share lets through in an hour; the oldest go first. */
const MOST_DEEDS = 10_000

/** What was done in the last hour, for the guard. Rebuilt from the journal after a restart. */
export interface Ledger {
  /** Takes a record that was let go, or its end. */
  note(record: ActionRecord): void
  /** It was not let go after all, or nothing was to be done. */
  strike(id: string): void
  /** Oldest first. */
  deeds(now: Moment): readonly Deed[]
}

export function createLedger(): Ledger {
  const deeds = new Map<string, Deed>()
  return {
    note({ entry: { id, agent, action, trigger }, started, ended, result }) {
      if (started === undefined) return
      deeds.set(id, { agent, action, trigger, started, ended, result })
      if (deeds.size > MOST_DEEDS) deeds.delete(deeds.keys().next().value!)
    },
    strike: (id) => void deeds.delete(id),
    deeds(now) {
      for (const [id, deed] of deeds) {
        if (elapsedMs(deed.started, now) < DEEDS_KEPT_MS) break
        deeds.delete(id)
      }
      return [...deeds.values()]
    },
  }
}
