import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { type Activity, type Condition, judgeActivity, judgeState, newActivity } from './activity.ts'
import { binds, type Claim, type ClaimResult, disputes, type IsKept } from './claim.ts'
import { cpuSeconds, createHistory } from './history.ts'
import {
  type Agent,
  type AgentEvents,
  type AgentId,
  type AgentInfo,
  filled,
  type Incarnation,
  presentable,
} from './model.ts'
import { clearGauges, emptyReading } from './reading.ts'
import { createRivals } from './rivals.ts'

/** All agents that live or lately ended, one incarnation per id. */
export interface Registry {
  /** @param prepare runs for a new agent before anybody is told of it: its source makes it complete */
  claim(claim: Claim, prepare?: (agent: Agent) => void): ClaimResult
  /** Fills in what is not known yet and never overwrites: an agent cannot change its role by asking again. */
  describe(agent: Agent, info: Partial<AgentInfo>): void
  /** A claim over the API for an incarnation that is known already. */
  register(agent: Agent): void
  /** Closes one sample of a live agent: judges its state and keeps the reading. */
  sampled(agent: Agent, condition: Condition): void
  /** Something else than CPU showed that the agent is active. */
  touch(agent: Agent): void
  end(agent: Agent): void
  /** Deletes an agent for a person: this incarnation is not found again, unless somebody registers it. */
  remove(agent: Agent): void
  /** Takes a live agent out because the same processes now go by another id. */
  release(agent: Agent): void
  /** Drops ended agents whose retention is over. */
  expire(): void
  get(id: AgentId): Agent | undefined
  /** Oldest first. */
  list(): Iterable<Agent>
  readonly size: number
}

export interface RegistryOptions {
  readonly clock: Clock
  readonly bus: Bus<AgentEvents>
  readonly retentionMs: () => number
  /**
   * Whether somebody's choice hangs on this life: limits that are enforced, or a pause that lasts. A name that a
   * process gave to itself takes nothing away from it.
   */
  readonly isKept?: IsKept
  /** What only registered itself was bound to a runtime; told before anybody hears of the new life. */
  readonly onBound?: (from: Agent, to: Agent) => void
}

/** Deleted incarnations that are remembered; beyond it the oldest could be found again. */
const MOST_DISMISSED = 1_000

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

interface Entry extends Mutable<Agent> {
  wanted: AgentId
  activity: Activity
  /** Monotonic. */
  retainedUntilMs: number
}

export function createRegistry(options: RegistryOptions): Registry {
  const { clock, bus, retentionMs, isKept = () => false } = options
  const entries = new Map<AgentId, Entry>()
  const rivals = createRivals()
  const ended = new Set<Entry>()
  const dismissed = new Set<Incarnation>()
  let ordinal = 0

  function start(claim: Claim): Entry {
    const { id, runtime, incarnation, origin, startedAtMs } = claim
    const info = presentable(claim.info)
    const entry: Entry = {
      id,
      ordinal: ++ordinal,
      runtime,
      incarnation,
      origin,
      info,
      startedAtMs,
      uid: claim.uid,
      state: 'starting',
      endedAtMs: undefined,
      lastActivityAtMs: undefined,
      conflict: false,
      reading: emptyReading(),
      history: createHistory(),
      wanted: disputes(claim, entries.get(claim.wanted ?? id), isKept) ? (claim.wanted ?? id) : id,
      activity: newActivity(clock.monotonic()),
      retainedUntilMs: Number.POSITIVE_INFINITY,
    }
    // Deleted first, so that the order of the map is the order of creation also when an id comes again.
    entries.delete(id)
    entries.set(id, entry)
    rivals.enter(entry)
    return entry
  }

  function forget(entry: Entry): void {
    ended.delete(entry)
    if (entries.get(entry.id) === entry) entries.delete(entry.id)
  }

  function drop(entry: Entry): void {
    if (entry.endedAtMs === undefined) rivals.leave(entry)
    forget(entry)
  }

  return {
    claim(asked, prepare) {
      let claim = asked
      if (claim.origin === 'registered') dismissed.delete(claim.incarnation)
      if (dismissed.has(claim.incarnation)) return { outcome: 'dismissed' }
      const holder = entries.get(claim.id)
      let isBound = false
      if (holder?.incarnation === claim.incarnation && holder.endedAtMs === undefined) {
        return { outcome: 'known', agent: holder }
      }
      if (holder !== undefined) {
        const bound = binds(claim, holder, isKept)
        if (holder.endedAtMs === undefined && !bound) return { outcome: 'conflict', agent: holder }
        drop(holder)
        isBound = bound && holder.endedAtMs === undefined
        if (bound) claim = { ...claim, origin: 'registered', info: filled(holder.info, claim.info, claim.id) }
      }
      const agent = start(claim)
      // Ended in the meantime: a new life that only has the old name.
      if (holder !== undefined && isBound) options.onBound?.(holder, agent)
      prepare?.(agent)
      const resumed = claim.resumed === true
      if (claim.origin === 'registered') bus.emit('agent.registered', { agent })
      else bus.emit('agent.discovered', { agent, resumed })
      bus.emit('agent.started', { agent, resumed })
      return { outcome: 'started', agent }
    },

    describe(agent, info) {
      const entry = agent as Entry
      entry.info = filled(agent.info, presentable(info), agent.id)
    },

    register(agent) {
      const entry = agent as Entry
      if (entry.origin === 'registered') return
      entry.origin = 'registered'
      rivals.prevail(entry)
      bus.emit('agent.registered', { agent })
    },

    sampled(agent, condition) {
      const entry = agent as Entry
      if (entry.endedAtMs !== undefined) return
      const now = clock.monotonic()
      const before = entry.activity
      entry.activity = judgeActivity(before, cpuSeconds(entry.reading), now)
      if (entry.activity.lastActiveMs !== before.lastActiveMs) entry.lastActivityAtMs = clock.now()
      entry.state = judgeState(condition, entry.activity, now)
      entry.history.add(now, entry.reading)
    },

    touch(agent) {
      const entry = agent as Entry
      if (entry.endedAtMs !== undefined) return
      entry.activity = { ...entry.activity, lastActiveMs: clock.monotonic() }
      entry.lastActivityAtMs = clock.now()
    },

    end(agent) {
      const entry = agent as Entry
      if (entry.endedAtMs !== undefined) return
      entry.endedAtMs = clock.now()
      entry.state = 'exited'
      entry.retainedUntilMs = clock.monotonic() + retentionMs()
      clearGauges(entry.reading)
      rivals.leave(entry)
      if (entries.get(entry.id) === entry) ended.add(entry)
      bus.emit('agent.exited', { agent })
    },

    remove(agent) {
      const entry = agent as Entry
      if (entries.get(entry.id) !== entry) return
      if (entry.endedAtMs === undefined) {
        dismissed.add(entry.incarnation)
        const [oldest] = dismissed
        if (dismissed.size > MOST_DISMISSED && oldest !== undefined) dismissed.delete(oldest)
      }
      drop(entry)
      bus.emit('agent.removed', { agent })
    },

    release(agent) {
      const entry = agent as Entry
      if (entries.get(entry.id) !== entry) return
      drop(entry)
      bus.emit('agent.removed', { agent })
    },

    expire() {
      const now = clock.monotonic()
      // Ended in this order, and the retention is the same for all but those a reload came between.
      for (const entry of ended) {
        if (entry.retainedUntilMs > now) break
        forget(entry)
      }
    },

    get: (id) => entries.get(id),
    list: () => entries.values(),
    get size() {
      return entries.size
    },
  }
}
