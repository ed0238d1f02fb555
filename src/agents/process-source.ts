import type { Clock } from '../platform/clock.ts'
import { Problem } from '../platform/problem.ts'
import {
  createProcessSample,
  type ProcessChanges,
  type ProcessEntry,
  type ProcessIdentity,
  type ProcessKey,
  type ProcessReader,
  type ProcessTable,
  type ReadDepth,
  type SlowLane,
} from '../platform/proc/process.ts'
import type { Condition } from './activity.ts'
import { type Candidates, createCandidates } from './candidates.ts'
import { createTreeCounters, type TreeCounters } from './counters.ts'
import { type CommandMatch, type Marker, matchCommand, readMarker } from './identify.ts'
import { createMembership, type Member, type Tree } from './membership.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  discoveredId,
  type Incarnation,
  type Origin,
  type ProcessSpace,
  processIncarnation,
} from './model.ts'
import { fillCounters, readPss, readTree } from './process-reading.ts'
import type { Quota } from './quota.ts'
import type { Counters } from './reading.ts'
import type { Registry } from './registry.ts'

export interface ProcessSourceOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly table: ProcessTable
  readonly reader: ProcessReader
  readonly slow: SlowLane
  readonly space: ProcessSpace
  readonly quota: Quota
  /** Whether agents are found without being registered. */
  readonly discover: () => boolean
  /** Names of agent programs. */
  readonly commands: () => ReadonlySet<string>
  /** Whether a process runs in the control group of a container that is an agent itself. */
  readonly inContainer: (pid: number) => boolean
  /** Wall clock of a start time in clock ticks since boot. */
  readonly startedAtMs: (startTime: number) => number
  /** Totals that an earlier run of the daemon reached for this incarnation. */
  readonly reached: (incarnation: Incarnation) => Counters | undefined
  /** Ends the current turn of the event loop: a large fleet is read in slices. */
  readonly turn: () => Promise<void>
}

/** Finds agents among the processes of the host and measures them. */
export interface ProcessSource {
  /** Takes the changes of the process table, and whoever was identified in the meantime. */
  update(): Promise<void>
  /** Reads every agent's processes. */
  read(depth: ReadDepth): Promise<void>
  /** Asks who the new processes are; what comes of it is taken by the next `update`. */
  identify(): Promise<void>
  /** Makes a live process the agent `id`. @throws Problem AE_RUNTIME_GONE, AE_AGENT_CONFLICT */
  register(pid: number, id: AgentId, info: Partial<AgentInfo>): Registration
  /** Whether the process's own environment names this agent. */
  namesItself(pid: number, id: AgentId): Promise<boolean>
  /** Processes of a live agent, as `Target` snapshots need them. */
  tree(agent: Agent): Tree | undefined
  /** Lets go of the processes of an agent that was taken out of the registry. */
  release(agent: Agent): void
  /** Gives away agents whose root turns out to run in a container that is an agent itself. */
  yieldToContainers(): void
  readonly candidates: Candidates
  /** What is kept, for tests of growth. */
  size(): Readonly<Record<'agents' | 'members' | 'processes' | 'remembered', number>>
}

export interface Registration {
  readonly agent: Agent
  readonly created: boolean
}

/** Long reads give way to others after this: DESIGN §5, loop delay P99.9 ≤ 10 ms. */
const SLICE_MS = 4
/** Nobody nests deeper, and a table read while it changes could show a ring. */
const MOST_ANCESTORS = 64
/** PSS is read at most once a minute (CONTROL §2). */
const PSS_INTERVAL_MS = 60_000

interface ProcessAgent {
  readonly agent: Agent
  readonly tree: Tree
  readonly counters: TreeCounters
  /** Id in the environment that the children inherit; it may differ from the agent's. */
  readonly markerId: AgentId | undefined
  /** The agent lives as long as one of these: its root, and the same program below a wrapper. */
  readonly core: Set<number>
  condition: Condition
  pssAtMs: number
}

