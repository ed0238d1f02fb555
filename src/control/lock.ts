import { createServer, type Server } from 'node:net'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { ActingLock } from './model.ts'

export interface ActingLockDependencies {
  /** `control.lock` of the configuration; without it there is one lock per user. */
  readonly name?: string
  /** Ours; undefined where the platform has none. */
  readonly uid: number | undefined
  readonly clock: Pick<Clock, 'setTimer'>
  readonly log: Log
  readonly platform?: NodeJS.Platform
}

const RETRY_MS = 1_000

/**
 * Of several daemons of one user only the first acts. The lock is an abstract Unix socket (unix(7)): the kernel
 * lets go of it in the moment its process ends, however it ends, and no file stays behind. It is one per network
 * namespace. Where abstract sockets do not exist every daemon acts.
 */
export function createActingLock(dependencies: ActingLockDependencies): ActingLock {
  const { name, uid, clock, log, platform = process.platform } = dependencies
  // The two forms differ so that no configured name is ever another user's lock.
  const address = `\0agent-exporter-${name === undefined ? (uid ?? 'user') : `lock-${name}`}`
  let server: Server | undefined
  let timer: Timer | undefined
  let held = false
  let stopped = false
  let told: string | undefined

  /** Undefined when the address is ours now, else why not. */
  function attempt(): Promise<string | undefined> {
    // Nobody has anything to say to a lock.
    const candidate = createServer((socket) => socket.destroy())
    candidate.unref()
    return new Promise((resolve) => {
      candidate.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      candidate.listen(address, () => {
        server = candidate
        // A connection that could not be accepted takes nothing from us.
        candidate.on('error', () => {})
        resolve(undefined)
      })
    })
  }

  async function take(): Promise<void> {
    const failure = await attempt()
    if (stopped) return release()
    if (failure === undefined) {
      held = true
      if (told !== undefined) log.warn('this daemon acts from now on')
      return
    }
    if (failure !== told) {
      told = failure
      const why = failure === 'EADDRINUSE' ? 'another daemon has the lock' : failure
      log.warn('this daemon only observes', { why, lock: address.slice(1) })
    }
    timer = clock.setTimer(RETRY_MS, () => void take())
  }

  async function release(): Promise<void> {
    held = false
    const closing = server
    server = undefined
    if (closing !== undefined) await new Promise((resolve) => void closing.close(resolve))
  }

  return {
    isHeld: () => held,
    async start() {
      stopped = false
      if (platform === 'linux') await take()
      else held = true
    },
    async stop() {
      stopped = true
      timer?.cancel()
      await release()
    },
  }
}
