import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import { type FailureReason, StoreUnavailable } from './failure.ts'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 30_000

/** Knows whether the store takes writes, and tries again with growing pauses until it does. */
export interface Availability {
  /** Why not, and since when (monotonic ms); undefined when all is well. */
  down(): { readonly reason: FailureReason; readonly detail: string } | undefined
  markDown(reason: FailureReason, detail: string): void
  stop(): void
}

export interface AvailabilityDeps {
  readonly clock: Clock
  readonly log: Log
  /** Settles when the store can be written. */
  readonly probe: () => Promise<void>
  readonly onRecovered: () => void
}

export function createAvailability({ clock, log, probe, onRecovered }: AvailabilityDeps): Availability {
  let down: { reason: FailureReason; detail: string } | undefined
  let timer: Timer | undefined
  let delay = FIRST_RETRY_MS
  let stopped = false

  function schedule(): void {
    timer = clock.setTimer(delay, () => void attempt())
    delay = Math.min(delay * 2, LAST_RETRY_MS)
  }

  async function attempt(): Promise<void> {
    try {
      await probe()
    } catch (error) {
      if (stopped) return
      if (error instanceof StoreUnavailable) down = { reason: error.reason, detail: error.message }
      return schedule()
    }
    if (stopped) return
    down = undefined
    delay = FIRST_RETRY_MS
    log.info('the store can be written again')
    onRecovered()
  }

  return {
    down: () => down,
    markDown(reason, detail) {
      if (down || stopped) return
      down = { reason, detail }
      log.error('the store cannot be written; trying again', { reason, detail })
      schedule()
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
