import { parentPort, workerData } from 'node:worker_threads'
import { sqliteFailure } from './failure.ts'
import { createSqliteEngine } from './sqlite-engine.ts'
import type { EngineOptions, Reply, Request } from './sqlite-protocol.ts'

/** Id of the answer to opening; requests count from 1. */
const OPEN_ID = 0

const port = parentPort
if (port) {
  const answer = (reply: Reply) => port.postMessage({ replies: [reply], commits: [] })
  try {
    const engine = createSqliteEngine(workerData as EngineOptions, (message) => port.postMessage(message))
    answer({ id: OPEN_ID, value: engine.opened })
    port.on('message', (requests: readonly Request[]) => engine.accept(requests))
  } catch (error) {
    answer({ id: OPEN_ID, failure: sqliteFailure(error) })
  }
}
