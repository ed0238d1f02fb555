import type { Clock } from '../../../src/platform/clock.ts'

/** A clock that all runs of the daemon share; timers of a run that is gone never fire. */
export interface ModelClock {
  /** What one run of the daemon sees. */
  open(run: { readonly alive: () => boolean }): Clock
  now(): number
  monotonic(): number
  /** Time passes; whatever a timer sets off has happened before the next one fires. */
  pass(ms: number, quiet: () => Promise<void>): Promise<void>
  /** Milliseconds from now to each timer that is armed, soonest first. */
  armed(): readonly number[]
}

const START = Date.UTC(2026, 0, 1)
const BOOT_MS = 3_600_000

export function createModelClock(): ModelClock {
  let mono = 0
  let order = 0
  const timers = new Map<
    number,
    { readonly due: number; readonly run: () => void; readonly alive: () => boolean }
  >()

  function next(end: number): number | undefined {
    let found: number | undefined
    for (const [id, { due, alive }] of timers) {
      if (!alive()) timers.delete(id)
      else if (due <= end && (found === undefined || due < timers.get(found)!.due)) found = id
    }
    return found
  }

  return {
    now: () => START + mono,
    monotonic: () => mono,
    open: ({ alive }) => ({
      now: () => START + mono,
      monotonic: () => mono,
      sinceBoot: () => BOOT_MS + mono,
      setTimer(delayMs, run) {
        const id = ++order
        timers.set(id, { due: mono + Math.max(0, delayMs), run, alive })
        return { cancel: () => void timers.delete(id) }
      },
    }),
    async pass(ms, quiet) {
      const end = mono + ms
      for (let id = next(end); id !== undefined; id = next(end)) {
        const { due, run } = timers.get(id)!
        timers.delete(id)
        mono = Math.max(mono, due)
        run()
        await quiet()
      }
      mono = end
      await quiet()
    },
    armed() {
      return [...timers.values()]
        .filter(({ alive }) => alive())
        .map(({ due }) => due - mono)
        .sort((a, b) => a - b)
    },
  }
}
