/** A pending timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void
}

/**
 * Time as the rooms see it. Durations come from `monotonic`, stamps from `now`: a wall clock may jump
 * (NTP, suspend, a person), so nothing is ever decided by subtracting two stamps.
 */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. For stamps only. */
  now(): number
  /** Milliseconds from an arbitrary start that never go back. For durations. */
  monotonic(): number
  /**
   * Milliseconds on the kernel's clock since boot (CLOCK_MONOTONIC): comparable between processes of one boot, so
   * also with what the daemon wrote down before it was restarted.
   */
  sinceBoot(): number
  /** Calls `run` once after `delayMs` milliseconds. Never keeps the process alive by itself. */
  setTimer(delayMs: number, run: () => void): Timer
}

/** The clock of the machine (`Date.now`, `performance.now`, `process.hrtime`, `setTimeout`). */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sinceBoot: () => Number(process.hrtime.bigint() / 1_000n) / 1_000,
  setTimer(delayMs, run) {
    const timer = setTimeout(run, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
