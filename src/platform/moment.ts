/**
 * A point in time that survives the daemon: clock of this boot and wall clock together. Durations over a restart
 * of the daemon come from the clock of the boot; only after a reboot is the wall clock asked, and it may have
 * jumped, so the answer is never negative.
 */
export interface Moment {
  readonly bootId: string
  /** Milliseconds on the kernel's monotonic clock (`process.hrtime`), the same for all processes of one boot. */
  readonly bootMs: number
  /** Wall clock in milliseconds. */
  readonly wallMs: number
}

/** Milliseconds from `from` to `to`, never below 0. */
export function elapsedMs(from: Moment, to: Moment): number {
  const elapsed = from.bootId === to.bootId ? to.bootMs - from.bootMs : to.wallMs - from.wallMs
  return Math.max(0, elapsed)
}
