import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import { type CgroupRef, emptySample } from '../platform/cgroup/sample.ts'
import type { Clock } from '../platform/clock.ts'
import {
  AGENT_LABEL,
  type ContainerInfo,
  type DockerEngine,
  SANDBOX_LABEL,
} from '../platform/docker/container.ts'
import { containerIdOf, locateContainer } from '../platform/docker/container-cgroup.ts'
import type { NetworkReader } from '../platform/docker/network.ts'
import type { StatsFallback } from '../platform/docker/stats-fallback.ts'
import { Problem } from '../platform/problem.ts'
import type { ReadDepth } from '../platform/proc/process.ts'
import type { Condition } from './activity.ts'
import { fillFromCgroup, fillNetwork, memoryOfCgroup } from './container-reading.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  containerIncarnation,
  type Incarnation,
  isAgentId,
  type Origin,
} from './model.ts'
import type { Registration } from './process-source.ts'
import { type Counters, clearGauges, type MemoryReading } from './reading.ts'
import type { Claim, Registry } from './registry.ts'

export interface ContainerSourceOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly engine: Pick<DockerEngine, 'containers'>
  readonly cgroups: CgroupFinder
  readonly network: NetworkReader
  readonly stats: StatsFallback
  /** Our own container, when a cgroup namespace hides its id. */
  readonly ownContainer?: string | undefined
  /** Whether labelled containers are agents by themselves; registered ones are measured either way. */
  readonly discover: () => boolean
  /** Totals of an earlier run of the daemon; the kernel's own are complete, they only tell that it was known. */
  readonly reached: (incarnation: Incarnation) => Counters | undefined
}

/** Finds agents among the containers of an engine and measures them. */
export interface ContainerSource {
  /** Takes what the engine says now: new, ended and restarted containers. Tells whether agents came. */
  update(): 'grown' | 'same'
  read(depth: ReadDepth): void
  /** Its memory now, from two or four files; undefined when they cannot be read. */
  look(agent: Agent): MemoryReading | undefined
  /** Whether this process runs inside one of the agents. */
  contains(pid: number): boolean
  /** Makes a running container the agent `id`. @throws Problem AE_RUNTIME_GONE, AE_AGENT_CONFLICT */
  register(container: string, id: AgentId, info: Partial<AgentInfo>): Registration
  container(agent: Agent): ContainerInfo | undefined
  release(agent: Agent): void
  /** Containers whose label is not a valid id. */
  readonly invalid: number
  readonly size: number
}

const ROLE_LABEL = 'agent-exporter.role'
const WORKSPACE_LABEL = 'agent-exporter.workspace'
/** A remote engine is asked this often: its answers cost it up to a second each. */
const STATS_INTERVAL_MS = 15_000
/** A container id as people see it. */
const SHORT_ID = 12

interface ContainerAgent {
  readonly agent: Agent
  container: ContainerInfo
  readonly incarnation: string
  /** Looked up once: a container keeps its control group for its whole incarnation. */
  readonly group: CgroupRef | undefined
  statsAtMs: number
  asking: boolean
}

