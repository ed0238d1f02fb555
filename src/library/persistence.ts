import type { Account } from './account.ts'
import type { KeptCheckpoint, KeptEvent } from './history.ts'
import type { Persistence } from './model.ts'

/** One row: plain JSON, to be kept under its key. */
export type StoredRecord =
  | { readonly key: string; readonly kind: 'agent'; readonly account: Account; readonly removedAtMs?: number }
  | { readonly key: string; readonly kind: 'event'; readonly event: KeptEvent }
  | { readonly key: string; readonly kind: 'deliverable'; readonly checkpoint: KeptCheckpoint }

/** What was kept, taken apart: agents that were removed stay away, what happened to them does not. */
export function loadedFrom(rows: readonly StoredRecord[]) {
  return {
    events: rows.flatMap((row) => (row.kind === 'event' ? [row.event] : [])),
    checkpoints: rows.flatMap((row) => (row.kind === 'deliverable' ? [row.checkpoint] : [])),
    accounts: rows.flatMap((row) =>
      row.kind === 'agent' && row.removedAtMs === undefined ? [row.account] : [],
    ),
  }
}

/** Gathers what changed and saves it once, at the end of the turn: ten calls of one step are one row. */
export interface Saver {
  save(record: StoredRecord): void
  /** Saves what is gathered now. */
  flush(): void
}

export function createSaver(
  persistence: Pick<Persistence, 'save'> | undefined,
  onFault: (error: unknown) => void,
): Saver {
  const changed = new Map<string, StoredRecord>()

  function flush(): void {
    const records = [...changed.values()]
    changed.clear()
    for (const record of records) {
      try {
        persistence?.save(record)?.catch(onFault)
      } catch (error) {
        onFault(error)
      }
    }
  }

  return {
    flush,
    save(record) {
      if (persistence === undefined) return
      if (changed.size === 0) queueMicrotask(flush)
      changed.set(record.key, record)
    },
  }
}
