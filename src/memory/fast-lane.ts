import type { Clock, Timer } from '../platform/clock.ts'

export interface FastLaneOptions<Key> {
  readonly clock: Pick<Clock, 'monotonic' | 'setTimer'>
  /** Looks at one and judges what was read; `nothing`: it could not be read, and nothing has changed. */
  readonly look: (key: Key) => 'judged' | 'nothing'
  /** Milliseconds until it has to be looked at again; undefined: the ordinary sample comes soon enough. */
  readonly sleepMs: (key: Key) => number | undefined
}

export interface FastLaneStats {
  /** Who is looked at between the ordinary samples. */
  readonly near: number
  readonly looks: number
  /** Longest time by which a look came later than asked for, in the last but one interval between two samples. */
  readonly lateMs: number
}

/** Looks at those near their limits in between the ordinary samples, one alone at a time, for a bounded share of CPU. */
export interface FastLane<Key> {
  /** After each ordinary sample: all who live, just judged. Whoever is not among them is looked at no more. */
  sampled(keys: Iterable<Key>): void
  stats(): FastLaneStats
  stop(): void
}

/** Of one core, whoever many are near their limits; with more of them each is looked at less often. */
const MOST_CPU_SHARE = 0.05
/** Nobody else waits for longer than some milliseconds; a look costs a tenth of one. */
const MOST_LOOKS_PER_TURN = 32
/** Timers fire up to a millisecond early; looking again at once would spin. */
const SOONEST_MS = 1
/** What a look costs until one was measured, and how much of what is known one look changes. */
const SUPPOSED_COST_MS = 0.1
const NEWS = 0.1
/** Beyond it the loop was interrupted (another process, garbage collection): that is not the cost of a look. */
const MOST_TIMES_DEARER = 4

/** One timer for all, and no turn begins before the last has ended. */
export function createFastLane<Key>({ clock, look, sleepMs }: FastLaneOptions<Key>): FastLane<Key> {
  const due = new Map<Key, number>()
  let timer: { readonly at: number; readonly handle: Timer } | undefined
  let notBeforeMs = Number.NEGATIVE_INFINITY
  let costMs = SUPPOSED_COST_MS
  let looks = 0
  let lateMs = 0
  let shownLateMs = 0

  /** @param latestMs who waits for a look already does not begin to wait anew. */
  function plan(key: Key, nowMs: number, latestMs = Number.POSITIVE_INFINITY): void {
    const sleep = sleepMs(key)
    if (sleep === undefined) due.delete(key)
    else due.set(key, Math.min(latestMs, nowMs + sleep))
  }

  function arm(): void {
    let earliest = Number.POSITIVE_INFINITY
    for (const at of due.values()) if (at < earliest) earliest = at
    const at = Math.max(earliest, notBeforeMs)
    if (timer?.at === at) return
    timer?.handle.cancel()
    timer = undefined
    if (at === Number.POSITIVE_INFINITY) return
    const delayMs = Math.max(SOONEST_MS, Math.ceil(at - clock.monotonic()))
    timer = { at, handle: clock.setTimer(delayMs, turn) }
  }

  function turn(): void {
    timer = undefined
    const begunMs = clock.monotonic()
    const over = [...due].filter(([, at]) => at <= begunMs).sort(([, a], [, b]) => a - b)
    const now = over.slice(0, MOST_LOOKS_PER_TURN)
    for (const [key, at] of now) {
      const fromMs = clock.monotonic()
      lateMs = Math.max(lateMs, fromMs - at)
      looks++
      if (look(key) === 'nothing') due.delete(key)
      const tookMs = clock.monotonic() - fromMs
      costMs += NEWS * (Math.min(tookMs, MOST_TIMES_DEARER * costMs) - costMs)
      if (due.has(key)) plan(key, fromMs)
    }
    notBeforeMs = begunMs + (now.length * costMs) / MOST_CPU_SHARE
    arm()
  }

  return {
    sampled(keys) {
      const nowMs = clock.monotonic()
      const before = new Map(due)
      due.clear()
      for (const key of keys) plan(key, nowMs, before.get(key))
      shownLateMs = lateMs
      lateMs = 0
      arm()
    },
    stats: () => ({ near: due.size, looks, lateMs: Math.max(shownLateMs, lateMs) }),
    stop() {
      timer?.handle.cancel()
      timer = undefined
      due.clear()
    },
  }
}
