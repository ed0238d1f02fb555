import type { SqliteConnection } from './sqlite-connection.ts'
import type { Lane } from './stats.ts'

/**
 * Durable work that met a full disk is done over: first with the log cut back, then with the reserve given up.
 * `work` begins its own transaction, or repeats it from the start when called again.
 */
export function withRescue<T>(connection: SqliteConnection, lane: Lane, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { reason } = connection.note(error)
    if (lane !== 'durable' || (reason !== 'full' && reason !== 'io')) throw error
    connection.rollback()
    connection.cutLog()
    try {
      return work()
    } catch (again) {
      if (!connection.releaseReserve()) throw again
      connection.rollback()
      connection.cutLog()
      return work()
    }
  }
}
