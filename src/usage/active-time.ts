import { elapsedMs, type Moment } from '../platform/moment.ts'

/**
 * A stopwatch over restarts of the daemon. Downtime of the daemon counts, because the agent went on; time in which
 * the agent was paused does not.
 */
export interface ActiveTime {
  readonly ms: number
  /** When `ms` was true. */
  readonly asOf: Moment
  readonly state: 'running' | 'stopped'
}

export function beginActiveTime(now: Moment): ActiveTime {
  return { ms: 0, asOf: now, state: 'running' }
}

/** Active milliseconds until `now`. */
export function activeMs({ ms, asOf, state }: ActiveTime, now: Moment): number {
  return state === 'stopped' ? ms : ms + elapsedMs(asOf, now)
}

/**
 * The same stopwatch read at `now`. Moved along with every change, so that after a reboot the wall clock decides
 * only about the time since the last change.
 */
export function settleActiveTime(time: ActiveTime, now: Moment): ActiveTime {
  return { ...time, ms: activeMs(time, now), asOf: now }
}

export function switchActiveTime(time: ActiveTime, state: ActiveTime['state'], now: Moment): ActiveTime {
  return time.state === state ? time : { ...settleActiveTime(time, now), state }
}
