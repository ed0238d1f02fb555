import type { Agent, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Excursion, ExcursionRepository } from './excursions.ts'

export interface ExcursionBookOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly log: Log
  readonly repository: ExcursionRepository
}

/** The last excursion of each life, open or closed, as it is on disk. */
export interface ExcursionBook {
  /** Learns what earlier runs of the daemon wrote; a while after a failure it is tried again. */
  load(): Promise<void>
  /** Until this is true nobody knows which ordinals were used. */
  isLoaded(): boolean
  of(agent: Agent): Excursion | undefined
  /** The next excursion of this life. */
  open(agent: Agent): Excursion
  update(excursion: Excursion): void
  forget(incarnation: Incarnation): void
}

const LOAD_AGAIN_MS = 10_000

/**
 * An open excursion need not be on disk before something is done in it: the ordinal follows from the last that was
 * closed, so a daemon that was killed in between finds the same one again, and its key taken.
 */
export function createExcursionBook({ clock, log, repository }: ExcursionBookOptions): ExcursionBook {
  const last = new Map<Incarnation, Excursion>()
  let state: 'new' | 'loading' | 'loaded' = 'new'
  let loadAtMs = Number.NEGATIVE_INFINITY

  function update(excursion: Excursion): void {
    last.set(excursion.incarnation, excursion)
    repository.save(excursion, clock.now()).catch((error: unknown) => {
      log.warn('an excursion of memory was not written down', {
        agent: excursion.agent,
        error: String(error),
      })
    })
  }

  return {
    async load() {
      if (state !== 'new' || clock.monotonic() < loadAtMs) return
      state = 'loading'
      loadAtMs = clock.monotonic() + LOAD_AGAIN_MS
      try {
        for (const excursion of await repository.load()) last.set(excursion.incarnation, excursion)
        state = 'loaded'
      } catch (error) {
        state = 'new'
        log.warn('what was done about memory before is not known, so nothing is done', {
          error: String(error),
        })
      }
    },
    isLoaded: () => state === 'loaded',
    of: ({ incarnation }) => last.get(incarnation),
    open({ id, incarnation }) {
      const ordinal = (last.get(incarnation)?.ordinal ?? 0) + 1
      const excursion: Excursion = { agent: id, incarnation, ordinal, state: 'open', pausedAt: undefined }
      update(excursion)
      return excursion
    },
    update,
    forget: (incarnation) => void last.delete(incarnation),
  }
}
