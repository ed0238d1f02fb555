import type { Incarnation } from '../agents/model.ts'
import type { Clock, Timer } from '../platform/clock.ts'
import type { Case } from './gather.ts'
import { createToldEnds, type ToldEnd, takeIn } from './told-ends.ts'

/** The kernel's log, the counters and our own journal have everything a moment after the end. */
const SETTLE_MS = 300
/**
 * How long the exit status is waited for: `run` tells it at once, the engine when it has inspected the container. A parent
 * that has left a zombie until it was seen is one that is busy: what else it knows, its output first of all, comes later.
 */
const EXIT_WITHIN_MS = 2_500
/** Lives that ended, so that each is settled once. */
const MOST_REMEMBERED = 4_096

/** An end that is being looked into. */
export interface OpenEnd extends Case {
  readonly openedAtMs: number
  timer: Timer | undefined
  /** The engine said `die`. */
  hasDied: boolean
  /** Who waited for it has said all there is to say. */
  hasParentTold: boolean
}

/** Every end, each settled once: open until all has been told of it that is likely to come. */
export interface OpenEnds {
  /** It is seen now. What was told before is taken in. */
  begin(of: Omit<Case, 'seenAtMs' | 'seenAtMono'>, saw: 'die' | 'no die'): void
  of(incarnation: Incarnation): OpenEnd | undefined
  list(): Iterable<OpenEnd>
  /** Somebody tells of it. */
  tell(end: OpenEnd, told: ToldEnd): void
  /** More is known of it: it is settled as soon as the exit status is known, else as late as that may still come. */
  plan(end: OpenEnd): void
  /** How it was seen, of one that is settled. */
  settled(incarnation: Incarnation): 'with die' | 'without die' | undefined
  /** Somebody tells of an end that is not seen yet. */
  toldEarly(incarnation: Incarnation, told: ToldEnd): void
  settleAll(): void
  size(): Readonly<Record<'open' | 'settled' | 'told', number>>
}

export function createOpenEnds(clock: Clock, onSettled: (end: OpenEnd) => void): OpenEnds {
  const open = new Map<Incarnation, OpenEnd>()
  const settled = new Map<Incarnation, 'with die' | 'without die'>()
  const told = createToldEnds(MOST_REMEMBERED)

  function plan(end: OpenEnd): void {
    end.timer?.cancel()
    const due = end.openedAtMs + (hasAll(end) ? SETTLE_MS : EXIT_WITHIN_MS)
    end.timer = clock.setTimer(Math.max(0, due - clock.monotonic()), () => settle(end))
  }

  function tell(end: OpenEnd, what: ToldEnd): void {
    takeIn(end, what)
    if (what.exit?.source === 'parent') end.hasParentTold = true
    plan(end)
  }

  function settle(end: OpenEnd): void {
    const { incarnation } = end.subject
    open.delete(incarnation)
    settled.set(incarnation, end.hasDied ? 'with die' : 'without die')
    for (const oldest of settled.keys()) {
      if (settled.size <= MOST_REMEMBERED) break
      settled.delete(oldest)
    }
    onSettled(end)
  }

  return {
    begin(of, saw) {
      const now = clock.monotonic()
      const end: OpenEnd = {
        ...{ ...of, seenAtMs: clock.now(), seenAtMono: now },
        ...{ openedAtMs: now, timer: undefined, hasDied: saw === 'die', hasParentTold: false },
      }
      open.set(of.subject.incarnation, end)
      const earlier = told.take(of.subject.incarnation)
      if (earlier === undefined) plan(end)
      else tell(end, earlier)
    },
    of: (incarnation) => open.get(incarnation),
    list: () => open.values(),
    tell,
    plan,
    settled: (incarnation) => settled.get(incarnation),
    toldEarly: told.put,
    settleAll() {
      for (const end of [...open.values()]) {
        end.timer?.cancel()
        settle(end)
      }
    },
    size: () => ({ open: open.size, settled: settled.size, told: told.size() }),
  }
}

function hasAll({ exit, subject, after, hasParentTold }: OpenEnd): boolean {
  if (exit === undefined) return false
  if (subject.runtime === 'container') return after !== undefined
  return exit.source !== 'zombie' || hasParentTold
}
