import type { Clock } from '../platform/clock.ts'

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 30_000
/** A server that asks for more is asked again sooner: nobody plans an outage of hours by a header. */
const LONGEST_RETRY_AFTER_MS = 300_000

/**
 * How long to wait before attempt `failures + 1`: doubles from 250 ms to 30 s, somewhere in the upper half so that
 * many clients do not come back at once, and never before the server wants it.
 */
export function backoffMs(failures: number, retryAfterMs = 0, random = Math.random): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 10))
  const jittered = full * (0.5 + random() / 2)
  return Math.max(jittered, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS) + jittered * 0.1)
}

/** `Retry-After`: seconds or a date (RFC 9110 10.2.3). Undefined when absent or neither. */
export function readRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

/** Resolves after the time or as soon as the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimer(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Longer than any wait; the timer only exists to exist. */
const FOREVER_MS = 2 ** 30

/** The client's own timers never keep the process alive; somebody who awaits an answer wants it to live. */
export async function keepAlive<Value>(work: Promise<Value>): Promise<Value> {
  const handle = setInterval(() => {}, FOREVER_MS)
  try {
    return await work
  } finally {
    clearInterval(handle)
  }
}
