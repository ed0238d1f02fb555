import { type Failure, isUnavailable, sqliteFailure } from './failure.ts'
import { openSqliteConnection } from './sqlite-connection.ts'
import type {
  EngineOptions,
  OpenValue,
  Reply,
  Request,
  RowSegment,
  RowsValue,
  RunRequest,
  WorkerMessage,
} from './sqlite-protocol.ts'
import { withRescue } from './sqlite-rescue.ts'
import { type HeldTransaction, holdTransaction, type InTransaction, lateReply } from './sqlite-transaction.ts'
import type { Lane } from './stats.ts'

/** Statements that share one commit at most: a group of this size takes a few milliseconds. */
const GROUP_MAX = 1_000

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
  const connection = openSqliteConnection(options)
  const waiting: Record<Lane, Request[]> = { durable: [], batch: [] }
  let inTransaction: InTransaction[] = []
  let held: HeldTransaction | undefined
  let awake = false
  let replies: Reply[] = []
  let commits: WorkerMessage['commits'][number][] = []

  function accept(requests: readonly Request[]): void {
    for (const request of requests) {
      if (belongsToTransaction(request)) inTransaction.push(request)
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
      const more = held ? inTransaction.length > 0 : waiting.durable.length + waiting.batch.length > 0
      if (more) wake()
    })
  }

  function step(): void {
    const arrived = inTransaction
    inTransaction = []
    for (const request of arrived) {
      replies.push(held && held.id === request.tx ? held.step(request) : lateReply(request))
      if (held && !held.isOpen()) held = undefined
    }
    if (held) return
    const queue = waiting.durable.length > 0 ? waiting.durable : waiting.batch
    const head = queue[0]
    if (!head) return
    const { damaged } = connection.state()
    if (damaged !== undefined && head.kind !== 'quarantine' && head.kind !== 'close') {
      queue.shift()
      fail(head.id, { reason: 'damaged', message: damaged })
    } else if (head.kind === 'run') {
      let end = 1
      while (end < queue.length && end < GROUP_MAX && queue[end]?.kind === 'run') end++
      runGroup(head.lane, queue.splice(0, end) as RunRequest[])
    } else {
      queue.shift()
      answer(head.id, () => handle(head))
    }
  }

  function handle(request: Exclude<Request, RunRequest>): unknown {
    switch (request.kind) {
      case 'rows':
        return writeRows(request.segments)
      case 'put':
        return withRescue(connection, 'durable', () => putRows(request.segments))
      case 'begin':
        held = holdTransaction({
          connection,
          id: request.tx,
          lane: request.lane,
          ...(request.alone ? {} : { timeoutMs: options.transactionTimeoutMs }),
          onCommit: (commit) => commits.push(commit),
          onTimeout() {
            held = undefined
            wake()
          },
        })
        return undefined
      case 'probe':
        return connection.probe()
      case 'compact':
        return connection.compact(request.pages)
      case 'quarantine':
        return connection.replace(request.stamp)
      case 'close':
        return connection.close()
      default:
        throw new Error(`${request.kind} outside a transaction`)
    }
  }

  /** Writes of one turn in one transaction; SQLite undoes a failing statement alone (lang_conflict.html, ABORT). */
  function runGroup(lane: Lane, group: readonly RunRequest[]): void {
    const writes = group.filter((request) => request.access === 'write').length
    if (writes === 0) {
      for (const request of group) answer(request.id, () => connection.run(request))
      return
    }
    try {
      replies.push(...withRescue(connection, lane, () => transact(lane, writes, () => group.map(runGuarded))))
    } catch (error) {
      const failure = connection.note(error)
      // An `OR ROLLBACK` statement ended the transaction of all: each gets its own.
      const retry = !isUnavailable(failure.reason) && writes > 1
      for (const request of group) {
        if (retry) runGroup(lane, [request])
        else if (request.access === 'read') answer(request.id, () => connection.run(request))
        else fail(request.id, failure)
      }
    }
  }

  /** A statement's own fault is its answer; a fault of the store is thrown and fails the transaction. */
  function runGuarded(request: RunRequest): Reply {
    try {
      return { id: request.id, value: connection.run(request) }
    } catch (error) {
      const failure = sqliteFailure(error)
      if (isUnavailable(failure.reason) || !connection.inTransaction()) throw error
      return { id: request.id, failure }
    }
  }

  function writeRows(segments: Extract<Request, { kind: 'rows' }>['segments']): RowsValue {
    // The room that is left belongs to the durable lane until a probe has found more.
    const { blocked } = connection.state()
    if (blocked) throw new Refused(blocked)
    let written = 0
    let rejected = 0
    let firstRejection: Failure | undefined
    const rows = segments.reduce((sum, segment) => sum + segment.rows.length, 0)
    transact('batch', rows, () => {
      for (const segment of segments) {
        written += connection.runRows(segment.sql, segment.rows, (failure) => {
          rejected++
          firstRejection ??= failure
        })
      }
    })
    return { written, rejected, ...(firstRejection && { firstRejection }) }
  }

  /** The first refused row undoes them all. */
  function putRows(segments: readonly RowSegment[]): void {
    const rows = segments.reduce((sum, segment) => sum + segment.rows.length, 0)
    transact('durable', rows, () => {
      for (const segment of segments) {
        connection.runRows(segment.sql, segment.rows, (failure) => {
          throw new Refused(failure)
        })
      }
    })
  }

  function transact<T>(lane: Lane, writes: number, body: () => T): T {
    const started = performance.now()
    connection.begin(lane)
    try {
      const value = body()
      connection.commit()
      commits.push({ lane, seconds: (performance.now() - started) / 1e3, writes })
      return value
    } catch (error) {
      connection.rollback()
      throw error
    }
  }

  function answer(id: number, work: () => unknown): void {
    try {
      replies.push({ id, value: work() })
    } catch (error) {
      fail(id, error instanceof Refused ? error.failure : connection.note(error))
    }
  }

  function fail(id: number, failure: Failure): void {
    replies.push({ id, failure })
  }

  function send(): void {
    const { blocked, damaged, sizeBytes } = connection.state()
    emit({
      replies,
      commits,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(blocked && { blocked }),
      ...(damaged !== undefined && { damaged }),
    })
    replies = []
    commits = []
  }

  return { opened: connection.opened, accept }
}

/** Not tried at all, for a reason known before. */
class Refused extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

function belongsToTransaction(request: Request): request is InTransaction {
  if (request.kind === 'run') return request.tx !== undefined
  return request.kind === 'commit' || request.kind === 'rollback'
}

function laneOf(request: Request): Lane {
  if (request.kind === 'run' || request.kind === 'begin') return request.lane
  return request.kind === 'rows' || request.kind === 'compact' ? 'batch' : 'durable'
}
