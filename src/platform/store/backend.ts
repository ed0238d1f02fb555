import type { Dialect } from 'kysely'
import type { ShapedRows } from './batch-writer.ts'
import type { StoreUnavailable } from './failure.ts'
import type { RowsValue } from './sqlite-protocol.ts'
import type { Lane } from './stats.ts'
import type { Quarantine, StoreKind } from './store.ts'

/** One database engine under the store. */
export interface Backend {
  readonly kind: StoreKind
  /** Connects and brings the schema up to date. Rejects with a Problem when that is not possible. */
  open(): Promise<void>
  dialect(lane: Lane): Dialect
  /** All rows in one transaction of the batch lane. Throws StoreUnavailable when nothing was written. */
  write(segments: readonly ShapedRows[]): Promise<RowsValue>
  /** All rows in one transaction of the durable lane, or none: throws what the first bad one earned. */
  put(segments: readonly ShapedRows[]): Promise<void>
  /** Settles when writes are possible; repairs what can be repaired. */
  probe(): Promise<void>
  compact(): Promise<void>
  waiting(): Readonly<Record<Lane, number>>
  close(): Promise<void>
}

/** What a backend tells the store. */
export interface BackendHooks {
  /** Applies the migrations through a dialect that the gate lets pass. */
  migrate(dialect: Dialect): Promise<void>
  unavailable(error: StoreUnavailable): void
  quarantined(quarantine: Quarantine): void
}
