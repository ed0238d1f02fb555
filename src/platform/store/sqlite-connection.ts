import { statSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { type Failure, sqliteFailure } from './failure.ts'
import { createReserveFile } from './reserve-file.ts'
import { createStatementCache, openOrQuarantine, openSqliteFile, quarantineFile } from './sqlite-file.ts'
import type { EngineOptions, OpenValue, RunRequest, RunValue } from './sqlite-protocol.ts'
import type { Lane } from './stats.ts'

/** How often the size is looked up: two stat calls per commit would cost more than a small commit. */
const SIZE_EVERY_MS = 1_000

/** The one connection: how a transaction begins and ends, and what a failure says about the file. */
export interface SqliteConnection {
  readonly opened: OpenValue
  /** Runs one statement. Throws what SQLite throws. */
  run(request: Pick<RunRequest, 'sql' | 'parameters'>): RunValue
  /** Runs one statement for every row; `onRefusal` hears of rows that broke a rule. */
  runRows(sql: string, rows: readonly (readonly unknown[])[], onRefusal: (failure: Failure) => void): number
  begin(lane: Lane): void
  commit(): void
  /** Never throws. */
  rollback(): void
  inTransaction(): boolean
  /** Classifies an error and remembers what it says about the file. */
  note(error: unknown): Failure
  /** Cuts the log back, which may free the room that was missing. Never throws. */
  cutLog(): void
  releaseReserve(): boolean
  /** Writes once and takes the reserve back. Throws while that is not possible. */
  probe(): void
  /** Gives up to `pages` free pages back; answers how many are left. */
  compact(pages: number): number
  /** Puts the file aside and starts a new one. */
  replace(stamp: string): OpenValue
  close(): void
  state(): {
    readonly blocked: Failure | undefined
    readonly damaged: string | undefined
    readonly sizeBytes: number | undefined
  }
}

export function openSqliteConnection(options: EngineOptions): SqliteConnection {
  const reserve = createReserveFile(options.reservePath, options.reserveBytes)
  const first = openWithReserve()
  let db: DatabaseSync | undefined = first.db
  let prepare = createStatementCache(first.db)
  let synchronous: Lane | undefined
  let damaged: string | undefined
  let blocked: Failure | undefined
  let sizeAt = Number.NEGATIVE_INFINITY
  let sizeBytes: number | undefined
  if (!reserve.ensure()) blocked = { reason: 'full', message: 'There is no room for the reserve file.' }

  function openWithReserve() {
    try {
      return openOrQuarantine(options.path, options.stamp)
    } catch (error) {
      const { reason } = sqliteFailure(error)
      if ((reason !== 'full' && reason !== 'io') || !reserve.release()) throw error
      return openOrQuarantine(options.path, options.stamp)
    }
  }

  function connection(): DatabaseSync {
    if (!db) throw new ClosedDatabase('It was closed before this could be done.')
    return db
  }

  function pragma(name: string): number {
    return Number(Object.values(connection().prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
  }

  function begin(lane: Lane): void {
    if (synchronous !== lane) {
      connection().exec(`PRAGMA synchronous = ${lane === 'durable' ? 'FULL' : 'NORMAL'}`)
      synchronous = lane
    }
    connection().exec('BEGIN IMMEDIATE')
  }

  function rollback(): void {
    try {
      if (db?.isTransaction) db.exec('ROLLBACK')
    } catch {
      // FULL, IOERR and NOMEM roll back by themselves (lang_transaction.html §3).
    }
  }

  function measureSize(): number | undefined {
    if (performance.now() - sizeAt < SIZE_EVERY_MS) return sizeBytes
    sizeAt = performance.now()
    try {
      const log = statSync(`${options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0
      sizeBytes = statSync(options.path).size + log
    } catch {
      sizeBytes = undefined
    }
    return sizeBytes
  }

  return {
    opened: first.quarantined ? { quarantined: first.quarantined } : {},
    begin,
    rollback,
    commit: () => connection().exec('COMMIT'),
    inTransaction: () => db?.isTransaction === true,
    run({ sql, parameters }) {
      const { statement, answersRows } = prepare(sql)
      const values = bindable(parameters)
      if (answersRows) return { rows: statement.all(...values) }
      const result = statement.run(...values)
      return { rows: [], changes: result.changes, insertId: result.lastInsertRowid }
    },
    runRows(sql, rows, onRefusal) {
      const { statement } = prepare(sql)
      let written = 0
      for (const row of rows) {
        let refused: Failure
        try {
          statement.run(...bindable(row))
          written++
          continue
        } catch (error) {
          refused = sqliteFailure(error)
          if (refused.reason !== 'constraint' && refused.reason !== 'statement') throw error
        }
        onRefusal(refused)
      }
      return written
    },
    note(error) {
      if (error instanceof ClosedDatabase) return { reason: 'closed', message: error.message }
      const failure = sqliteFailure(error)
      if (failure.reason === 'damaged') damaged ??= failure.message
      if (failure.reason === 'full' || failure.reason === 'readonly' || failure.reason === 'io')
        blocked = failure
      return failure
    },
    cutLog() {
      try {
        connection().exec('PRAGMA wal_checkpoint(TRUNCATE)')
      } catch {
        // No room to copy the pages: what is in the log stays there and is safe.
      }
    },
    releaseReserve: reserve.release,
    probe() {
      if (!reserve.ensure()) throw new FullDisk('There is no room for the reserve file.')
      // A write that changes nothing anybody reads: SQLite leaves the user version to the application.
      const version = pragma('user_version')
      begin('durable')
      try {
        connection().exec(`PRAGMA user_version = ${(version + 1) % 1_000}; COMMIT`)
      } catch (error) {
        rollback()
        throw error
      }
      blocked = undefined
    },
    compact(pages) {
      connection().exec(`PRAGMA incremental_vacuum(${pages})`)
      const left = pragma('freelist_count')
      if (left === 0) connection().exec('PRAGMA wal_checkpoint(TRUNCATE)')
      return left
    },
    replace(stamp) {
      rollback()
      try {
        db?.close()
      } catch {
        // The damaged file is left as it is.
      }
      db = undefined
      const quarantined = quarantineFile(options.path, stamp, damaged ?? 'asked for')
      db = openSqliteFile(options.path)
      prepare = createStatementCache(db)
      synchronous = undefined
      damaged = undefined
      return { quarantined }
    },
    close() {
      rollback()
      db?.close()
      db = undefined
    },
    state: () => ({ blocked, damaged, sizeBytes: measureSize() }),
  }
}

class ClosedDatabase extends Error {}

/** Carries SQLite's own code for a full disk (SQLITE_FULL), as when SQLite meets it. */
export class FullDisk extends Error {
  readonly errcode = 13
}

/** Newer releases of node:sqlite bind booleans, older ones and PostgreSQL's integers refuse them: so do we, always. */
function bindable(values: readonly unknown[]): SQLInputValue[] {
  for (const value of values) {
    if (typeof value === 'boolean') throw new TypeError('a boolean is not a column value')
  }
  return values as SQLInputValue[]
}