export function createContainerSource(options: ContainerSourceOptions): ContainerSource {
  const { clock, registry, engine, cgroups, network, stats, ownContainer } = options
  const agents = new Map<string, ContainerAgent>()
  const sample = emptySample()
  const glance = emptySample()
  /** Incarnations whose control group is gone though the engine, silent or slow, still calls them running. */
  const over = new Set<string>()
  let invalid = new Set<string>()

  function labelled({ labels }: ContainerInfo): string | undefined {
    return labels[AGENT_LABEL] ?? labels[SANDBOX_LABEL]
  }

  function isLive({ state }: ContainerInfo): boolean {
    return state === 'running' || state === 'paused'
  }

  function start(container: ContainerInfo, claim: Pick<Claim, 'id' | 'wanted' | 'origin' | 'info'>) {
    const incarnation = containerIncarnation(container.id, container.startedAt)
    const startedAtMs = Date.parse(container.startedAt)
    const resumed = options.reached(incarnation) === undefined ? {} : { resumed: true as const }
    const whole = { ...claim, ...resumed, runtime: 'container' as const, incarnation, startedAtMs }
    return registry.claim(whole, (agent) => {
      const group = locateContainer(cgroups, container, ownContainer)
      const statsAtMs = Number.NEGATIVE_INFINITY
      agents.set(container.id, { agent, container, incarnation, group, statsAtMs, asking: false })
    })
  }

  function infoOf({ name, labels }: ContainerInfo, said: Partial<AgentInfo> = {}): AgentInfo {
    return {
      name: said.name ?? name,
      role: said.role ?? labels[ROLE_LABEL],
      vendor: said.vendor,
      workspace: said.workspace ?? labels[WORKSPACE_LABEL],
    }
  }

  function discover(container: ContainerInfo): void {
    const id = labelled(container)
    if (!isAgentId(id)) {
      if (id !== undefined) invalid.add(container.id)
      return
    }
    const claim = { wanted: id, origin: 'labelled' as Origin, info: infoOf(container) }
    if (start(container, { ...claim, id }).outcome !== 'conflict') return
    start(container, { ...claim, id: `container-${container.id.slice(0, SHORT_ID)}` })
  }

  function isPresent(present: ReadonlyMap<string, ContainerInfo>, incarnation: string): boolean {
    const container = present.get(incarnation.slice(0, incarnation.indexOf(':')))
    return container !== undefined && containerIncarnation(container.id, container.startedAt) === incarnation
  }

  function drop(known: ContainerAgent): void {
    agents.delete(known.container.id)
    if (known.group !== undefined) cgroups.forget(known.group)
  }

  function end(known: ContainerAgent): void {
    drop(known)
    registry.end(known.agent)
  }

  async function ask(known: ContainerAgent): Promise<void> {
    known.asking = true
    known.statsAtMs = clock.monotonic()
    const answer = emptySample()
    const { outcome, network } = await stats.read(known.container.id, answer)
    known.asking = false
    if (known.agent.endedAtMs !== undefined) return
    if (outcome !== 'ok') return clearGauges(known.agent.reading)
    fillFromCgroup(known.agent.reading, answer, known.container)
    fillNetwork(known.agent.reading, network)
  }

  function readFiles(
    { agent, container }: ContainerAgent,
    group: CgroupRef,
    depth: ReadDepth,
  ): Condition | 'gone' {
    const { reading } = agent
    const outcome = cgroups.read(group, sample)
    if (outcome !== 'ok') {
      clearGauges(reading)
      return outcome === 'gone' ? 'gone' : 'alive'
    }
    fillFromCgroup(reading, sample, container)
    if (depth === 'full') {
      reading.processes = cgroups.processes(group)?.length
      fillNetwork(reading, container.pid === undefined ? undefined : network.read(container.pid))
    }
    return sample.frozen === true ? 'paused' : 'alive'
  }

  function of(agent: Agent): ContainerAgent | undefined {
    for (const known of agents.values()) if (known.agent === agent) return known
    return undefined
  }

  return {
    update() {
      const present = engine.containers()
      for (const known of [...agents.values()]) {
        const container = present.get(known.container.id)
        const isSame =
          container !== undefined &&
          isLive(container) &&
          containerIncarnation(container.id, container.startedAt) === known.incarnation
        if (isSame) known.container = container
        else end(known)
      }
      for (const incarnation of over) if (!isPresent(present, incarnation)) over.delete(incarnation)
      const before = agents.size
      invalid = new Set()
      if (!options.discover()) return 'same'
      for (const container of present.values()) {
        if (agents.has(container.id) || !isLive(container)) continue
        if (!over.has(containerIncarnation(container.id, container.startedAt))) discover(container)
      }
      return agents.size > before ? 'grown' : 'same'
    },

    read(depth) {
      const now = clock.monotonic()
      for (const known of [...agents.values()]) {
        let condition: Condition | 'gone' = 'alive'
        if (known.group !== undefined) condition = readFiles(known, known.group, depth)
        else if (!known.asking && now - known.statsAtMs >= STATS_INTERVAL_MS) void ask(known)
        if (condition === 'gone') {
          over.add(known.incarnation)
          end(known)
          continue
        }
        known.agent.reading.restarts = known.container.restarts
        registry.sampled(known.agent, known.container.state === 'paused' ? 'paused' : condition)
      }
    },

    contains(pid) {
      if (agents.size === 0) return false
      const ref = cgroups.locate(pid)
      const id = ref === undefined ? undefined : containerIdOf(ref, ownContainer)
      return id !== undefined && agents.has(id)
    },

    register(wanted, id, info) {
      const container = [...engine.containers().values()].find(
        (one) =>
          one.id === wanted ||
          one.name === wanted ||
          (wanted.length >= SHORT_ID && one.id.startsWith(wanted)),
      )
      if (container === undefined || !isLive(container)) {
        throw new Problem(
          'AE_RUNTIME_GONE',
          'No running container with an agent or sandbox label has this name or id.',
        )
      }
      const known = agents.get(container.id)
      if (known !== undefined && known.agent.id !== id) {
        throw new Problem('AE_AGENT_CONFLICT', `This container is already the agent ${known.agent.id}.`)
      }
      if (known !== undefined) {
        registry.describe(known.agent, info)
        registry.register(known.agent)
        return { agent: known.agent, created: false }
      }
      const result = start(container, { id, wanted: id, origin: 'registered', info: infoOf(container, info) })
      if (result.outcome !== 'started') {
        throw new Problem('AE_AGENT_CONFLICT', `Another live incarnation is the agent ${id}.`)
      }
      return { agent: result.agent, created: true }
    },

    look(agent) {
      const known = of(agent)
      if (known?.group === undefined || cgroups.read(known.group, glance, 'memory') !== 'ok') return undefined
      return memoryOfCgroup(glance, known.container)
    },

    container: (agent) => of(agent)?.container,

    release(agent) {
      const known = of(agent)
      if (known !== undefined) drop(known)
    },

    get invalid() {
      return invalid.size
    },
    get size() {
      return agents.size
    },
  }
}
