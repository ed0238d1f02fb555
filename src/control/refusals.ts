import type { ActionRecord } from './record.ts'

/** Refusals of the same kind within this time are one row. */
const COALESCE_MS = 3_600_000
const MOST_KINDS = 2_000

/** What was refused or only rehearsed: rows of their own that take no key. */
export interface Refusals {
  /** Answers with the row it became part of. */
  note(record: ActionRecord): ActionRecord
}

export interface RefusalsDeps {
  readonly write: (record: ActionRecord) => void
  /** `first`: a new row; everybody is told of it once. */
  readonly told: (record: ActionRecord, which: 'first' | 'again') => void
}

export function createRefusals({ write, told }: RefusalsDeps): Refusals {
  const kinds = new Map<string, ActionRecord>()
  return {
    note(record) {
      const { agent, incarnation, action, trigger, status, refusal, at } = record.entry
      const kind = [agent, incarnation, action, trigger, status, refusal].join('|')
      const before = kinds.get(kind)
      const sameHour =
        before !== undefined && record.admitted.bootMs - before.admitted.bootMs < COALESCE_MS
          ? before
          : undefined
      const row: ActionRecord =
        sameHour === undefined
          ? record
          : {
              ...sameHour,
              entry: {
                ...sameHour.entry,
                reason: record.entry.reason,
                detail: record.entry.detail,
                count: sameHour.entry.count + 1,
                lastAt: at,
              },
            }
      kinds.delete(kind)
      kinds.set(kind, row)
      if (kinds.size > MOST_KINDS) kinds.delete(kinds.keys().next().value!)
      write(row)
      told(row, sameHour === undefined ? 'first' : 'again')
      return row
    },
  }
}
