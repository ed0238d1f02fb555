import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import { Pool, type PoolClient, types } from 'pg'
import { type FailureReason, isUnavailable, postgresFailure, StoreUnavailable, toError } from './failure.ts'
import type { Lane, StoreCounters } from './stats.ts'

/** A few connections are enough for one daemon; a server shared by hundreds of hosts has few to give. */
const MAX_CONNECTIONS = 4
const CONNECT_TIMEOUT_MS = 5_000
/** On both ends: the server stops the statement, and a server that says nothing is given up. */
const STATEMENT_TIMEOUT_MS = 10_000
/** Statements that may wait for a connection. */
const WAITING_MAX = 1_000
const INT8 = 20
const NUMERIC = 1700
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

export interface WatchedPool {
  /** The pool as Kysely wants it; its commits count for that lane. */
  lane(lane: Lane): PostgresPool
  waiting(): number
  end(): Promise<void>
}

/** A pg pool whose errors are the store's errors, whose statements are counted and whose queue is bounded. */
export function createPostgresPool(
  url: string,
  counters: StoreCounters,
  onUnavailable: (error: StoreUnavailable) => void,
): WatchedPool {
  const pool = new Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    application_name: 'agent-exporter',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    allowExitOnIdle: true,
    types: { getTypeParser },
  })
  let active = 0

  function report(error: unknown, during: 'connecting' | 'connected' = 'connected'): Error {
    const failure = postgresFailure(error)
    counters.failures[failure.reason]++
    const mapped = toError(failure)
    const down = during === 'connecting' || countsAsDown(failure.reason)
    if (mapped instanceof StoreUnavailable && down) onUnavailable(mapped)
    return mapped
  }

  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => report(error))

  function wrap(client: PoolClient, lane: Lane): PostgresPoolClient {
    let begunAt: number | undefined
    let writes = 0
    let unusable = false
    // One that is lost between two statements of a transaction says so to nobody else; the pool listens to idle ones
    // only, and without a listener the process would end.
    const lost = (error: Error): void => {
      unusable = true
      report(error)
    }
    client.on('error', lost)
    async function query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
      const started = performance.now()
      try {
        const result = await client.query(sql, parameters as unknown[])
        if (/^(begin|start transaction)/i.test(sql)) {
          begunAt = started
          writes = 0
        } else if (begunAt === undefined ? WRITES.has(result.command) : sql === 'commit') {
          counters.observeCommit(lane, (performance.now() - (begunAt ?? started)) / 1e3)
          counters.writes[lane] += begunAt === undefined ? 1 : writes
        } else if (WRITES.has(result.command)) {
          writes += lane === 'batch' ? (result.rowCount ?? 0) : 1
        }
        if (sql === 'commit' || sql === 'rollback') begunAt = undefined
        return result as unknown as PostgresQueryResult<R>
      } catch (error) {
        const mapped = report(error)
        // After a time-out of ours the server may still be working on this connection.
        if (mapped instanceof StoreUnavailable) unusable = true
        throw mapped
      }
    }
    return {
      query: query as PostgresPoolClient['query'],
      release() {
        active--
        begunAt = undefined
        client.release(unusable)
        // Not before: the pool takes over in the same moment.
        client.removeListener('error', lost)
      },
    }
  }

  async function connect(lane: Lane): Promise<PostgresPoolClient> {
    if (pool.waitingCount >= WAITING_MAX) {
      counters.failures.queue_full++
      throw new StoreUnavailable('queue_full')
    }
    let client: PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      throw report(error, 'connecting')
    }
    active++
    return wrap(client, lane)
  }

  return {
    lane: (lane) => ({ options: pool.options, connect: () => connect(lane), end: async () => {} }),
    waiting: () => pool.waitingCount + active,
    end: () => pool.end(),
  }
}

/** A lock conflict or one slow statement says nothing about the server. */
function countsAsDown(reason: FailureReason): boolean {
  return isUnavailable(reason) && reason !== 'busy' && reason !== 'timeout' && reason !== 'queue_full'
}

/** Numbers come back as numbers in both engines; beyond 2^53 that would be a lie, so it is an error. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  if (oid === INT8) return parseInteger
  if (oid === NUMERIC) return Number
  return types.getTypeParser(oid, format as 'text')
}

function parseInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit a number without loss`)
  return value
}
