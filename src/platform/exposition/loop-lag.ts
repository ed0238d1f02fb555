import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Clock, Timer } from '../clock.ts'

/**
 * How often the loop is asked, and what an idle loop therefore reports: it is taken off the value. Each asking wakes the
 * process: every 10 ms costs 0.5 % of a core, half of the whole budget. A stall shorter than this may be seen in part.
 */
const RESOLUTION_MS = 100
/** Two windows are looked at, so a scrape every 15 s or oftener sees every stall. */
const WINDOW_MS = 15_000
const NANOSECONDS = 1e9

export interface LoopLag {
  /** Largest delay of the event loop in the last 15 to 30 s, in seconds. */
  seconds(): number
  close(): void
}

interface DelayMonitor {
  /** Nanoseconds, including the resolution. */
  readonly max: number
  reset(): void
  enable(): boolean
  disable(): boolean
}

/**
 * The largest event loop delay, kept in windows of our own instead of being reset by each scrape: two
 * Prometheis would hide each other's stalls.
 */
export function createLoopLag(
  clock: Clock,
  monitor: DelayMonitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS }),
): LoopLag {
  let previous = 0
  let timer: Timer
  const current = () => Math.max(0, monitor.max / NANOSECONDS - RESOLUTION_MS / 1000)
  const turn = () => {
    previous = current()
    monitor.reset()
    timer = clock.setTimer(WINDOW_MS, turn)
  }
  monitor.enable()
  timer = clock.setTimer(WINDOW_MS, turn)
  return {
    seconds: () => Math.max(previous, current()),
    close() {
      timer.cancel()
      monitor.disable()
    },
  }
}
