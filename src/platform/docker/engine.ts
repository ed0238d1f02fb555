import { type Clock, systemClock, type Timer } from '../clock.ts'
import { createActions } from './actions.ts'
import { createDockerClient, type DockerClient, type DockerClientOptions } from './client.ts'
import type { DockerEngine, EngineStatus } from './container.ts'
import { type EndpointOptions, findEndpoint } from './endpoint.ts'
import { DockerFailure, toFailure } from './failure.ts'
import { createFleet } from './fleet.ts'
import { createDockerSession, type DockerSession } from './session.ts'

export interface DockerEngineOptions extends EndpointOptions {
  readonly clock?: Clock
  /** Deadline of every single call in milliseconds. */
  readonly deadlineMs?: number
  readonly relistMs?: number
  /** Gets what a listener threw. */
  readonly onListenerError?: (error: unknown) => void
  /** Makes the client; tests pass their own. */
  readonly connect?: (options: DockerClientOptions) => Promise<DockerClient>
}

/** An engine under load takes a second for an inspect; five times that is not an answer any more. */
const DEADLINE_MS = 5_000
/** The list again, should an event have been lost. */
const RELIST_MS = 60_000
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 30_000
/** Looking for a socket that is not there costs one `stat`. */
const ABSENT_RETRY_MS = 5_000
/** A connection that held this long was a good one: the next failure starts from the first delay again. */
const STABLE_MS = 10_000
/** Start-up does not wait longer than this for an engine that is slow or does not answer. */
const START_WAIT_MS = 1_000

/**
 * Keeps a picture of the containers of one engine: list and inspect at first, then its event stream, and the
 * list again every minute. Reconnects with growing delays for ever. Nothing here blocks or throws: an engine
 * that is not there, refuses or hangs shows in `status()`.
 */
export function createDockerEngine(options: DockerEngineOptions = {}): DockerEngine {
  const clock = options.clock ?? systemClock
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS
  const connect = options.connect ?? createDockerClient
  const fleet = createFleet(options.onListenerError ?? (() => undefined))
  let status: EngineStatus = { state: 'connecting' }
  let client: DockerClient | undefined
  let timer: Timer | undefined
  let connectedAt: number | undefined
  let coveredSince: number | undefined
  let failures = 0
  /** Counts attempts, so that what an earlier one still has under way is not taken for the present one. */
  let attempt = 0
  let stopped = true

  const actions = createActions({
    async connect() {
      const endpoint = findEndpoint(options)
      if ('absent' in endpoint) throw new DockerFailure('absent', endpoint.absent)
      if ('bad' in endpoint) throw new DockerFailure('failed', endpoint.bad)
      const engine = endpoint.kind === 'socket' ? 'local' : 'remote'
      return { client: await connect({ endpoint, clock, deadlineMs }), engine }
    },
  })

  function schedule(delayMs: number, run: () => void): void {
    timer?.cancel()
    timer = clock.setTimer(delayMs, run)
  }

  function drop(): void {
    attempt += 1
    timer?.cancel()
    client?.close()
    client = undefined
  }

  function fail(reason: DockerFailure): void {
    drop()
    if (stopped) return
    const wasStable = connectedAt !== undefined && clock.monotonic() - connectedAt >= STABLE_MS
    connectedAt = undefined
    coveredSince = undefined
    failures = wasStable ? 1 : failures + 1
    // Whoever knows containers has lost an engine, and does not live on a machine without one.
    const isAbsent = reason.kind === 'absent' && fleet.containers.size === 0
    status = { state: isAbsent ? 'absent' : 'unreachable', detail: reason.message }
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20))
    schedule(reason.kind === 'absent' ? ABSENT_RETRY_MS : delay, () => void attemptConnection())
  }

  function relistLater(session: DockerSession, current: number): void {
    schedule(options.relistMs ?? RELIST_MS, () => {
      session.relist('changed').then(
        () => void (current === attempt && relistLater(session, current)),
        (error) => void (current === attempt && fail(toFailure(error, 'the engine'))),
      )
    })
  }

  async function attemptConnection(): Promise<void> {
    attempt += 1
    const current = attempt
    const endpoint = findEndpoint(options)
    if ('absent' in endpoint) return fail(new DockerFailure('absent', endpoint.absent))
    if ('bad' in endpoint) return fail(new DockerFailure('failed', endpoint.bad))
    try {
      const next = await connect({ endpoint, clock, deadlineMs })
      if (current !== attempt) return next.close()
      client = next
      const version = await next.version()
      const session = createDockerSession({
        client: next,
        fleet,
        engine: endpoint.kind === 'socket' ? 'local' : 'remote',
        onFailure: (reason) => void (current === attempt && fail(reason)),
      })
      await session.open()
      if (current !== attempt) return
      status = { state: 'connected', version }
      connectedAt = clock.monotonic()
      coveredSince = clock.now()
      relistLater(session, current)
    } catch (error) {
      if (current === attempt) fail(toFailure(error, 'the engine'))
    }
  }

  return {
    status: () => status,
    coveredSince: () => coveredSince,
    containers: () => fleet.containers,
    runningIds: () => fleet.running,
    on: (listener) => fleet.on(listener),

    async stats(id) {
      if (client === undefined) throw new DockerFailure('refused', 'not connected to an engine')
      return client.stats(id)
    },

    actions,

    async start() {
      stopped = false
      await new Promise<void>((resolve) => {
        const limit = clock.setTimer(START_WAIT_MS, resolve)
        void attemptConnection().finally(() => {
          limit.cancel()
          resolve()
        })
      })
    },

    async stop() {
      stopped = true
      drop()
      actions.close()
    },
  }
}
