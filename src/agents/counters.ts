import type { ProcessSample, ReadDepth } from '../platform/proc/process.ts'

/**
 * Counters of an agent from counters of processes that come and go.
 *
 * What the kernel offers for one process p:
 * - `own(p)`: used by p itself (utime, stime, context switches);
 * - `waited(p)`: final `own + waited` of every child that p has waited for (cutime, cstime; wait(2)). Bytes read and
 *   written come only as one number in which both are added up (proc_pid_io(5): the kernel adds a child's
 *   accounting to its parent's when it is reaped).
 *
 * Children that live shorter than a sample are never seen themselves; they show only in `waited` of who reaped
 * them. But so do children that were seen, and they must not count twice. Per sample of the whole tree:
 *
 *     total += Σ Δown(p)  +  max(0, Σ Δwaited(p) − due)            p over the live members
 *     due    = Σ own(m) + waited(m), as last read                  m over the members that ended since
 *
 * - If m was reaped inside the tree, its final values are in some Δwaited; `due` takes out what was counted while
 *   it lived, and what it used after its last read stays in. If it was reaped outside (its parent died first), the
 *   caller says so and nothing is due.
 * - Where that is uncertain it is held to be due: at worst one sample's unseen children are missed.
 * - A member may be found dead when its parent was read before it in the same sample: the parent's Δwaited arrives
 *   one sample later, so what was not met is due once more. A parent must be read before its children, else the
 *   amount could arrive one sample before it is due.
 *
 * Hence the total never falls, never exceeds the truth, and equals it when every member was read at its end
 * (property-tested). A value that could not be read adds nothing now; its growth arrives with the next good read.
 */
const QUANTITIES = [
  'cpuUser',
  'cpuSystem',
  'cpuUnsplit',
  'voluntarySwitches',
  'involuntarySwitches',
  'ioRead',
  'ioWrite',
] as const
/** From here on quantities are read only by `full` samples. */
const FIRST_FULL = 5
export type Quantity = (typeof QUANTITIES)[number]

/** The last good reads of one process: `own` and `waited` of the formula, per quantity. */
export interface LastSeen {
  readonly own: Float64Array
  readonly waited: Float64Array
  /** Its parent then: who reaps it, if that one still lives. 0 = never read. */
  ppid: number
}

export function createLastSeen(): LastSeen {
  return { own: new Float64Array(QUANTITIES.length), waited: new Float64Array(QUANTITIES.length), ppid: 0 }
}

/** `inside`: its parent is (or until just now was) a member and has reaped it. */
export type Reaper = 'inside' | 'outside'

export interface TreeCounters {
  /** Adds what one live member used since its last read. Parents before children. */
  observe(seen: LastSeen, sample: ProcessSample): void
  /** A member was alive but could not be read: what is due stays due until all are read again. */
  missed(): void
  /** A member ended. Also told of members of nested agents: whoever reaps them has their time in `waited`. */
  ended(seen: LastSeen, reaper: Reaper): void
  /**
   * Closes the sample: everything observed and ended since the last call is judged. `core` samples do not read
   * bytes, so what is due in bytes waits for the next `full` one.
   */
  settle(depth: ReadDepth): void
  /** Accumulated until the last `settle`; undefined before the first good read. */
  total(quantity: Quantity): number | undefined
  /** Continues at a total that was reached before the daemon restarted: what is counted again stays below it. */
  resume(quantity: Quantity, total: number): void
}

export function createTreeCounters(): TreeCounters {
  const size = QUANTITIES.length
  const total = new Float64Array(size)
  const known = new Array<boolean>(size).fill(false)
  /** Totals of an earlier run of the daemon that this run's first settle is lifted to. */
  const floor = new Float64Array(size)
  const own = new Float64Array(size)
  const arrived = new Float64Array(size)
  const due = new Float64Array(size)
  /** Not met at the settle before: due once more. */
  const owed = new Float64Array(size)
  let blind = false

  function add(seen: LastSeen, at: number, ownNow: number | undefined, waitedNow: number | undefined): void {
    if (ownNow !== undefined) {
      known[at] = true
      own[at]! += Math.max(0, ownNow - seen.own[at]!)
      seen.own[at] = Math.max(seen.own[at]!, ownNow)
    }
    if (waitedNow !== undefined) {
      known[at] = true
      arrived[at]! += Math.max(0, waitedNow - seen.waited[at]!)
      seen.waited[at] = Math.max(seen.waited[at]!, waitedNow)
    }
  }

  return {
    observe(seen, sample) {
      seen.ppid = sample.ppid
      add(seen, 0, sample.userSeconds, sample.childUserSeconds)
      add(seen, 1, sample.systemSeconds, sample.childSystemSeconds)
      // A reader that cannot tell the modes apart has only their sum.
      if (sample.userSeconds === undefined) add(seen, 2, sample.cpuSeconds, undefined)
      add(seen, 3, sample.voluntarySwitches, undefined)
      add(seen, 4, sample.involuntarySwitches, undefined)
      add(seen, 5, undefined, sample.ioReadBytes)
      add(seen, 6, undefined, sample.ioWriteBytes)
    },
    missed() {
      blind = true
    },
    ended(seen, reaper) {
      if (reaper === 'outside') return
      for (let i = 0; i < size; i++) due[i]! += seen.own[i]! + seen.waited[i]!
    },
    settle(depth) {
      const settled = depth === 'full' ? size : FIRST_FULL
      for (let i = 0; i < settled; i++) {
        const awaited = due[i]! + owed[i]!
        const unmet = Math.max(0, awaited - arrived[i]!)
        total[i]! += own[i]! + Math.max(0, arrived[i]! - awaited)
        owed[i] = blind ? unmet : Math.min(unmet, due[i]!)
        own[i] = 0
        arrived[i] = 0
        due[i] = 0
        if (floor[i]! > 0 && known[i]) {
          total[i] = Math.max(total[i]!, floor[i]!)
          floor[i] = 0
        }
      }
      blind = false
    },
    total(quantity) {
      const i = QUANTITIES.indexOf(quantity)
      if (known[i]) return total[i]
      return floor[i]! > 0 ? floor[i] : undefined
    },
    resume(quantity, reached) {
      floor[QUANTITIES.indexOf(quantity)] = reached
    },
  }
}
