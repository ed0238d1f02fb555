import type { Clock, Timer } from '../platform/clock.ts'
import { enforces, INTERVENTION_RATIO } from './judge.ts'
import type { Limits, Resource } from './model.ts'
import type { Used } from './ratios.ts'

/** What grows by itself while the agent is not paused. */
const GROWING: readonly Resource[] = ['time_without_deliverable', 'wall_clock']

/** Milliseconds of active time until the next threshold of a time is reached; undefined when none is left. */
export function msToCrossing(used: Used, limits: Limits, warning: number): number | undefined {
  let next: number | undefined
  for (const resource of GROWING) {
    const limit = limits[resource]
    const amount = used[resource]
    if (limit === undefined || amount === undefined) continue
    for (const threshold of enforces(limit) ? [warning, INTERVENTION_RATIO] : [warning]) {
      // As the judge compares: what it does not take for reached yet must be looked at again.
      if (amount / limit.max >= threshold) continue
      const left = Math.max(0, threshold * limit.max - amount)
      if (next === undefined || left < next) next = left
    }
  }
  return next
}

/** Timers fire up to a millisecond early; looking again at once would spin. */
const SOONEST_MS = 10
/** Node counts a timer in 32 bits. */
const LATEST_MS = 86_400_000

/** One timer for the earliest of all: a change of one agent costs a comparison. */
export interface Crossings<Key> {
  /** When to look at `key` again, in milliseconds from now; `undefined`: not before something else happens. */
  set(key: Key, inMs: number | undefined): void
  stop(): void
}

/** @param reached told with the monotonic time at which it was due. */
export function createCrossings<Key>(
  clock: Clock,
  reached: (key: Key, dueMs: number) => void,
): Crossings<Key> {
  const due = new Map<Key, number>()
  let timer: { readonly at: number; readonly handle: Timer } | undefined

  function arm(at: number): void {
    if (timer !== undefined && timer.at <= at) return
    timer?.handle.cancel()
    const delay = Math.min(LATEST_MS, Math.max(SOONEST_MS, Math.ceil(at - clock.monotonic())))
    timer = { at, handle: clock.setTimer(delay, fire) }
  }

  function fire(): void {
    timer = undefined
    const now = clock.monotonic()
    const over = [...due].filter(([, at]) => at <= now)
    for (const [key] of over) due.delete(key)
    for (const [key, at] of over) reached(key, at)
    let earliest = Number.POSITIVE_INFINITY
    for (const at of due.values()) if (at < earliest) earliest = at
    if (earliest !== Number.POSITIVE_INFINITY) arm(earliest)
  }

  return {
    set(key, inMs) {
      if (inMs === undefined) {
        due.delete(key)
        return
      }
      const at = clock.monotonic() + inMs
      due.set(key, at)
      arm(at)
    },
    stop() {
      timer?.handle.cancel()
      timer = undefined
      due.clear()
    },
  }
}
