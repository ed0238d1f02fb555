import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import type { Backend, BackendHooks } from './backend.ts'
import type { InsertShape, ShapedRows } from './batch-writer.ts'
import { ConstraintError, type Failure, StoreUnavailable } from './failure.ts'
import { insertQuery } from './insert-statement.ts'
import { createPostgresPool } from './postgres-pool.ts'
import type { Lane, StoreCounters } from './stats.ts'

/** The protocol counts parameters in 16 bits. */
const MAX_PARAMETERS = 65_535

type AnyTables = Record<string, Record<string, unknown>>

export interface PostgresBackendDeps {
  readonly url: string
  readonly counters: StoreCounters
  readonly hooks: BackendHooks
}

export function createPostgresBackend({ url, counters, hooks }: PostgresBackendDeps): Backend {
  const pool = createPostgresPool(url, counters, hooks.unavailable)
  const dialectOf = (lane: Lane) => new PostgresDialect({ pool: pool.lane(lane) })
  const db = new Kysely<AnyTables>({ dialect: dialectOf('batch') })
  const durable = new Kysely<AnyTables>({ dialect: dialectOf('durable') })
  let migrated = false

  async function open(): Promise<void> {
    await hooks.migrate(dialectOf('durable'))
    migrated = true
  }

  async function writeAll(segments: readonly ShapedRows[]) {
    let written = 0
    let rejected = 0
    let firstRejection: Failure | undefined
    await db.transaction().execute(async (trx) => {
      // Lost with the server's last moments at worst, never inconsistent (runtime-config-wal).
      await sql`set local synchronous_commit = off`.execute(trx)
      for (const { shape, rows } of segments) {
        for (const chunk of chunksOf(shape, rows)) {
          const failure = await insertGuarded(trx, shape, chunk)
          if (failure === undefined) {
            written += chunk.length
            continue
          }
          // One row is bad: find it, keep the others.
          for (const row of chunk) {
            const why = chunk.length === 1 ? failure : await insertGuarded(trx, shape, [row])
            if (why === undefined) written++
            else {
              rejected++
              firstRejection ??= why
            }
          }
        }
      }
    })
    return { written, rejected, ...(firstRejection && { firstRejection }) }
  }

  return {
    kind: 'postgres',
    open,
    dialect: dialectOf,
    write: writeAll,
    put: (segments) =>
      durable.transaction().execute(async (trx) => {
        for (const { shape, rows } of segments) {
          for (const chunk of chunksOf(shape, rows)) await insertQuery(trx, shape, chunk).execute()
        }
      }),
    async probe() {
      if (!migrated) await open()
      const read = await sql<{ on: string }>`show transaction_read_only`.execute(db)
      const answer = Object.values(read.rows[0] ?? {})[0]
      if (answer === 'on') throw new StoreUnavailable('readonly')
    },
    compact: async () => {},
    waiting: () => ({ durable: pool.waiting(), batch: 0 }),
    close: pool.end,
  }
}

/** Answers why the rows were refused; throws when the server is at fault. */
async function insertGuarded(
  trx: Transaction<AnyTables>,
  shape: InsertShape,
  rows: readonly unknown[][],
): Promise<Failure | undefined> {
  await sql`savepoint rows`.execute(trx)
  try {
    await insertQuery(trx, shape, rows).execute()
    await sql`release savepoint rows`.execute(trx)
    return undefined
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    await sql`rollback to savepoint rows`.execute(trx)
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof ConstraintError) return { reason: 'constraint', message, constraint: error.kind }
    return { reason: 'statement', message }
  }
}

/** One statement may not meet the same key twice ("cannot affect row a second time"), nor carry too many parameters. */
function* chunksOf(shape: InsertShape, rows: readonly unknown[][]): Generator<unknown[][]> {
  const max = Math.max(1, Math.floor(MAX_PARAMETERS / Math.max(1, shape.columns.length)))
  const keyColumns = shape.upsert?.key.map((column) => shape.columns.indexOf(column))
  let chunk: unknown[][] = []
  let seen = new Set<string>()
  for (const row of rows) {
    const key = keyColumns?.map((i) => `${typeof row[i]}:${row[i]}`).join('\u0000')
    if (chunk.length >= max || (key !== undefined && seen.has(key))) {
      yield chunk
      chunk = []
      seen = new Set()
    }
    if (key !== undefined) seen.add(key)
    chunk.push(row)
  }
  if (chunk.length > 0) yield chunk
}
