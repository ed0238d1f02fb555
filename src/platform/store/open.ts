import { dirname, join, resolve } from 'node:path'
import { type Dialect, Kysely } from 'kysely'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { Problem } from '../problem.ts'
import { createAvailability } from './availability.ts'
import type { Backend, BackendHooks } from './backend.ts'
import { createBatchWriter, createShapes } from './batch-writer.ts'
import { ensureDataDir, refuseLink } from './data-dir.ts'
import { migrate } from './migrate.ts'
import type { Migration } from './migration.ts'
import { createSqliteBackend } from './sqlite-backend.ts'
import { createStoreCounters, type StoreCounters } from './stats.ts'
import type { OwnedTables, Quarantine, Store } from './store.ts'

/** How long `close` waits for buffered rows. */
const CLOSE_FLUSH_MS = 2_000
const DATABASE_FILE = 'agent-exporter.db'

export interface OpenStoreOptions {
  /** `sqlite`, `sqlite:<path>` or `postgres://…` */
  readonly url: string
  readonly dataDir: string
  readonly daemonId: string
  readonly clock: Clock
  readonly log: Log
  readonly migrations: readonly Migration[]
  /** A damaged database was put aside and a new one started. */
  readonly onQuarantine?: (quarantine: Quarantine) => void
}

/**
 * Opens the store and brings its schema up to date.
 *
 * @throws Problem `AE_STORE_URL`, `AE_DATA_DIR` (wrong configuration), `AE_STORE_UNAVAILABLE` (server not
 * reachable, disk full, no permission); an Error when a migration fails.
 */
export async function openStore<DB extends OwnedTables<DB>>(options: OpenStoreOptions): Promise<Store<DB>> {
  const { clock, log, daemonId } = options
  const target = parseStoreUrl(options.url, options.dataDir)
  const counters = createStoreCounters()
  let lastQuarantine: Quarantine | undefined

  const hooks: BackendHooks = {
    async migrate(dialect) {
      const applied = await migrate(
        new Kysely<never>({ dialect }),
        target.kind,
        options.migrations,
        clock.now(),
      )
      if (applied.length > 0)
        log.info('the schema of the store was brought up to date', { applied: applied.join(', ') })
    },
    unavailable: (error) => availability.markDown(error.reason, error.message),
    quarantined(quarantine) {
      lastQuarantine = quarantine
      log.error('the database was damaged: it was put aside and a new one started', { ...quarantine })
      options.onQuarantine?.(quarantine)
    },
  }
  const availability = createAvailability({
    clock,
    log,
    probe: () => backend.probe(),
    onRecovered() {
      counters.recoveries++
      writer.resume()
    },
  })
  const backend = await createBackend(target, clock, counters, hooks)
  const shapeOf = createShapes()
  const writer = createBatchWriter({
    shapeOf,
    clock,
    log,
    counters,
    write: (segments) => backend.write(segments),
    ready: () => availability.down() === undefined,
    onUnavailable: (error) => availability.markDown(error.reason, error.message),
  })

  try {
    await backend.open()
  } catch (error) {
    availability.stop()
    await backend.close().catch(() => {})
    throw error
  }

  const kyselyOf = (dialect: Dialect) => new Kysely<DB>({ dialect })
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    const deadline = new Promise<void>((done) => clock.setTimer(CLOSE_FLUSH_MS, done))
    await Promise.race([writer.flush().catch(() => {}), deadline])
    writer.abandon()
    availability.stop()
    await backend.close()
  }

  const store: Store<DB> = {
    kind: target.kind,
    daemonId,
    db: kyselyOf(backend.dialect('durable')),
    batch: kyselyOf(backend.dialect('batch')),
    put: (writes) =>
      backend.put(
        writes.flatMap(({ table, rows, upsert }) => {
          const [first] = rows
          if (first === undefined) return []
          const shape = shapeOf(table, first, upsert)
          const cells = rows.map((row) =>
            shape.columns.map((column) => (row as Record<string, unknown>)[column]),
          )
          return [{ shape, rows: cells }]
        }),
      ),
    enqueue: (table, rows, upsert) =>
      writer.enqueue(table, Array.isArray(rows) ? rows : [rows as object], upsert),
    flush: () => writer.flush(),
    compact: () => backend.compact(),
    // The tables of a room are some of the tables of all rooms: the compiler checks it at the call.
    of: () => store as never,
    health() {
      const down = availability.down()
      const detail = { kind: target.kind, ...(down && { reason: down.reason, detail: down.detail }) }
      if (!down && !lastQuarantine) return { status: 'healthy', ...detail }
      return { status: 'degraded', ...detail, ...(lastQuarantine && { quarantine: lastQuarantine }) }
    },
    stats: () => ({
      ...counters.snapshot(),
      up: availability.down() === undefined,
      queueLength: {
        durable: backend.waiting().durable,
        batch: writer.length() + backend.waiting().batch,
      },
    }),
    close: () => {
      closing ??= close()
      return closing
    },
  }
  return store
}

type Target =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }

/** @throws Problem `AE_STORE_URL`, without the address: it may carry a password. */
function parseStoreUrl(url: string, dataDir: string): Target {
  if (url === 'sqlite') return { kind: 'sqlite', path: join(resolve(dataDir), DATABASE_FILE) }
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    return { kind: 'sqlite', path: resolve(url.slice('sqlite:'.length)) }
  }
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return { kind: 'postgres', url }
  throw new Problem('AE_STORE_URL', 'The store address must be sqlite, sqlite:<path> or postgres://….')
}

async function createBackend(
  target: Target,
  clock: Clock,
  counters: StoreCounters,
  hooks: BackendHooks,
): Promise<Backend> {
  if (target.kind === 'sqlite') {
    ensureDataDir(dirname(target.path))
    refuseLink(target.path)
    return createSqliteBackend({ path: target.path, clock, counters, hooks })
  }
  // Loaded on demand: most daemons never speak to a server.
  const { createPostgresBackend } = await import('./postgres-backend.ts')
  return createPostgresBackend({ url: target.url, counters, hooks })
}
