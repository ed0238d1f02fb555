import { closeSync, existsSync, openSync, readdirSync, renameSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { sqliteFailure } from './failure.ts'
import type { QuarantinedFile } from './sqlite-protocol.ts'

/** `quick_check` reads the whole file (0.1 s for 64 MiB): larger ones are checked by header and schema only. */
const QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024
/** Another process (the `resume` command, a backup) may hold the lock for a moment. */
const BUSY_TIMEOUT_MS = 2_000
/** The log is cut back to this after a checkpoint. */
const WAL_LIMIT_BYTES = 4 * 1024 * 1024
/** Each prepared statement costs some kilobytes; rooms have far fewer than this. */
const STATEMENT_CACHE = 200

/** Opens the file and looks for damage. Throws what SQLite throws; the caller decides on quarantine. */
export function openSqliteFile(path: string): DatabaseSync {
  // SQLite gives -wal and -shm the mode of the main file.
  closeSync(openSync(path, 'a', 0o600))
  const db = new DatabaseSync(path)
  try {
    // Takes effect only before the first table; the busy timeout first, since the others take locks.
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA auto_vacuum = INCREMENTAL`)
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}`)
    db.exec('PRAGMA foreign_keys = ON')
    checkFile(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function checkFile(db: DatabaseSync, path: string): void {
  db.prepare('select count(*) from sqlite_schema').get()
  if (statSync(path).size > QUICK_CHECK_MAX_BYTES) return
  const row = db.prepare('PRAGMA quick_check(1)').get()
  const verdict = String(row?.['quick_check'] ?? 'no answer')
  if (verdict !== 'ok') throw new DamagedFile(verdict)
}

/** What `quick_check` found, with the code SQLite itself would use (SQLITE_CORRUPT). */
class DamagedFile extends Error {
  readonly errcode = 11
}

/** Opens the file; a damaged one is put aside and a new one started. */
export function openOrQuarantine(
  path: string,
  stamp: string,
): { readonly db: DatabaseSync; readonly quarantined?: QuarantinedFile } {
  try {
    return { db: openSqliteFile(path) }
  } catch (error) {
    const failure = sqliteFailure(error)
    if (failure.reason !== 'damaged') throw error
    const quarantined = quarantineFile(path, stamp, failure.message)
    return { db: openSqliteFile(path), quarantined }
  }
}

/**
 * Renames the closed database with its log and index, which belong together: sqlite3 can open them under the
 * new name. Old ones are never deleted; a file that breaks again starts small, so they do not pile up by size.
 */
export function quarantineFile(path: string, stamp: string, reason: string): QuarantinedFile {
  let target = `${path}.damaged-${stamp}`
  for (let n = 1; existsSync(target); n++) target = `${path}.damaged-${stamp}.${n}`
  // The log first: a new database must never meet the log of the old one.
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix)
  }
  const prefix = `${basename(path)}.damaged-`
  const kept = readdirSync(dirname(path)).filter((f) => f.startsWith(prefix) && !/-(wal|shm)$/.test(f)).length
  return { path: target, reason, kept }
}

/** A prepared statement and whether it answers rows. */
export interface Prepared {
  readonly statement: StatementSync
  readonly answersRows: boolean
}

/** Prepared statements by their text, the least recently used forgotten first. */
export function createStatementCache(db: DatabaseSync): (sql: string) => Prepared {
  const cache = new Map<string, Prepared>()
  return (sql) => {
    let prepared = cache.get(sql)
    if (prepared) {
      cache.delete(sql)
    } else {
      const statement = db.prepare(sql)
      prepared = { statement, answersRows: statement.columns().length > 0 }
      if (cache.size >= STATEMENT_CACHE) cache.delete(cache.keys().next().value ?? '')
    }
    cache.set(sql, prepared)
    return prepared
  }
}
