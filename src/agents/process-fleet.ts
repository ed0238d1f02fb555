import type { Clock } from '../platform/clock.ts'
import {
  createProcessSample,
  type ProcessChanges,
  type ProcessEntry,
  type ProcessKey,
  type ProcessReader,
  type ProcessTable,
  type ReadDepth,
  type SlowLane,
} from '../platform/proc/process.ts'
import type { TreeSnapshot } from '../runtimes/model.ts'
import type { Condition } from './activity.ts'
import { createTreeCounters, type TreeCounters } from './counters.ts'
import { createMembership, type Member, type Tree } from './membership.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  type Incarnation,
  type Origin,
  type ProcessSpace,
  processIncarnation,
} from './model.ts'
import { fillCounters, isDead, readMemory, readPss, readTree } from './process-reading.ts'
import type { Counters, MemoryReading } from './reading.ts'
import type { Registry } from './registry.ts'
import { createSnapshots } from './tree-snapshot.ts'

export interface ProcessFleetOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly reader: ProcessReader
  readonly slow: SlowLane
  readonly space: ProcessSpace
  readonly isAlive: (key: ProcessKey) => boolean
  /**
   * Whether somebody with the right to do so chose limits for this agent. Any other is stopped and ended with the
   * agent it runs in: a name in its environment must not take a process out of its tree.
   */
  readonly standsAlone: (agent: Agent) => boolean
  readonly table: Pick<ProcessTable, 'entries' | 'get' | 'groupLives'>
  /** Wall clock of a start time in clock ticks since boot. */
  readonly startedAtMs: (startTime: number) => number
  /** Totals that an earlier run of the daemon reached for this incarnation. */
  readonly reached: (incarnation: Incarnation) => Counters | undefined
  /** Whether the agent, whose root this is, stands still in a frozen control group: its processes look asleep then. */
  readonly isFrozen: (agent: Agent, root: number) => boolean
  /** Ends the current turn of the event loop: a large fleet is read in slices. */
  readonly turn: () => Promise<void>
}

/** One agent that is a tree of processes. */
export interface ProcessAgent {
  readonly agent: Agent
  readonly tree: Tree
  readonly counters: TreeCounters
  /** Id in the environment that the children inherit; it may differ from the agent's. */
  markerId: AgentId | undefined
  /** The agent lives as long as one of these: its root, and the same program below a wrapper. */
  readonly core: Set<number>
  condition: Condition
  pssAtMs: number
  /** When its processes were last asked for in order to act on them. */
  snapshotAtMs: number
}

export interface Beginning {
  readonly id: AgentId
  /** The id that was asked for; another than `id` when that belongs to somebody else. */
  readonly wanted: AgentId
  readonly origin: Origin
  readonly info: Partial<AgentInfo>
  readonly markerId: AgentId | undefined
  /** Totals under another id of the same incarnation. */
  readonly counters?: Counters
}

/** The agents that are processes: which processes each has, what they use, when it ends. */
export interface ProcessFleet {
  /** Takes one pass of the process table: members come and go, agents end. */
  apply(changes: ProcessChanges): void
  /** `undefined`: a person deleted this incarnation. */
  begin(entry: ProcessEntry, beginning: Beginning): ProcessAgent | 'conflict' | undefined
  /** Takes a process in that proved to belong to the agent; false when it is somebody's already. */
  adopt(key: ProcessKey, owner: ProcessAgent): boolean
  /** Lets go of the processes of an agent that is no longer in the registry. */
  drop(owner: ProcessAgent): void
  memberOf(pid: number): Member | undefined
  /** Whether a process that is nobody's member has ended and only its parent has not waited for it. */
  isZombie(key: ProcessKey): boolean
  /** The agent this process belongs to. */
  around(pid: number): ProcessAgent | undefined
  of(agent: Agent): ProcessAgent | undefined
  all(): Iterable<ProcessAgent>
  /**
   * The processes of the agent as they are now. Answers for an ended agent too while it is asked again and again:
   * what is left of a tree whose root has just died is still being ended.
   */
  snapshot(agent: Agent): TreeSnapshot | undefined
  read(depth: ReadDepth): Promise<void>
  /** Its memory now; undefined when it cannot be read at once and whole. */
  look(agent: Agent): MemoryReading | undefined
  /** What is kept, for tests of growth. */
  size(): Readonly<Record<'agents' | 'members' | 'processes' | 'remembered', number>>
}

