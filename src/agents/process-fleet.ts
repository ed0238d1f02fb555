import {
  createProcessSample,
  type ProcessChanges,
  type ProcessEntry,
  type ProcessKey,
  type ProcessTable,
} from '../platform/proc/process.ts'
import type { TreeSnapshot } from '../runtimes/model.ts'
import { createTreeCounters } from './counters.ts'
import { createMembership } from './membership.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  type Incarnation,
  type Origin,
  type ProcessSpace,
  processIncarnation,
} from './model.ts'
import { isDead, readMemory } from './process-reading.ts'
import { createProcessRoster, type ProcessAgent, type ProcessRosterOptions } from './process-roster.ts'
import type { Counters, MemoryReading } from './reading.ts'
import type { Registry } from './registry.ts'
import { createSweep, type Sweep, type SweepOptions } from './sweep.ts'
import { fillTotals, resumeTotals } from './totals.ts'
import type { Member } from './tree.ts'
import { createSnapshots } from './tree-snapshot.ts'

export interface ProcessFleetOptions
  extends ProcessRosterOptions,
    Pick<SweepOptions, 'reader' | 'slow' | 'isAlive' | 'isFrozen' | 'turn'> {
  readonly registry: Registry
  readonly space: ProcessSpace
  readonly table: Pick<ProcessTable, 'entries' | 'get' | 'groupLives'>
  /** Wall clock of a start time in clock ticks since boot. */
  readonly startedAtMs: (startTime: number) => number
  /** Totals that an earlier run of the daemon reached for this incarnation. */
  readonly reached: (incarnation: Incarnation) => Counters | undefined
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
  readonly read: Sweep
  /** Its memory now; undefined when it cannot be read at once and whole. */
  look(agent: Agent): MemoryReading | undefined
  /** What is kept, for tests of growth. */
  size(): Readonly<Record<'agents' | 'members' | 'processes' | 'remembered', number>>
}

const NOBODY: ReadonlyMap<number, Member> = new Map()

export function createProcessFleet(options: ProcessFleetOptions): ProcessFleet {
  const { clock, registry, reader, slow, space, table } = options
  const groupLives = table.groupLives?.bind(table)
  const membership = createMembership(groupLives === undefined ? {} : { groupLives })
  const takeSnapshot = createSnapshots({ membership, reader, table })
  const roster = createProcessRoster(options)
  /** Found dead by a read; the process table will say so at the next pass. */
  const gone = new Set<Member>()
  const glance = createProcessSample()
  const read = createSweep({ ...options, agents: roster.all, onGone, onDead, onEnd: end })

  function forget(member: Member): void {
    reader.forget(member)
    slow.forget(member)
  }

  /** Whose counters see what this member used, through the parent that reaped it. */
  function countEnd(member: Member, leftNow: ReadonlyMap<number, Member>): void {
    const ppid = member.seen.ppid || member.ppid
    const parent = membership.memberOf(ppid) ?? leftNow.get(ppid)
    const tree = parent?.tree ?? (ppid === member.ppid ? member.tree : undefined)
    if (tree !== undefined) roster.at(tree)?.counters.ended(member.seen, 'inside')
  }

  function onGone(member: Member): void {
    gone.add(member)
    countEnd(member, NOBODY)
  }

  /** A program that ended is no agent any more, also while its parent does not wait for it. */
  function onDead(member: Member): void {
    roster.at(member.tree)?.core.delete(member.pid)
  }

  function end(owner: ProcessAgent): void {
    owner.counters.settle('full')
    fillTotals(owner.agent.reading, owner.counters)
    if (roster.isWanted(owner)) roster.rest(owner)
    else drop(owner)
    registry.end(owner.agent)
  }

  function drop(owner: ProcessAgent): void {
    const { tree } = owner
    roster.remove(owner)
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
        roster.at(member.tree)?.core.delete(member.pid)
      }
      for (const member of left) {
        const owner = roster.at(member.tree)
        if (owner !== undefined && owner.core.size === 0) end(owner)
      }
      for (const owner of roster.remains()) if (!roster.isWanted(owner)) drop(owner)
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
        resumeTotals(counters, earlier ?? stored, reader.kind)
        const tree = membership.plant(entry)!
        const core = new Set([entry.pid])
        const pssAtMs = clock.monotonic()
        const snapshotAtMs = Number.NEGATIVE_INFINITY
        begun = { agent, tree, counters, markerId, core, condition: 'alive', pssAtMs, snapshotAtMs }
        roster.add(begun)
      })
      return outcome === 'conflict' ? 'conflict' : begun
    },

    adopt: (key, owner) => membership.adopt(key, owner.tree) !== undefined,
    drop,
    memberOf: membership.memberOf,
    isZombie(key) {
      const dead = reader.read(key, 'core', glance) === 'ok' && isDead(glance)
      reader.forget(key)
      return dead
    },
    around(pid) {
      const member = membership.memberOf(pid)
      return member === undefined ? undefined : roster.at(member.tree)
    },
    of: roster.of,
    all: roster.all,
    snapshot(agent) {
      const owner = roster.of(agent) ?? roster.remainsOf(agent)
      if (owner === undefined) return undefined
      owner.snapshotAtMs = clock.monotonic()
      return takeSnapshot(owner.tree, roster.within(owner.tree))
    },

    look(agent) {
      // A reader that has to fetch ahead cannot answer at once.
      if (reader.prepare !== undefined) return undefined
      const owner = roster.of(agent)
      return owner === undefined ? undefined : readMemory(owner.tree, reader, glance)
    },

    read,

    size() {
      let members = 0
      for (const { tree } of roster.all()) members += tree.members.size
      const { processes, remembered } = membership.size()
      return { agents: roster.size, members, processes, remembered }
    },
  }
}
