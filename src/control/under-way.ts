import type { Memory } from './memory.ts'
import type { Action } from './model.ts'
import type { ActionRecord } from './record.ts'

/** Actions that were let go and are not settled, by entry. */
export interface UnderWay {
  begin(record: ActionRecord): void
  over(id: string): void
  has(id: string): boolean
  actions(): Iterable<Action>
  count(): number
}

export function createUnderWay(memory: Memory): UnderWay {
  const actions = new Map<string, Action>()
  const marks = new Map<string, () => void>()
  return {
    begin({ entry: { id, action, incarnation } }) {
      actions.set(id, action)
      if (incarnation === undefined) return
      if (action === 'pause') marks.set(id, memory.pausing(incarnation))
      if (action === 'terminate') marks.set(id, memory.terminating(incarnation))
    },
    over(id) {
      actions.delete(id)
      marks.get(id)?.()
      marks.delete(id)
    },
    has: (id) => actions.has(id),
    actions: () => actions.values(),
    count: () => actions.size,
  }
}