/** Long reads give way to others after this: DESIGN §5, loop delay P99.9 ≤ 10 ms. */
const SLICE_MS = 4
/** PSS is read at most once a minute (CONTROL §2). */
const PSS_INTERVAL_MS = 60_000
/** Whoever acts on a tree asks every few seconds at most; after this the rest of an ended agent is nobody's. */
const REMAINS_MS = 30_000

export function createProcessFleet(options: ProcessFleetOptions): ProcessFleet {
  const { clock, registry, reader, slow, space, isAlive } = options
  const { table } = options
  const groupLives = table.groupLives?.bind(table)
  const membership = createMembership(groupLives === undefined ? {} : { groupLives })
  const takeSnapshot = createSnapshots({ membership, reader, table })
  const agents = new Map<Tree, ProcessAgent>()
  const byAgent = new Map<Agent, ProcessAgent>()
  /** Ended agents whose other processes somebody is still ending. */
  const remains = new Map<Agent, ProcessAgent>()
  /** Found dead by a read; the process table will say so at the next pass. */
  const gone = new Set<Member>()
  const sample = createProcessSample()
  const glance = createProcessSample()

  function forget(member: Member): void {
    reader.forget(member)
    slow.forget(member)
  }

  /** Whose counters see what this member used, through the parent that reaped it. */
  function countEnd(member: Member, leftNow: ReadonlyMap<number, Member>): void {
    const ppid = member.seen.ppid || member.ppid
    const parent = membership.memberOf(ppid) ?? leftNow.get(ppid)
    const tree = parent?.tree ?? (ppid === member.ppid ? member.tree : undefined)
    if (tree !== undefined) agents.get(tree)?.counters.ended(member.seen, 'inside')
  }

  function onGone(member: Member): void {
    gone.add(member)
    countEnd(member, NOBODY)
  }

  /** A program that ended is no agent any more, also while its parent does not wait for it. */
  function onDead(member: Member): void {
    agents.get(member.tree)?.core.delete(member.pid)
  }

  function end(owner: ProcessAgent): void {
    owner.counters.settle('full')
    fillCounters(owner.agent.reading, owner.counters)
    if (isWanted(owner)) {
      agents.delete(owner.tree)
      byAgent.delete(owner.agent)
      remains.set(owner.agent, owner)
    } else {
      drop(owner)
    }
    registry.end(owner.agent)
  }

  function isWanted({ tree, snapshotAtMs }: ProcessAgent): boolean {
    if (clock.monotonic() - snapshotAtMs >= REMAINS_MS) return false
    return tree.members.size > 0 || treesWithin(tree).some(({ members }) => members.size > 0)
  }

  /** Trees that are stopped and ended with this one: outer before inner. */
  function treesWithin(tree: Tree): Tree[] {
    const within: { readonly inner: Tree; readonly depth: number }[] = []
    for (const owners of [agents.values(), remains.values()]) {
      for (const { tree: inner } of owners) {
        const depth = depthIn(inner, tree)
        if (depth !== undefined) within.push({ inner, depth })
      }
    }
    return within.sort((a, b) => a.depth - b.depth).map(({ inner }) => inner)
  }

  /** How many trees lie between; `undefined` when it is not within, or one on the way stands alone. */
  function depthIn(inner: Tree, tree: Tree): number | undefined {
    let depth = 0
    for (let at: Tree | undefined = inner; at !== undefined; at = at.outer) {
      if (at === tree) return depth === 0 ? undefined : depth
      const owner = agents.get(at)
      if (owner !== undefined && options.standsAlone(owner.agent)) return undefined
      depth++
    }
    return undefined
  }

  function drop({ tree, agent }: ProcessAgent): void {
    agents.delete(tree)
    byAgent.delete(agent)
    remains.delete(agent)
    const left = [...tree.members.values()]
    membership.fell(tree, clock.monotonic())
    for (const member of left) {
      if (membership.memberOf(member.pid) !== undefined) continue
      gone.delete(member)
      forget(member)
    }
  }

  return {
    apply(changes) {
      const { left } = membership.apply(changes, clock.monotonic())
      const leftNow = left.length === 0 ? NOBODY : new Map(left.map((member) => [member.pid, member]))
      for (const member of left) {
        forget(member)
        if (!gone.delete(member)) countEnd(member, leftNow)
        agents.get(member.tree)?.core.delete(member.pid)
      }
      for (const member of left) {
        const owner = agents.get(member.tree)
        if (owner !== undefined && owner.core.size === 0) end(owner)
      }
      for (const owner of remains.values()) if (!isWanted(owner)) drop(owner)
    },

    begin(entry, { id, wanted, origin, info, markerId, counters: earlier }) {
      const incarnation = processIncarnation(space, entry)
      const stored = options.reached(incarnation)
      const claim = {
        id,
        wanted,
        runtime: 'process',
        incarnation,
        origin,
        info: { name: info.name ?? id, role: info.role, vendor: info.vendor, workspace: info.workspace },
        startedAtMs: options.startedAtMs(entry.startTime),
        uid: entry.uid,
        ...(stored === undefined ? {} : { resumed: true as const }),
      } as const
      let begun: ProcessAgent | undefined
      const { outcome } = registry.claim(claim, (agent) => {
        const counters = createTreeCounters()
        resume(counters, earlier ?? stored, reader.kind)
        const tree = membership.plant(entry)!
        const core = new Set([entry.pid])
        const pssAtMs = clock.monotonic()
        const snapshotAtMs = Number.NEGATIVE_INFINITY
        begun = { agent, tree, counters, markerId, core, condition: 'alive', pssAtMs, snapshotAtMs }
        agents.set(tree, begun)
        byAgent.set(agent, begun)
      })
      return outcome === 'conflict' ? 'conflict' : begun
    },

    adopt: (key, owner) => membership.adopt(key, owner.tree) !== undefined,
    drop,
    memberOf: membership.memberOf,
    isZombie(key) {
      const dead = reader.read(key, 'core', sample) === 'ok' && isDead(sample)
      reader.forget(key)
      return dead
    },
    around(pid) {
      const member = membership.memberOf(pid)
      return member === undefined ? undefined : agents.get(member.tree)
    },
    of: (agent) => byAgent.get(agent),
    all: () => agents.values(),
    snapshot(agent) {
      const owner = byAgent.get(agent) ?? remains.get(agent)
      if (owner === undefined) return undefined
      owner.snapshotAtMs = clock.monotonic()
      return takeSnapshot(owner.tree, treesWithin(owner.tree))
    },

    look(agent) {
      // A reader that has to fetch ahead cannot answer at once.
      if (reader.prepare !== undefined) return undefined
      const owner = byAgent.get(agent)
      return owner === undefined ? undefined : readMemory(owner.tree, reader, glance)
    },

    async read(depth) {
      if (reader.prepare !== undefined) {
        const keys: ProcessKey[] = []
        for (const { tree } of agents.values()) keys.push(...tree.members.values())
        await reader.prepare(keys)
      }
      let sliceEnd = clock.monotonic() + SLICE_MS
      for (const owner of agents.values()) {
        const { tree, counters, agent } = owner
        owner.condition = readTree(tree, reader, depth, sample, counters, agent.reading, onGone, onDead)
        if (clock.monotonic() < sliceEnd) continue
        await options.turn()
        sliceEnd = clock.monotonic() + SLICE_MS
      }
      const now = clock.monotonic()
      for (const owner of agents.values()) {
        if (owner.core.size === 0) {
          end(owner)
          continue
        }
        owner.counters.settle(depth)
        fillCounters(owner.agent.reading, owner.counters)
        const isFrozen = owner.condition === 'alive' && options.isFrozen(owner.agent, owner.tree.root.pid)
        registry.sampled(owner.agent, isFrozen ? 'paused' : owner.condition)
        if (now - owner.pssAtMs < PSS_INTERVAL_MS) continue
        owner.pssAtMs = now
        void readPss(owner, slow, isAlive)
      }
    },

    size() {
      let members = 0
      for (const { tree } of agents.values()) members += tree.members.size
      const { processes, remembered } = membership.size()
      return { agents: agents.size, members, processes, remembered }
    },
  }
}

const NOBODY: ReadonlyMap<number, Member> = new Map()

/** Only what this reader gives goes on: a total of another one would stand still beside it and count CPU twice. */
function resume(counters: TreeCounters, reached: Counters | undefined, kind: ProcessReader['kind']): void {
  if (reached === undefined) return
  if (kind === 'pidusage') {
    counters.resume('cpuUnsplit', reached.cpuUnsplitSeconds ?? 0)
    return
  }
  counters.resume('cpuUser', reached.cpuUserSeconds ?? 0)
  counters.resume('cpuSystem', reached.cpuSystemSeconds ?? 0)
  counters.resume('voluntarySwitches', reached.voluntarySwitches ?? 0)
  counters.resume('involuntarySwitches', reached.involuntarySwitches ?? 0)
  counters.resume('ioRead', reached.ioReadBytes ?? 0)
  counters.resume('ioWrite', reached.ioWriteBytes ?? 0)
}
