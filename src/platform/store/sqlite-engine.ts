import { statSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { type Failure, isUnavailable, sqliteFailure } from './failure.ts'
import { createReserveFile } from './reserve-file.ts'
import { createStatementCache, openOrQuarantine, openSqliteFile, quarantineFile } from './sqlite-file.ts'
import type {
  EngineOptions,
  OpenValue,
  Reply,
  Request,
  RowsValue,
  RunRequest,
  RunValue,
  WorkerMessage,
} from './sqlite-protocol.ts'
import type { Lane } from './stats.ts'

/** Statements that share one commit at most: a group of this size takes a few milliseconds. */
const GROUP_MAX = 1_000
/** Statements of a transaction that can be done over after the reserve was released. */
const REPLAY_MAX = 500

interface OpenTransaction {
  readonly id: number
  readonly lane: Lane
  readonly timer: NodeJS.Timeout
  readonly startedAt: number
  writes: number
  /** What was done so far; undefined when too much to repeat. */
  replay: RunRequest[] | undefined
}

/** The side of the worker: one connection, two lanes, one transaction at a time. */
export interface SqliteEngine {
  readonly opened: OpenValue
  /** Takes requests in order; answers come through `emit`. */
  accept(requests: readonly Request[]): void
}

export function createSqliteEngine(
  options: EngineOptions,
  emit: (message: WorkerMessage) => void,
): SqliteEngine {
  const reserve = createReserveFile(options.reservePath, options.reserveBytes)
  const first = openWithReserve()
  let db: DatabaseSync | undefined = first.db
  let prepare = createStatementCache(first.db)
  let damaged: string | undefined
  let blocked: Failure | undefined
  if (!reserve.ensure()) blocked = { reason: 'full', message: 'no room for the reserve file' }
  let synchronous: Lane | undefined
  let tx: OpenTransaction | undefined
  let awake = false
  const waiting: Record<Lane, Request[]> = { durable: [], batch: [] }
  const inTransaction: Extract<Request, { tx?: number }>[] = []
  let replies: Reply[] = []
  let commits: WorkerMessage['commits'][number][] = []

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
    if (!db) throw new Error('the database is closed')
    return db
  }

  function laneOf(request: Request): Lane {
    switch (request.kind) {
      case 'run':
      case 'begin':
        return request.lane
      case 'rows':
      case 'compact':
        return 'batch'
      default:
        return 'durable'
    }
  }

  function accept(requests: readonly Request[]): void {
    for (const request of requests) {
      const belongs =
        request.kind === 'commit' ||
        request.kind === 'rollback' ||
        (request.kind === 'run' && request.tx !== undefined)
      if (belongs) inTransaction.push(request)
      else waiting[laneOf(request)].push(request)
    }
    wake()
  }

  // One step per turn, so that whatever has arrived meanwhile joins the next commit and durable goes first.
  function wake(): void {
    if (awake) return
    awake = true
    setImmediate(() => {
      awake = false
      step()
      send()
      const more = tx ? inTransaction.length > 0 : waiting.durable.length + waiting.batch.length > 0
      if (more) wake()
    })
  }

  function step(): void {
    for (const request of inTransaction.splice(0)) stepInTransaction(request)
    if (tx) return
    const queue = waiting.durable.length > 0 ? waiting.durable : waiting.batch
    const head = queue[0]
    if (!head) return
    if (damaged !== undefined && head.kind !== 'quarantine' && head.kind !== 'close') {
      queue.shift()
      fail(head.id, { reason: 'damaged', message: damaged })
      return
    }
    if (head.kind !== 'run') {
      queue.shift()
      alone(head)
      return
    }
    let end = 1
    while (end < queue.length && end < GROUP_MAX && queue[end]?.kind === 'run') end++
    runGroup(head.lane, queue.splice(0, end) as RunRequest[])
  }

  function alone(request: Exclude<Request, RunRequest>): void {
    try {
      const value = handle(request)
      replies.push({ id: request.id, value })
    } catch (error) {
      fail(request.id, note(error))
    }
  }

  function handle(request: Exclude<Request, RunRequest>): unknown {
    switch (request.kind) {
      case 'rows':
        if (blocked) throw Object.assign(new Error(blocked.message), { failure: blocked })
        return writeRows(request.segments)
      case 'begin':
        return begin(request.tx, request.lane)
      case 'probe':
        return probe()
      case 'compact':
        return compact(request.pages)
      case 'quarantine':
        return replaceFile(request.stamp)
      case 'close':
        return close()
      default:
        throw new Error(`${request.kind} without a transaction`)
    }
  }

  /** Writes of one turn in one transaction; SQLite undoes a failing statement alone (lang_conflict.html, ABORT). */
  function runGroup(lane: Lane, group: readonly RunRequest[]): void {
    const writes = group.filter((r) => r.access === 'write').length
    if (writes === 0) {
      for (const request of group) runAlone(request)
      return
    }
    try {
      replies.push(...rescued(lane, () => transact(lane, writes, () => group.map(runGuarded))))
    } catch (error) {
      const failure = note(error)
      // An `OR ROLLBACK` statement ended the transaction of all: each gets its own.
      const retry = !isUnavailable(failure.reason) && writes > 1
      for (const request of group) {
        if (retry) runGroup(lane, [request])
        else if (request.access === 'read') runAlone(request)
        else fail(request.id, failure)
      }
    }
  }

  function runAlone(request: RunRequest): void {
    try {
      replies.push({ id: request.id, value: run(request) })
    } catch (error) {
      fail(request.id, note(error))
    }
  }

  /** A statement's own fault is its answer; a fault of the store is thrown and fails the transaction. */
  function runGuarded(request: RunRequest): Reply {
    try {
      return { id: request.id, value: run(request) }
    } catch (error) {
      const failure = sqliteFailure(error)
      if (isUnavailable(failure.reason) || !connection().isTransaction) throw error
      return { id: request.id, failure }
    }
  }

  function run(request: RunRequest): RunValue {
    const { statement, answersRows } = prepare(request.sql)
    const parameters = bindable(request.parameters)
    if (answersRows) return { rows: statement.all(...parameters) }
    const result = statement.run(...parameters)
    return { rows: [], changes: result.changes, insertId: result.lastInsertRowid }
  }

  function writeRows(segments: Extract<Request, { kind: 'rows' }>['segments']): RowsValue {
    let written = 0
    let rejected = 0
    let firstRejection: Failure | undefined
    const rows = segments.reduce((sum, segment) => sum + segment.rows.length, 0)
    transact('batch', rows, () => {
      for (const segment of segments) {
        const { statement } = prepare(segment.sql)
        for (const row of segment.rows) {
          try {
            statement.run(...bindable(row))
            written++
          } catch (error) {
            const failure = sqliteFailure(error)
            if (isUnavailable(failure.reason)) throw error
            rejected++
            firstRejection ??= failure
          }
        }
      }
    })
    return { written, rejected, ...(firstRejection && { firstRejection }) }
  }

  function transact<T>(lane: Lane, writes: number, body: () => T): T {
    const started = performance.now()
    start(lane)
    try {
      const value = body()
      connection().exec('COMMIT')
      commits.push({ lane, seconds: (performance.now() - started) / 1e3, writes })
      return value
    } catch (error) {
      undo()
      throw error
    }
  }

  function start(lane: Lane): void {
    if (synchronous !== lane) {
      connection().exec(`PRAGMA synchronous = ${lane === 'durable' ? 'FULL' : 'NORMAL'}`)
      synchronous = lane
    }
    connection().exec('BEGIN IMMEDIATE')
  }

  function undo(): void {
    try {
      if (db?.isTransaction) db.exec('ROLLBACK')
    } catch {
      // FULL, IOERR and NOMEM roll back by themselves (lang_transaction.html §3).
    }
  }

  /** Durable work that met a full disk is done over: first with the log cut back, then with the reserve given up. */
  function rescued<T>(lane: Lane, work: () => T): T {
    try {
      return work()
    } catch (error) {
      const { reason } = note(error)
      if (lane !== 'durable' || (reason !== 'full' && reason !== 'io')) throw error
      undo()
      cutLog()
      try {
        return work()
      } catch (again) {
        if (!reserve.release()) throw again
        undo()
        cutLog()
        return work()
      }
    }
  }

  function cutLog(): void {
    try {
      connection().exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // No room to copy the pages: what is in the log stays there and is safe.
    }
  }

  function begin(id: number, lane: Lane): void {
    start(lane)
    const timer = setTimeout(() => {
      if (tx?.id !== id) return
      tx = undefined
      undo()
      wake()
    }, options.transactionTimeoutMs)
    tx = { id, lane, timer, startedAt: performance.now(), writes: 0, replay: [] }
  }

  function stepInTransaction(request: Extract<Request, { tx?: number }>): void {
    const open = tx
    if (!open || open.id !== request.tx) {
      const message = 'The transaction was rolled back: it took too long or the database was replaced.'
      if (request.kind === 'rollback') replies.push({ id: request.id, value: undefined })
      else fail(request.id, { reason: 'timeout', message })
      return
    }
    try {
      if (request.kind === 'run') {
        replies.push({ id: request.id, value: redoable(open, () => run(request)) })
        if (request.access === 'write') open.writes++
        if (open.replay && open.replay.length < REPLAY_MAX) open.replay.push(request)
        else open.replay = undefined
        return
      }
      if (request.kind === 'commit') {
        redoable(open, () => connection().exec('COMMIT'))
        const seconds = (performance.now() - open.startedAt) / 1e3
        commits.push({ lane: open.lane, seconds, writes: open.writes })
      } else {
        undo()
      }
      end(open)
      replies.push({ id: request.id, value: undefined })
    } catch (error) {
      const failure = note(error)
      fail(request.id, failure)
      // A statement's own fault leaves the transaction to its owner; anything else ends it, so that nothing goes
      // on as autocommit and nothing half-repeated is committed.
      if (request.kind !== 'run' || isUnavailable(failure.reason) || !db?.isTransaction) {
        undo()
        end(open)
      }
    }
  }

  function end(open: OpenTransaction): void {
    clearTimeout(open.timer)
    tx = undefined
  }

  /** Nobody else writes while a transaction is open, so repeating its statements gives the same result. */
  function redoable<T>(open: OpenTransaction, work: () => T): T {
    let attempt = 0
    return rescued(open.lane, () => {
      if (attempt++ > 0) {
        if (!open.replay)
          throw Object.assign(new Error('The transaction is too long to repeat.'), { errcode: 13 })
        undo()
        start(open.lane)
        for (const done of open.replay) run(done)
      }
      return work()
    })
  }

  /** Remembers what the failure says about the file. */
  function note(error: unknown): Failure {
    if (error instanceof Error && 'failure' in error) return error.failure as Failure
    const failure = sqliteFailure(error)
    if (failure.reason === 'damaged') damaged ??= failure.message
    if (failure.reason === 'full' || failure.reason === 'readonly' || failure.reason === 'io')
      blocked = failure
    return failure
  }

  function probe(): void {
    if (!reserve.ensure()) {
      throw Object.assign(new Error('no room for the reserve file'), { errcode: 13 })
    }
    // A write that changes nothing anybody reads: the user version belongs to the application.
    const version = Number(connection().prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
    transact('durable', 0, () => connection().exec(`PRAGMA user_version = ${(version + 1) % 1_000}`))
    blocked = undefined
  }

  function compact(pages: number): number {
    connection().exec(`PRAGMA incremental_vacuum(${pages})`)
    const left = Number(connection().prepare('PRAGMA freelist_count').get()?.['freelist_count'] ?? 0)
    if (left === 0) connection().exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return left
  }

  function replaceFile(stamp: string): OpenValue {
    undo()
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
  }

  function close(): void {
    undo()
    db?.close()
    db = undefined
  }

  function fail(id: number, failure: Failure): void {
    replies.push({ id, failure })
  }

  let sizeAt = 0
  let sizeBytes: number | undefined
  function fileSize(): number | undefined {
    // Asked at most once a second: two stat calls per commit would cost more than a small commit.
    if (performance.now() - sizeAt < 1_000 && sizeBytes !== undefined) return sizeBytes
    sizeAt = performance.now()
    try {
      const wal = statSync(`${options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0
      sizeBytes = statSync(options.path).size + wal
    } catch {
      sizeBytes = undefined
    }
    return sizeBytes
  }

  function send(): void {
    const bytes = fileSize()
    emit({
      replies,
      commits,
      ...(bytes !== undefined && { sizeBytes: bytes }),
      ...(blocked && { blocked }),
      ...(damaged !== undefined && { damaged }),
    })
    replies = []
    commits = []
  }

  return { opened: first.quarantined ? { quarantined: first.quarantined } : {}, accept }
}

/** Newer releases of node:sqlite bind booleans, older ones and PostgreSQL's integers refuse them: so do we, always. */
function bindable(values: readonly unknown[]): SQLInputValue[] {
  for (const value of values)
    if (typeof value === 'boolean') throw new TypeError('a boolean is not a column value')
  return values as SQLInputValue[]
}
