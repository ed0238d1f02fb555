import type { Clock } from '../../src/platform/clock.ts'

export interface FakeClock extends Clock {
  /** Moves both clocks forward and runs the timers that fall due, in order. */
  advance(ms: number): void
  /** Moves only the wall clock, as NTP or a person would. */
  jumpWall(ms: number): void
}

/** The fake host has been up for an hour. */
const BOOT_MS = 3_600_000

/** A clock that stands still until told otherwise: tests never sleep. */
export function fakeClock(startWall = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = startWall
  let mono = 0
  let order = 0
  const timers = new Map<number, { due: number; run: () => void }>()
  return {
    now: () => wall,
    monotonic: () => mono,
    sinceBoot: () => BOOT_MS + mono,
    setTimer(delayMs, run) {
      const id = ++order
      timers.set(id, { due: mono + Math.max(0, delayMs), run })
      return { cancel: () => void timers.delete(id) }
    },
    jumpWall(ms) {
      wall += ms
    },
    advance(ms) {
      const end = mono + ms
      for (;;) {
        let next: [number, { due: number; run: () => void }] | undefined
        for (const entry of timers) {
          if (entry[1].due <= end && (next === undefined || entry[1].due < next[1].due)) next = entry
        }
        if (next === undefined) break
        timers.delete(next[0])
        wall += next[1].due - mono
        mono = next[1].due
        next[1].run()
      }
      wall += end - mono
      mono = end
    },
  }
}
