/**
 * How a room uses the store:
 *
 * ```ts
 * export interface AgentsTables { agents: { daemon_id: string; id: string; seen_ms: number } }
 * const store = appStore.of<AgentsTables>()
 *
 * // must be on disk when the promise settles: one statement, or several with db.transaction()
 * await store.db.insertInto('agents').values(row).execute()
 * // may be lost with the last 100 ms at a power cut; never waits, never throws
 * store.enqueue('agents', row, { key: ['daemon_id', 'id'] })
 * ```
 *
 * Inside `db.transaction().execute(async (trx) => …)` use only `trx`: the embedded store has one connection,
 * a statement on `db` waits for the transaction and the transaction would wait for it.
 */
import type { Insertable, Kysely } from 'kysely'
import type { HealthCheck } from '../feature.ts'
import type { StoreStats } from './stats.ts'

export type StoreKind = 'sqlite' | 'postgres'

/** Every table of every room carries the daemon it belongs to: many hosts may share one PostgreSQL. */
export type OwnedTables<DB> = { readonly [Table in keyof DB]: { readonly daemon_id: unknown } }

/** What to do when a batched row meets one with the same key. */
export interface Upsert<Column extends string> {
  /** Columns of a primary key or unique index. */
  readonly key: readonly Column[]
  /** Columns taken from the new row; all but the key when absent; none = the old row stays as it is. */
  readonly update?: readonly Column[]
}

export interface Store<DB extends OwnedTables<DB>> {
  readonly kind: StoreKind
  readonly daemonId: string
  /** Durable lane: a settled write survives a power cut. Rejects with `StoreUnavailable` (AE_STORE_UNAVAILABLE). */
  readonly db: Kysely<DB>
  /** Batch lane for statements of low worth (retention): consistent, the last ones may be lost at a power cut. */
  readonly batch: Kysely<DB>
  /**
   * Rows of one or several tables in one transaction of the durable lane: all or none, one trip to the database.
   * Rejects with `StoreUnavailable`, or with `ConstraintError` for the first row that broke a rule.
   */
  put(writes: readonly Write<DB>[]): Promise<void>
  /**
   * Batched writer: the rows are written within 100 ms, in order within their table, at least once (a
   * connection lost during a commit repeats it: give rows a key where a double matters). Between tables
   * there is no order, so no foreign keys between batched tables. `dropped`: the buffer is full, counted.
   */
  enqueue<Table extends keyof DB & string>(
    table: Table,
    rows: Insertable<DB[Table]> | readonly Insertable<DB[Table]>[],
    upsert?: Upsert<keyof DB[Table] & string>,
  ): 'queued' | 'dropped'
  /** Settles when everything enqueued before is committed; rejects when the store cannot take it now. */
  flush(): Promise<void>
  /** Gives free pages back to the file system (SQLite); nothing to do on PostgreSQL, whose autovacuum does. */
  compact(): Promise<void>
  /** The same store seen with the tables of one room. Does not compile when a table is missing here. */
  of<Room extends OwnedTables<Room>>(
    ...missing: DB extends Room ? readonly [] : readonly ['this store lacks tables of that room']
  ): Store<Room>
  health(): HealthCheck
  stats(): StoreStats
  /** Writes what is buffered (within a deadline), checkpoints, closes. Idempotent. */
  close(): Promise<void>
}

/** Rows for one table. All rows of one write have the same columns. */
export type Write<DB> = {
  readonly [Table in keyof DB & string]: {
    readonly table: Table
    readonly rows: readonly Insertable<DB[Table]>[]
    readonly upsert?: Upsert<keyof DB[Table] & string>
  }
}[keyof DB & string]

/** A damaged database file that was put aside. */
export interface Quarantine {
  /** Where the damaged file is now; `-wal` and `-shm` lie beside it. */
  readonly path: string
  /** What SQLite said. */
  readonly reason: string
  /** Damaged files that now lie in the directory. None is ever deleted. */
  readonly kept: number
}
