import type { NotificationNote } from './repository.ts'
import type { AlertTable } from './table.ts'

/** One thing that happens to the table: what it makes of it, and whatever the caller wants to know. */
export type Change<T> = (table: AlertTable) => {
  readonly table: AlertTable
  readonly result: T
  /** Written down with it. */
  readonly note?: NotificationNote
}

export interface LaneOptions {
  readonly save: (before: AlertTable, after: AlertTable, notes: readonly NotificationNote[]) => Promise<void>
}

/** The table, and the only way to change it. */
export interface Lane {
  /** As it is on disk. */
  readonly table: AlertTable
  /** What an earlier run of the daemon knew; before anything changes it. */
  begin(table: AlertTable): void
  /**
   * One change after the other. Settles when it is durable; rejects when it could not be written, and then it has not
   * happened.
   */
  change<T>(change: Change<T>): Promise<T>
}

/** More would keep the loop from everything else for too long. */
const MOST_TOGETHER = 32

interface Waiting {
  readonly change: Change<unknown>
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
}

/**
 * Changes that come while a write is under way are written together by the next one: a disk that takes its time for
 * each commit takes more notifications in one, not fewer in a second.
 */
export function createLane({ save }: LaneOptions): Lane {
  let table: AlertTable = { entries: new Map(), nextEpisode: 1, instances: new Map() }
  const waiting: Waiting[] = []
  let isWriting = false

  async function drain(): Promise<void> {
    isWriting = true
    // Whoever asks in the same turn is written in the same write.
    await undefined
    while (waiting.length > 0) await write(waiting.splice(0, MOST_TOGETHER))
    isWriting = false
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    let next = table
    const notes: NotificationNote[] = []
    const judged: { readonly one: Waiting; readonly result: unknown }[] = []
    for (const one of batch) {
      try {
        const { table: after, result, note } = one.change(next)
        next = after
        if (note !== undefined) notes.push(note)
        judged.push({ one, result })
      } catch (error) {
        one.reject(error)
      }
    }
    try {
      if (next !== table || notes.length > 0) await save(table, next, notes)
      table = next
      for (const { one, result } of judged) one.resolve(result as never)
    } catch (error) {
      for (const { one } of judged) one.reject(error)
    }
  }

  return {
    get table() {
      return table
    },
    begin(known) {
      table = known
    },
    change<T>(change: Change<T>) {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ change, resolve: resolve as (result: never) => void, reject })
        if (!isWriting) void drain()
      })
    },
  }
}
