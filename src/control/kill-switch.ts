import {
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { readStopFile, stopFileText } from './kill-switch-file.ts'
import type { KillSwitch } from './model.ts'

export interface KillSwitchDependencies {
  /** `STOP` in the data directory, or what the configuration names. */
  readonly path: string
  readonly clock: Pick<Clock, 'now' | 'setTimer'>
  readonly log: Log
}

/** A change made by another program is told within this time; effects look at the file themselves. */
const LOOK_INTERVAL_MS = 250
const OWNER_ONLY = 0o600
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * Is the file there? Only "there is none, in a directory that is there" means no: whoever cannot look must not act.
 * A link counts wherever it leads.
 */
function isThere(path: string): boolean {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return true
    // Without its directory (data directory gone, volume not mounted) nobody could engage it.
    return statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true
  } catch {
    return true // EACCES, EIO, ELOOP, ENAMETOOLONG …
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

/** The kill switch is a file, so that a shell, a script and a person without a token can pull it (`touch STOP`). */
export function createKillSwitch({ path, clock, log }: KillSwitchDependencies): KillSwitch {
  const listeners: ((engaged: boolean) => void)[] = []
  /** Engaged although the file could not be made. */
  let memory: { readonly actor: string; readonly reason?: string; readonly sinceMs: number } | undefined
  let known = false
  let timer: Timer | undefined

  const isEngaged = (): boolean => memory !== undefined || isThere(path)

  function look(): void {
    const engaged = isEngaged()
    if (engaged === known) return
    known = engaged
    log.warn(engaged ? 'kill switch engaged' : 'kill switch released', { path })
    for (const listener of listeners) {
      try {
        listener(engaged)
      } catch (error) {
        log.error('a listener of the kill switch failed', { error: String(error) })
      }
    }
  }

  function schedule(): void {
    timer = clock.setTimer(LOOK_INTERVAL_MS, () => {
      look()
      schedule()
    })
  }

  function create(text: string): void {
    const fd = openSync(path, CREATE, OWNER_ONLY)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  return {
    isEngaged,
    engage(actor, reason) {
      const sinceMs = clock.now()
      try {
        create(stopFileText({ actor, sinceMs, ...(reason === undefined ? {} : { reason }) }))
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') {
          memory ??= { actor, sinceMs, ...(reason === undefined ? {} : { reason }) }
          throw new Error(
            `${path} cannot be written (${codeOf(error)}): the kill switch is engaged until this daemon ends only.`,
            { cause: error },
          )
        }
      } finally {
        log.warn('kill switch asked to engage', { actor })
        look()
      }
    },
    release(actor) {
      log.warn('kill switch asked to release', { actor })
      try {
        unlinkSync(path)
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') {
          throw new Error(`${path} cannot be removed (${codeOf(error)}): the kill switch stays engaged.`, {
            cause: error,
          })
        }
      }
      memory = undefined
      look()
      if (isEngaged()) throw new Error(`${dirname(path)} cannot be read: the kill switch stays engaged.`)
    },
    describe() {
      if (!isEngaged()) return { engaged: false }
      return { engaged: true, ...(memory ?? readStopFile(path)) }
    },
    onChange: (listener) => void listeners.push(listener),
    start() {
      look()
      if (timer === undefined) schedule()
    },
    stop() {
      timer?.cancel()
      timer = undefined
    },
  }
}

/**
 * SIGUSR2 engages and never releases: a signal carries no proof of who sent it, and stopping is the safe direction.
 * Returns how to stop listening.
 */
export function engageOnSignal(
  killSwitch: Pick<KillSwitch, 'engage'>,
  log: Log,
  signals: Pick<NodeJS.Process, 'on' | 'off'> = process,
): () => void {
  const engage = (): void => {
    try {
      killSwitch.engage('SIGUSR2')
    } catch (error) {
      log.error('kill switch engaged in memory only', { error: (error as Error).message })
    }
  }
  signals.on('SIGUSR2', engage)
  return () => void signals.off('SIGUSR2', engage)
}
