import type { Clock, Timer } from '../platform/clock.ts'
import type { ReadDepth } from '../platform/proc/process.ts'

/** The one loop that measures. Samples never overlap; scrapes do not move it. */
export interface Sampler {
  start(): void
  /** Stops the loop and waits for a sample under way. */
  stop(): Promise<void>
  /**
   * A full sample now, for a scrape. Callers at the same time share one. Rejects when the deadline passes first;
   * the sample goes on and serves the next caller.
   */
  freshen(deadline: AbortSignal): Promise<void>
  /** One more sample as soon as possible, shared by all who ask: something new should be seen. */
  pass(): Promise<void>
  /** Due times at which no sample was begun because the one before still ran, or the host was suspended. */
  readonly missed: number
  readonly samples: number
  /** Duration of the last sample in milliseconds. */
  readonly lastMs: number | undefined
}

export interface SamplerOptions {
  readonly clock: Clock
  readonly intervalMs: number
  readonly sample: (depth: ReadDepth) => Promise<void>
  readonly onError: (error: unknown) => void
}

/**
 * Sample n is due at `start + n · interval` on the monotonic clock: a late timer delays its own sample, never the
 * following ones, and the wall clock may jump as it likes.
 */
export function createSampler({ clock, intervalMs, sample, onError }: SamplerOptions): Sampler {
  let timer: Timer | undefined
  let startedAt = 0
  let due = 0
  let missed = 0
  let samples = 0
  let lastMs: number | undefined
  let running: Promise<void> | undefined
  let fresh: Promise<void> | undefined
  let extra: Promise<void> | undefined
  let stopped = true

  /** One sample after the other: whoever asks while one runs gets the next. */
  function run(depth: ReadDepth): Promise<void> {
    const before = running ?? Promise.resolve()
    const current = before.then(async () => {
      const begun = clock.monotonic()
      try {
        await sample(depth)
        samples++
        lastMs = clock.monotonic() - begun
      } finally {
        if (running === settled) running = undefined
      }
    })
    const settled = current.catch(() => {})
    running = settled
    return current
  }

  function schedule(): void {
    if (stopped) return
    const now = clock.monotonic()
    const next = Math.max(due + 1, Math.floor((now - startedAt) / intervalMs) + 1)
    missed += next - due - 1
    due = next
    timer = clock.setTimer(startedAt + due * intervalMs - now, () => {
      run('core').catch(onError).finally(schedule)
    })
  }

  return {
    start() {
      stopped = false
      startedAt = clock.monotonic()
      due = 0
      schedule()
    },
    async stop() {
      stopped = true
      timer?.cancel()
      await running
    },
    freshen(deadline) {
      fresh ??= run('full').finally(() => {
        fresh = undefined
      })
      return within(fresh, deadline)
    },
    pass() {
      extra ??= run('core').finally(() => {
        extra = undefined
      })
      return extra
    },
    get missed() {
      return missed
    },
    get samples() {
      return samples
    },
    get lastMs() {
      return lastMs
    },
  }
}

function within(work: Promise<void>, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(deadline.reason)
    if (deadline.aborted) return onAbort()
    deadline.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => deadline.removeEventListener('abort', onAbort))
  })
}
