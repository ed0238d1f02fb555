import type { Clock } from '../platform/clock.ts'
import type { ProcessEntry, ProcessIdentity, SlowLane } from '../platform/proc/process.ts'
import { launcher } from './launcher.ts'

/** A process whose command line and environment were read. */
export interface Identified {
  readonly entry: ProcessEntry
  /** `undefined`: it could not be read, only its `comm` is known. */
  readonly identity: ProcessIdentity | undefined
}

/** The queue to the slow lane: who is identified, in which order, and at most how fast. */
export interface Candidates {
  /** A process that is new, or that has called exec. */
  add(entry: ProcessEntry, urgency: Urgency): void
  /** What was identified since the last call, parents before their children. */
  take(): Identified[]
  /** Whether it is not known yet who this process is, so that nobody below it should be judged. */
  isPending(entry: ProcessEntry): boolean
  /** Asks these next, whatever their urgency was. */
  hurry(entry: ProcessEntry): void
  /** Asks this one at once if nobody has looked at it yet. Settles with the answer; `undefined`: it was looked at. */
  peek(entry: ProcessEntry): Promise<void> | undefined
  /** Settles when nothing waits that may be asked now. */
  drain(): Promise<void>
  readonly waiting: number
  /** Processes that were never looked at because too many waited. */
  readonly dropped: number
}

/**
 * `new`: just started. `settled`: it ran before we did and has long called exec. `member`: belongs to an agent
 * already; only a marker of its own could change that.
 */
export type Urgency = 'new' | 'settled' | 'member'

/** As many may wait: a host that starts while this many processes run is still identified completely. */
const MOST_WAITING = 16_384
/** Sustained rate. A build may start hundreds of processes in a second; each costs about 0.1 ms in two threads. */
const PER_SECOND = 200
const BATCH = 32
/**
 * Who is not likely to be an agent waits this long first. Most processes of a working agent live shorter, and
 * what has just been forked still shows its parent's command line.
 */
const PATIENCE_MS = 1_500

interface Waiting {
  readonly entry: ProcessEntry
  readonly notBeforeMs: number
  /**
   * `twice`: it will be looked at again, since what was just forked shows its parent's command line and keeps the
   * name when it calls exec on the same interpreter. `second` is that other look. `again`: the first one hung, and
   * nobody waits for it any more.
   */
  readonly look: 'once' | 'twice' | 'second' | 'again'
}

export interface CandidatesOptions {
  readonly clock: Clock
  readonly slow: SlowLane
  readonly commands: () => ReadonlySet<string>
  readonly isAlive: (entry: ProcessEntry) => boolean
}

export function createCandidates({ clock, slow, commands, isAlive }: CandidatesOptions): Candidates {
  const soon = new Map<number, Waiting>()
  const later = new Map<number, Waiting>()
  const asked = new Map<number, Promise<void>>()
  let identified: Identified[] = []
  let draining: Promise<void> | undefined
  let tokens = MOST_WAITING
  let refilledAt = clock.monotonic()
  let dropped = 0

  /** Programs whose name alone says that the command line is worth a look. */
  function isLikely({ comm }: ProcessEntry): boolean {
    if (launcher(comm) !== undefined || comm === 'MainThread' || comm.startsWith('npm ')) return true
    for (const command of commands()) if (command.startsWith(comm) && comm.length >= 4) return true
    return false
  }

  function enqueue(queue: Map<number, Waiting>, item: Waiting): void {
    if (soon.size + later.size >= MOST_WAITING) {
      const [oldest] = later.keys()
      dropped++
      if (oldest === undefined) return
      later.delete(oldest)
    }
    // Deleted first, so that who called exec again takes its place at the end.
    soon.delete(item.entry.pid)
    later.delete(item.entry.pid)
    queue.set(item.entry.pid, item)
  }

  function refill(): void {
    const now = clock.monotonic()
    tokens = Math.min(MOST_WAITING, tokens + ((now - refilledAt) / 1_000) * PER_SECOND)
    refilledAt = now
  }

  function next(): Waiting[] {
    refill()
    const batch: Waiting[] = []
    const now = clock.monotonic()
    for (const queue of [soon, later]) {
      for (const [pid, item] of queue) {
        if (batch.length >= BATCH || tokens < 1 || item.notBeforeMs > now) break
        queue.delete(pid)
        if (!isAlive(item.entry)) continue
        tokens--
        batch.push(item)
      }
    }
    return batch
  }

  async function look({ entry, look }: Waiting): Promise<void> {
    const answer = await slow.identify(entry)
    asked.delete(entry.pid)
    if (answer === 'gone') return
    // The slow lane knows how long it has to be left alone. A busy machine made it look so, or it will come back.
    if (answer === 'hung') return patiently(entry, 'again')
    identified.push({ entry, identity: answer === 'unreadable' ? undefined : answer })
    if (look === 'twice') patiently(entry, 'second')
  }

  function ask(item: Waiting): Promise<void> {
    const answered = look(item)
    asked.set(item.entry.pid, answered)
    return answered
  }

  async function work(): Promise<void> {
    for (let batch = next(); batch.length > 0; batch = next()) await Promise.all(batch.map(ask))
  }

  function patiently(entry: ProcessEntry, look: Waiting['look']): void {
    enqueue(later, { entry, notBeforeMs: clock.monotonic() + PATIENCE_MS, look })
  }

  return {
    add(entry, urgency) {
      const likely = isLikely(entry)
      if (urgency === 'settled') enqueue(likely ? soon : later, { entry, notBeforeMs: 0, look: 'once' })
      else if (urgency === 'new' && likely) enqueue(soon, { entry, notBeforeMs: 0, look: 'twice' })
      else patiently(entry, 'once')
    },
    isPending({ pid }) {
      const look = (soon.get(pid) ?? later.get(pid))?.look
      return asked.has(pid) || (look !== undefined && look !== 'again')
    },
    peek(entry) {
      const { pid } = entry
      const item = soon.get(pid) ?? later.get(pid)
      if (item === undefined || item.look === 'second') return asked.get(pid)
      soon.delete(pid)
      later.delete(pid)
      tokens--
      // It may not have called exec yet: looked at again in its turn.
      return ask({ entry, notBeforeMs: 0, look: 'twice' })
    },
    hurry(entry) {
      if (!asked.has(entry.pid)) enqueue(soon, { entry, notBeforeMs: 0, look: 'once' })
    },
    take() {
      const taken = identified
      identified = []
      // A parent always started before its child.
      return taken.sort((a, b) => a.entry.startTime - b.entry.startTime)
    },
    drain() {
      draining ??= work().finally(() => {
        draining = undefined
      })
      return draining
    },
    get waiting() {
      return soon.size + later.size
    },
    get dropped() {
      return dropped
    },
  }
}