export function createProcessSource(options: ProcessSourceOptions): ProcessSource {
  const { clock, registry, table, reader, slow, space, quota, commands, inContainer } = options
  const membership = createMembership()
  const agents = new Map<Tree, ProcessAgent>()
  const byAgent = new Map<Agent, ProcessAgent>()
  /** Found dead by a read; the process table will say so at the next pass. */
  const gone = new Set<Member>()
  const sample = createProcessSample()
  let isFirst = true
  const candidates = createCandidates({ clock, slow, commands, isAlive })

  function isAlive({ pid, startTime }: ProcessKey): boolean {
    return table.get(pid)?.startTime === startTime
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

  function forget(key: ProcessKey): void {
    reader.forget(key)
  }

  function takeChanges(changes: ProcessChanges): void {
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
    for (const entry of changes.appeared) consider(entry)
    for (const entry of changes.renamed) consider(entry)
    isFirst = false
  }

  function consider(entry: ProcessEntry): void {
    // Threads of the kernel are children of kthreadd, which is process 2.
    if (entry.ppid === 2 || entry.pid === 2 || !options.discover()) return
    const isMember = membership.memberOf(entry.pid) !== undefined
    candidates.add(entry, isFirst ? 'settled' : isMember ? 'member' : 'new')
  }

  function end(owner: ProcessAgent): void {
    owner.counters.settle('full')
    fillCounters(owner.agent.reading, owner.counters)
    drop(owner)
    registry.end(owner.agent)
  }

  function drop({ tree, agent }: ProcessAgent): void {
    agents.delete(tree)
    byAgent.delete(agent)
    const left = [...tree.members.values()]
    membership.fell(tree, clock.monotonic())
    for (const member of left) {
      if (membership.memberOf(member.pid) !== undefined) continue
      gone.delete(member)
      forget(member)
    }
  }

  function takeIdentified(): void {
    for (const { entry, identity } of candidates.take()) {
      if (options.discover() && isAlive(entry)) place(entry, identity)
    }
  }

  function place(entry: ProcessEntry, identity: ProcessIdentity | undefined): void {
    const { comm } = table.get(entry.pid)!
    const match = matchCommand(identity?.argv ?? [], comm, commands())
    const marker = identity === undefined ? undefined : readMarker(identity.environment)
    const around = membership.memberOf(entry.pid)
    if (around === undefined) {
      if (joins(entry, marker) || (match === undefined && marker === undefined)) return
      if (mustWait(entry) || inContainer(entry.pid)) return
      discover(entry, ownMarker(entry, marker), match, identity?.cwd)
      return
    }
    const owner = agents.get(around.tree)
    if (owner === undefined || around.kind === 'service') return
    // Outermost match wins: what an agent starts belongs to it, whichever program it is, unless the environment
    // says that this is somebody else. The inherited marker of the agent itself says nothing new.
    if (marker !== undefined && marker.id !== owner.agent.id && marker.id !== owner.markerId) {
      discover(entry, ownMarker(entry, marker), match, identity?.cwd)
    } else if (match !== undefined && match.vendor === owner.agent.info.vendor) {
      owner.core.add(entry.pid)
    }
  }

  /** The outermost match is the agent: nobody is judged before everybody above it. */
  function mustWait(entry: ProcessEntry): boolean {
    let isWaiting = false
    let above = table.get(entry.ppid)
    for (let depth = 0; above !== undefined && above.pid > 1 && depth < MOST_ANCESTORS; depth++) {
      if (candidates.isPending(above)) {
        isWaiting = true
        candidates.hurry(above)
      }
      above = table.get(above.ppid)
    }
    if (isWaiting) candidates.hurry(entry)
    return isWaiting
  }

  /** An escaped process that names the life it comes from returns to it (CONTROL §1). */
  function joins(entry: ProcessEntry, marker: Marker | undefined): boolean {
    if (marker?.incarnation === undefined) return false
    const agent = registry.get(marker.id)
    const owner = agent === undefined ? undefined : byAgent.get(agent)
    if (owner === undefined || owner.agent.incarnation !== marker.incarnation) return false
    return membership.adopt(entry, owner.tree) !== undefined
  }

  /** What is left of an ended agent still bears its marker, but it is not the agent's next life. */
  function ownMarker(entry: ProcessKey, marker: Marker | undefined): Marker | undefined {
    if (marker?.incarnation === undefined) return marker
    return marker.incarnation === processIncarnation(space, entry) ? marker : undefined
  }

  function discover(
    entry: ProcessEntry,
    named: Marker | undefined,
    match: CommandMatch | undefined,
    cwd: string | undefined,
  ): void {
    const { uid } = entry
    const before = named === undefined ? undefined : registry.get(named.id)
    const known = before?.endedAtMs !== undefined || before?.runtime === 'cooperative'
    // Root could do anything anyway; for all others names are not free.
    const marker = known || uid === 0 || (named && quota.take(uid, clock.monotonic())) ? named : undefined
    if (marker === undefined && match === undefined) return
    const substitute = discoveredId(match?.vendor ?? 'agent', space, entry)
    const origin = marker === undefined ? 'discovered' : 'environment'
    const info = { role: marker?.role, vendor: match?.vendor, workspace: marker?.workspace ?? cwd }
    const wanted = marker?.id ?? substitute
    if (start(entry, { id: wanted, wanted, origin, info, marker }) === 'conflict') {
      start(entry, { id: substitute, wanted, origin, info, marker })
    }
  }

  interface Beginning {
    readonly id: AgentId
    readonly wanted: AgentId
    readonly origin: Origin
    readonly info: Partial<AgentInfo>
    readonly marker: Marker | undefined
  }

  function start(
    entry: ProcessEntry,
    { id, wanted, origin, info, marker }: Beginning,
  ): 'conflict' | Agent | undefined {
    const incarnation = processIncarnation(space, entry)
    const reached = options.reached(incarnation)
    const claim = {
      id,
      wanted,
      runtime: 'process',
      incarnation,
      origin,
      info: { name: info.name ?? id, role: info.role, vendor: info.vendor, workspace: info.workspace },
      startedAtMs: options.startedAtMs(entry.startTime),
      uid: entry.uid,
      ...(reached === undefined ? {} : { resumed: true as const }),
    } as const
    const result = registry.claim(claim, (agent) => {
      const counters = createTreeCounters()
      resume(counters, reached)
      const tree = membership.plant(entry)!
      const owner: ProcessAgent = {
        agent,
        tree,
        counters,
        markerId: marker?.id,
        core: new Set([entry.pid]),
        condition: 'alive',
        pssAtMs: clock.monotonic(),
      }
      agents.set(tree, owner)
      byAgent.set(agent, owner)
    })
    if (result.outcome === 'conflict') return 'conflict'
    return result.outcome === 'started' ? result.agent : undefined
  }

  return {
    candidates,
    identify: () => candidates.drain(),

    async update() {
      takeChanges(await table.refresh())
      takeIdentified()
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
        owner.condition = readTree(tree, reader, depth, sample, counters, agent.reading, onGone)
        if (clock.monotonic() < sliceEnd) continue
        await options.turn()
        sliceEnd = clock.monotonic() + SLICE_MS
      }
      const now = clock.monotonic()
      for (const owner of agents.values()) {
        owner.counters.settle(depth)
        fillCounters(owner.agent.reading, owner.counters)
        registry.sampled(owner.agent, owner.condition)
        if (now - owner.pssAtMs < PSS_INTERVAL_MS) continue
        owner.pssAtMs = now
        void readPss(owner, slow, isAlive)
      }
    },

    register(pid, id, info) {
      const entry = table.get(pid)
      if (entry === undefined) throw new Problem('AE_RUNTIME_GONE', `There is no process ${pid}.`)
      const around = membership.memberOf(pid)
      const owner = around === undefined ? undefined : agents.get(around.tree)
      const isRoot = owner?.tree.root.pid === pid
      if (owner !== undefined && isRoot && owner.agent.id === id) {
        registry.describe(owner.agent, info)
        registry.register(owner.agent)
        return { agent: owner.agent, created: false }
      }
      const holder = registry.get(id)
      if (holder !== undefined && holder.endedAtMs === undefined && holder.runtime !== 'cooperative') {
        throw new Problem('AE_AGENT_CONFLICT', `Another live process or container is the agent ${id}.`)
      }
      if (owner !== undefined && isRoot) {
        if (owner.agent.origin !== 'discovered') {
          throw new Problem('AE_AGENT_CONFLICT', `Process ${pid} is already the agent ${owner.agent.id}.`)
        }
        registry.release(owner.agent)
        drop(owner)
      }
      const vendor = info.vendor ?? (isRoot ? owner?.agent.info.vendor : undefined)
      const workspace = info.workspace ?? (isRoot ? owner?.agent.info.workspace : undefined)
      const known = { ...info, vendor, workspace }
      const agent = start(entry, { id, wanted: id, origin: 'registered', info: known, marker: undefined })
      if (agent === 'conflict' || agent === undefined) {
        throw new Problem('AE_AGENT_CONFLICT', `Another live incarnation is the agent ${id}.`)
      }
      return { agent, created: true }
    },

    async namesItself(pid, id) {
      const entry = table.get(pid)
      if (entry === undefined) return false
      const identity = await slow.identify(entry)
      return typeof identity === 'object' && readMarker(identity.environment)?.id === id
    },

    tree: (agent) => byAgent.get(agent)?.tree,

    release(agent) {
      const owner = byAgent.get(agent)
      if (owner !== undefined) drop(owner)
    },

    yieldToContainers() {
      for (const owner of [...agents.values()]) {
        if (!inContainer(owner.tree.root.pid)) continue
        registry.release(owner.agent)
        drop(owner)
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

function resume(counters: TreeCounters, reached: Counters | undefined): void {
  if (reached === undefined) return
  counters.resume('cpuUser', reached.cpuUserSeconds ?? 0)
  counters.resume('cpuSystem', reached.cpuSystemSeconds ?? 0)
  counters.resume('cpuUnsplit', reached.cpuUnsplitSeconds ?? 0)
  counters.resume('voluntarySwitches', reached.voluntarySwitches ?? 0)
  counters.resume('involuntarySwitches', reached.involuntarySwitches ?? 0)
  counters.resume('ioRead', reached.ioReadBytes ?? 0)
  counters.resume('ioWrite', reached.ioWriteBytes ?? 0)
}
