import { Problem } from '../platform/problem.ts'
import { type ProcessKey, type ProcessTable, type ReadDepth, withUidNow } from '../platform/proc/process.ts'
import type { Thoroughness, TreeSnapshot } from '../runtimes/model.ts'
import { type Candidates, createCandidates } from './candidates.ts'
import { createDiscovery, type DiscoveryOptions } from './discovery.ts'
import { readMarker } from './identify.ts'
import type { Agent, AgentId, AgentInfo } from './model.ts'
import { createProcessFleet, type ProcessFleetOptions } from './process-fleet.ts'
import type { ProcessAgent } from './process-roster.ts'
import { countersOf, type MemoryReading } from './reading.ts'
import { createMeetStrays } from './strays.ts'
import type { Tree } from './tree.ts'

export interface ProcessSourceOptions
  extends Omit<ProcessFleetOptions, 'isAlive' | 'table'>,
    Pick<DiscoveryOptions, 'quota' | 'discover' | 'commands' | 'inContainer'> {
  readonly table: ProcessTable
}

/** Finds agents among the processes of the host and measures them. */
export interface ProcessSource {
  /** Takes the changes of the process table, and whoever was identified in the meantime. */
  update(): Promise<void>
  /** Reads every agent's processes. */
  read(depth: ReadDepth): Promise<void>
  /** Its memory now; undefined when it cannot be read at once and whole. */
  look(agent: Agent): MemoryReading | undefined
  /** Asks who the new processes are; what comes of it is taken by the next `update`. */
  identify(): Promise<void>
  /** Makes a live process the agent `id`. @throws Problem AE_RUNTIME_GONE, AE_AGENT_CONFLICT */
  register(pid: number, id: AgentId, info: Partial<AgentInfo>): Registration
  /** Whether the process's own environment names this agent. */
  namesItself(pid: number, id: AgentId): Promise<boolean>
  /** Processes of a live agent, as `Target` snapshots need them. */
  tree(agent: Agent): Tree | undefined
  /** The same after a pass of its own over the process table; `undefined` when the tree has ended. */
  snapshot(agent: Agent, thoroughness?: Thoroughness): Promise<TreeSnapshot | undefined>
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

export function createProcessSource(options: ProcessSourceOptions): ProcessSource {
  const { clock, registry, table, slow, commands, inContainer } = options
  const fleet = createProcessFleet({ ...options, isAlive })
  const candidates = createCandidates({ clock, slow, commands, isAlive })
  const { consider, takeIdentified } = createDiscovery({ ...options, isAlive, fleet, candidates })
  const isMember = (pid: number) => fleet.memberOf(pid) !== undefined
  const meetStrays = createMeetStrays({ clock, table, candidates, isMember, takeIdentified })
  /** Who is there at the first pass ran before us. */
  let age: 'settled' | 'new' = 'settled'

  function isAlive({ pid, startTime }: ProcessKey): boolean {
    return table.get(pid)?.startTime === startTime
  }

  /**
   * Only an id that we made up ourselves may be replaced by one that somebody chose: of a process that nobody named,
   * and of one whose name belonged to another life when it was found.
   */
  function rename(owner: ProcessAgent): void {
    const { agent, markerId } = owner
    const isMadeUp =
      agent.origin === 'discovered' || (agent.origin === 'environment' && agent.id !== markerId)
    if (!isMadeUp) {
      throw new Problem('AE_AGENT_CONFLICT', `This process is already the agent ${owner.agent.id}.`)
    }
    registry.release(owner.agent)
    fleet.drop(owner)
  }

  /**
   * What the table found is taken in the turn it was found in: passes of the sampler and of snapshots come in any
   * order, and changes taken in another order than they were seen would bring the dead back. The portable table,
   * which has to wait, lists once for all who ask meanwhile.
   */
  async function pass(): Promise<void> {
    const refreshed = table.refresh()
    const changes = refreshed instanceof Promise ? await refreshed : refreshed
    fleet.apply(changes)
    for (const entry of changes.appeared) consider(entry, age)
    for (const entry of changes.renamed) consider(entry, age)
    age = 'new'
  }

  return {
    candidates,
    identify: () => candidates.drain(),

    async update() {
      await pass()
      takeIdentified()
    },

    read: fleet.read,
    look: fleet.look,

    register(pid, id, info) {
      const entry = table.get(pid)
      if (entry === undefined) throw new Problem('AE_RUNTIME_GONE', `There is no process ${pid}.`)
      const owner = fleet.around(pid)
      const root = owner?.tree.root.pid === pid ? owner : undefined
      if (root !== undefined && root.agent.id === id) {
        registry.describe(root.agent, info)
        registry.register(root.agent)
        return { agent: root.agent, created: false }
      }
      const holder = registry.get(id)
      if (holder !== undefined && holder.endedAtMs === undefined && holder.runtime !== 'cooperative') {
        throw new Problem('AE_AGENT_CONFLICT', `Another live process or container is the agent ${id}.`)
      }
      if (root !== undefined) rename(root)
      const begun = fleet.begin(withUidNow(table, entry), {
        id,
        wanted: id,
        origin: 'registered',
        info: { ...root?.agent.info, name: id, ...info },
        markerId: root?.markerId,
        ...(root === undefined ? {} : { counters: countersOf(root.agent.reading) }),
      })
      if (begun === 'conflict' || begun === undefined) {
        throw new Problem('AE_AGENT_CONFLICT', `Another live incarnation is the agent ${id}.`)
      }
      return { agent: begun.agent, created: true }
    },

    async namesItself(pid, id) {
      const entry = table.get(pid)
      if (entry === undefined) return false
      const identity = await slow.identify(entry)
      return typeof identity === 'object' && readMarker(identity.environment)?.id === id
    },

    tree: (agent) => fleet.of(agent)?.tree,

    async snapshot(agent, thoroughness) {
      await pass()
      const root = fleet.of(agent)?.tree.root
      if (root !== undefined) await meetStrays(root, thoroughness)
      return fleet.snapshot(agent)
    },

    release(agent) {
      const owner = fleet.of(agent)
      if (owner !== undefined) fleet.drop(owner)
    },

    yieldToContainers() {
      for (const owner of [...fleet.all()]) {
        if (!inContainer(owner.tree.root.pid)) continue
        registry.release(owner.agent)
        fleet.drop(owner)
      }
    },

    size: fleet.size,
  }
}
