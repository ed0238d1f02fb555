import { type Failure, isUnavailable } from './failure.ts'
import { FullDisk, type SqliteConnection } from './sqlite-connection.ts'
import type { Reply, Request, RunRequest } from './sqlite-protocol.ts'
import { withRescue } from './sqlite-rescue.ts'
import type { Lane } from './stats.ts'

/** Statements that can be done over after room was made; a longer transaction fails instead. */
const REPLAY_MAX = 500

export type InTransaction = Extract<Request, { readonly kind: 'run' | 'commit' | 'rollback' }>

/** A transaction that the main thread holds open over several messages. One at a time. */
export interface HeldTransaction {
  readonly id: number
  step(request: InTransaction): Reply
  /** False once it was committed, rolled back, lost or timed out. */
  isOpen(): boolean
}

export interface HeldTransactionDeps {
  readonly connection: SqliteConnection
  readonly id: number
  readonly lane: Lane
  readonly timeoutMs?: number
  readonly onCommit: (commit: {
    readonly lane: Lane
    readonly seconds: number
    readonly writes: number
  }) => void
  /** It took too long and was rolled back; others may go on. */
  readonly onTimeout: () => void
}

/** Begins it. Throws what SQLite throws. */
export function holdTransaction(deps: HeldTransactionDeps): HeldTransaction {
  const { connection, id, lane } = deps
  const startedAt = performance.now()
  let writes = 0
  let done: RunRequest[] | undefined = []
  connection.begin(lane)
  let open = true
  const timer = deps.timeoutMs === undefined ? undefined : setTimeout(expire, deps.timeoutMs)

  function expire(): void {
    end()
    deps.onTimeout()
  }

  function end(): void {
    clearTimeout(timer)
    connection.rollback()
    open = false
  }

  /** Nobody else writes while it is open, so repeating its statements gives the same result. */
  function repeatable<T>(work: () => T): T {
    let attempt = 0
    return withRescue(connection, lane, () => {
      if (attempt++ > 0) {
        if (!done) throw new FullDisk('The transaction is too long to repeat.')
        connection.begin(lane)
        for (const statement of done) connection.run(statement)
      }
      return work()
    })
  }

  function run(request: RunRequest): Reply {
    const value = repeatable(() => connection.run(request))
    if (request.access === 'write') writes++
    if (done && done.length < REPLAY_MAX) done.push(request)
    else done = undefined
    return { id: request.id, value }
  }

  function finish(request: InTransaction): Reply {
    if (request.kind === 'commit') {
      repeatable(() => connection.commit())
      deps.onCommit({ lane, seconds: (performance.now() - startedAt) / 1e3, writes })
    }
    end()
    return { id: request.id, value: undefined }
  }

  return {
    id,
    isOpen: () => open,
    step(request) {
      try {
        return request.kind === 'run' ? run(request) : finish(request)
      } catch (error) {
        const failure = connection.note(error)
        // A statement's own fault leaves the transaction to its owner; anything else ends it, so that nothing
        // goes on as autocommit and nothing half-repeated is committed.
        const survives =
          request.kind === 'run' && !isUnavailable(failure.reason) && connection.inTransaction()
        if (!survives) end()
        return { id: request.id, failure }
      }
    },
  }
}

/** The answer to a statement whose transaction is no more. */
export function lateReply(request: InTransaction): Reply {
  if (request.kind === 'rollback') return { id: request.id, value: undefined }
  const failure: Failure = {
    reason: 'timeout',
    message: 'The transaction was rolled back: it took too long or the store failed.',
  }
  return { id: request.id, failure }
}
