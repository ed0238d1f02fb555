import type { Incarnation } from '../agents/model.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Memory } from './memory.ts'
import type { Action } from './model.ts'
import type { ActionRecord } from './record.ts'

/** Actions that were let go and are not settled, by entry. */
export interface UnderWay {
  begin(record: ActionRecord): void
  over(id: string): void
  has(id: string): boolean
  actions(): Iterable<Action>
  /** Who was stopped before the first of those began that may be stopping this life now. */
  stoppedBefore(incarnation: Incarnation): readonly ProcessKey[] | undefined
  count(): number
}

export function createUnderWay(memory: Memory): UnderWay {
  const records = new Map<string, ActionRecord>()
  const marks = new Map<string, () => void>()
  return {
    begin(record) {
      const { id, action, incarnation } = record.entry
      records.set(id, record)
      if (incarnation === undefined) return
      if (action === 'pause') marks.set(id, memory.pausing(incarnation))
      if (action === 'terminate') marks.set(id, memory.terminating(incarnation))
    },
    over(id) {
      records.delete(id)
      marks.get(id)?.()
      marks.delete(id)
    },
    has: (id) => records.has(id),
    *actions() {
      for (const { entry } of records.values()) yield entry.action
    },
    stoppedBefore(incarnation) {
      for (const { entry, stoppedBefore } of records.values()) {
        if (entry.incarnation === incarnation && stoppedBefore !== undefined) return stoppedBefore
      }
      return undefined
    },
    count: () => records.size,
  }
}
