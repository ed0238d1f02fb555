import { createServer, type Server } from 'node:net'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { holdersOf } from './lock-holder.ts'
import type { ActingLock } from './model.ts'

export interface ActingLockDependencies {
  /** `control.lock` of the configuration; without it there is one lock per user. */
  readonly name?: string
  /** Ours; undefined where the platform has none. */
  readonly uid: number | undefined
  readonly clock: Pick<Clock, 'setTimer'>
  readonly log: Log
  readonly platform?: NodeJS.Platform
  /** Users of the processes that have an address; empty when they cannot be found out. */
  readonly holders?: (address: string) => Promise<ReadonlySet<number>>
}

const RETRY_MS = 1_000

type State = 'held' | 'squatted' | 'other' | 'broken'

/**
 * Of several daemons of one user only the first acts. The lock is an abstract Unix socket (unix(7)): the kernel
 * lets go of it in the moment its process ends, however it ends, and no file stays behind. It is one per network
 * namespace. Where abstract sockets do not exist every daemon acts.
 *
 * Anybody may bind an abstract address, so an agent could take the lock of its user's guardian and never be stopped.
 * Whoever provably belongs to another user is therefore no daemon of ours, and we act without the lock. Provably: the
 * daemon of root sees it; another one cannot tell and only observes.
 */
export function createActingLock(dependencies: ActingLockDependencies): ActingLock {
  const { name, uid, clock, log, platform = process.platform, holders = holdersOf } = dependencies
  // The two forms differ so that no configured name is ever another user's lock.
  const address = `\0agent-exporter-${name === undefined ? (uid ?? 'user') : `lock-${name}`}`
  let server: Server | undefined
  let timer: Timer | undefined
  let held = false
  let stopped = false
  let told: State | undefined

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

  /** A lock with a name of its own may be shared by users. */
  async function isSquatted(): Promise<boolean> {
    if (name !== undefined || uid === undefined) return false
    const users = await holders(address)
    return users.size > 0 && !users.has(uid) && !users.has(0)
  }

  function tell(state: State): void {
    const before = told
    told = state
    const fields = { lock: address.slice(1) }
    if (state === before) return
    if (state === 'held' && before !== undefined) log.warn('this daemon acts from now on', fields)
    if (state === 'squatted')
      log.error('another user has taken the lock of this daemon: it acts without', fields)
    if (state === 'other') log.warn('this daemon only observes: another one has the lock', fields)
    if (state === 'broken') log.error('this daemon only observes: the lock cannot be taken', fields)
  }

  async function take(): Promise<void> {
    const failure = await attempt()
    const squatted = failure === 'EADDRINUSE' && (await isSquatted())
    if (stopped) return release()
    held = failure === undefined || squatted
    tell(
      failure === undefined ? 'held' : squatted ? 'squatted' : failure === 'EADDRINUSE' ? 'other' : 'broken',
    )
    if (failure !== undefined) timer = clock.setTimer(RETRY_MS, () => void take())
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
