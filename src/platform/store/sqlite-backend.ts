import { dirname, join } from 'node:path'
import { type Dialect, Kysely } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Backend, BackendHooks } from './backend.ts'
import type { InsertShape } from './batch-writer.ts'
import { StoreUnavailable, toError } from './failure.ts'
import { compileInsert } from './insert-statement.ts'
import { createSqliteClient } from './sqlite-client.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'
import type { EngineOptions, OpenValue, RowsValue } from './sqlite-protocol.ts'
import type { Lane, StoreCounters } from './stats.ts'

/** Enough for some thousand journal entries, small enough to be there on any disk. */
const RESERVE_BYTES = 1024 * 1024
/** A transaction holds every other writer up: longer ones are a fault of the room. */
const TRANSACTION_TIMEOUT_MS = 10_000
/** A room may hold a transaction open, a disk may hang: the daemon must end within its five seconds. */
const CLOSE_DEADLINE_MS = 2_000
/** Pages given back per slice (4 MiB): a durable commit waits for one slice at most. */
const COMPACT_PAGES = 1_000

export interface SqliteBackendDeps {
  readonly path: string
  readonly clock: Clock
  readonly counters: StoreCounters
  readonly hooks: BackendHooks
}

export function createSqliteBackend({ path, clock, counters, hooks }: SqliteBackendDeps): Backend {
  /** Why the file cannot be used at the moment; repaired by `repair`. */
  let broken: 'damaged' | 'exited' | undefined
  let repairing: Promise<void> | undefined
  const statements = new WeakMap<InsertShape, string>()

  const client = createSqliteClient(counters, {
    blocked: (failure) => unavailable(toError(failure)),
    damaged(reason) {
      broken = 'damaged'
      unavailable(new StoreUnavailable('damaged', reason))
      repair().catch(unavailable)
    },
    exited(detail) {
      // Started again by the next probe, not at once: a thread that dies of its work would die in a loop.
      broken = 'exited'
      unavailable(new StoreUnavailable('io', `The database thread ended: ${detail}.`))
    },
  })

  function unavailable(error: unknown): void {
    if (error instanceof StoreUnavailable) hooks.unavailable(error)
  }

  const gate = () => {
    if (repairing) return repairing
    return broken ? Promise.reject(new StoreUnavailable(broken === 'damaged' ? 'damaged' : 'io')) : undefined
  }
  const dialect = (lane: Lane): Dialect => createSqliteDialect({ client, lane, admission: 'counted', gate })
  const setup = createSqliteDialect({ client, lane: 'durable', admission: 'exempt', gate: () => undefined })
  const compiler = new Kysely<Record<string, Record<string, unknown>>>({ dialect: setup })

  function engineOptions(): EngineOptions {
    return {
      path,
      reservePath: join(dirname(path), 'agent-exporter.reserve'),
      reserveBytes: RESERVE_BYTES,
      stamp: stampOf(clock.now()),
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    }
  }

  async function start(): Promise<void> {
    await adopt(await client.open(engineOptions()))
  }

  async function adopt({ quarantined }: OpenValue): Promise<void> {
    await hooks.migrate(setup)
    broken = undefined
    if (!quarantined) return
    counters.quarantines++
    hooks.quarantined(quarantined)
  }

  function repair(): Promise<void> {
    repairing ??= (
      broken === 'exited'
        ? start()
        : client.submit<OpenValue>({ kind: 'quarantine', stamp: stampOf(clock.now()) }, 'exempt').then(adopt)
    ).finally(() => {
      repairing = undefined
    })
    return repairing
  }

  function statementOf(shape: InsertShape): string {
    let text = statements.get(shape)
    if (text === undefined) {
      text = compileInsert(compiler, shape, [shape.columns.map(() => '')]).sql
      statements.set(shape, text)
    }
    return text
  }

  return {
    kind: 'sqlite',
    open: start,
    dialect,
    async write(segments) {
      await gate()
      return client.submit<RowsValue>(
        { kind: 'rows', segments: segments.map(({ shape, rows }) => ({ sql: statementOf(shape), rows })) },
        'exempt',
      )
    },
    async put(segments) {
      await gate()
      const shaped = segments.map(({ shape, rows }) => ({ sql: statementOf(shape), rows }))
      await client.submit({ kind: 'put', segments: shaped }, 'counted')
    },
    async probe() {
      if (broken) await repair()
      await client.submit({ kind: 'probe' }, 'exempt')
    },
    async compact() {
      await gate()
      while ((await client.submit<number>({ kind: 'compact', pages: COMPACT_PAGES }, 'counted')) > 0);
    },
    waiting: client.waiting,
    close: () => client.close(new Promise((done) => void clock.setTimer(CLOSE_DEADLINE_MS, done))),
  }
}

/** `20260131T235959Z`: sorts, and is a file name everywhere. */
function stampOf(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
}
