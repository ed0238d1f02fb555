import type { Failure } from './failure.ts'
import type { Lane } from './stats.ts'

/** A value SQLite can bind; anything else fails the statement in the worker. */
export type SqlValue = null | number | bigint | string | Uint8Array

/** One insert statement and the rows for it. */
export interface RowSegment {
  readonly sql: string
  readonly rows: readonly (readonly unknown[])[]
}

export interface RunRequest {
  readonly kind: 'run'
  readonly id: number
  readonly lane: Lane
  /** Known to be a pure query: needs no transaction and goes on when nothing can be written. */
  readonly access: 'read' | 'write'
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** The open transaction it belongs to. */
  readonly tx?: number
}

export type Request =
  | RunRequest
  | { readonly kind: 'rows'; readonly id: number; readonly segments: readonly RowSegment[] }
  /** Rows of several tables on the durable lane: all or none. */
  | { readonly kind: 'put'; readonly id: number; readonly segments: readonly RowSegment[] }
  | {
      readonly kind: 'begin'
      readonly id: number
      readonly lane: Lane
      readonly tx: number
      /** Whether it may last as long as it takes: nobody else is let in meanwhile, so nobody waits for it. */
      readonly alone?: boolean
    }
  | { readonly kind: 'commit' | 'rollback'; readonly id: number; readonly tx: number }
  /** Can it be written again? Rebuilds the reserve. */
  | { readonly kind: 'probe'; readonly id: number }
  /** One bounded slice of giving pages back; answers how many are left. */
  | { readonly kind: 'compact'; readonly id: number; readonly pages: number }
  | { readonly kind: 'quarantine'; readonly id: number; readonly stamp: string }
  | { readonly kind: 'close'; readonly id: number }

/** What a statement gave back. */
export interface RunValue {
  readonly rows: readonly unknown[]
  readonly changes?: number | bigint
  readonly insertId?: number | bigint
}

/** What became of batched rows. `rejected` rows broke a rule of their table and are gone. */
export interface RowsValue {
  readonly written: number
  readonly rejected: number
  readonly firstRejection?: Failure
}

export type Reply =
  | { readonly id: number; readonly value: unknown; readonly failure?: undefined }
  | { readonly id: number; readonly failure: Failure }

export interface OpenValue {
  /** The file that was put aside before this one was created. */
  readonly quarantined?: QuarantinedFile
}

export interface QuarantinedFile {
  readonly path: string
  readonly reason: string
  readonly kept: number
}

/** Sent by the worker after each step. */
export interface WorkerMessage {
  readonly replies: readonly Reply[]
  readonly commits: readonly { readonly lane: Lane; readonly seconds: number; readonly writes: number }[]
  readonly sizeBytes?: number
  /** Set while writes fail for want of space or permission. */
  readonly blocked?: Failure
  /** The file is damaged: nothing is answered but `quarantine` and `close`. */
  readonly damaged?: string
}

export interface EngineOptions {
  readonly path: string
  readonly reservePath: string
  readonly reserveBytes: number
  /** Names the damaged file if there is one at open. */
  readonly stamp: string
  /** A transaction of the main thread that lasts longer is rolled back, unless it is alone. */
  readonly transactionTimeoutMs: number
}
