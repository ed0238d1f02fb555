import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerChange, ContainerInfo, DockerEngine } from '../platform/docker/container.ts'
import { containerIdOf, locateContainer } from '../platform/docker/container-cgroup.ts'
import type { NetworkReader } from '../platform/docker/network.ts'
import type { StatsFallback } from '../platform/docker/stats-fallback.ts'
import { Problem } from '../platform/problem.ts'
import type { ReadDepth } from '../platform/proc/process.ts'
import type { Claim } from './claim.ts'
import { infoOf, isLive, labelOf, meant, substituteId } from './container-facts.ts'
import { createContainerKills } from './container-kills.ts'
import { type ContainerAgent, createContainerReader } from './container-reader.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  containerIncarnation,
  containerOf,
  type Incarnation,
  isAgentId,
  type Origin,
} from './model.ts'
import type { Registration } from './process-source.ts'
import type { Counters, MemoryReading } from './reading.ts'
import type { Registry } from './registry.ts'

export interface ContainerSourceOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly engine: Pick<DockerEngine, 'containers' | 'status'>
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
  /** What the engine tells of OOM kills and ends, as it comes. */
  hear(change: ContainerChange): void
  /** See `ContainerKills.judged`. */
  oomKilled(incarnation: Incarnation, killed: 'main' | 'some'): void
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

export function createContainerSource(options: ContainerSourceOptions): ContainerSource {
  const { registry, engine, cgroups, ownContainer } = options
  const agents = new Map<string, ContainerAgent>()
  const kills = createContainerKills(options)
  const reader = createContainerReader({ ...options, kills })
  /** Incarnations whose control group is gone though the engine, silent or slow, still calls them running. */
  const over = new Set<string>()
  let invalid = new Set<string>()

  function start(container: ContainerInfo, claim: Pick<Claim, 'id' | 'wanted' | 'origin' | 'info'>) {
    const incarnation = containerIncarnation(container.id, container.startedAt)
    const startedAtMs = Date.parse(container.startedAt)
    const reached = options.reached(incarnation)
    const resumed = reached === undefined ? {} : { resumed: true as const }
    const whole = { ...claim, ...resumed, runtime: 'container' as const, incarnation, startedAtMs }
    return registry.claim(whole, (agent) => {
      const group = locateContainer(cgroups, container, ownContainer)
      const statsAtMs = Number.NEGATIVE_INFINITY
      agents.set(container.id, { agent, container, group, statsAtMs, asking: false })
      kills.started(container.id, agent, reached?.oomKills)
      if (group === undefined && engine.status().state === 'connected') kills.uncounted(container.id, agent)
    })
  }

  function discover(container: ContainerInfo): void {
    const id = labelOf(container)
    if (!isAgentId(id)) {
      if (id !== undefined) invalid.add(container.id)
      return
    }
    const claim = { wanted: id, origin: 'labelled' as Origin, info: infoOf(container) }
    if (start(container, { ...claim, id }).outcome !== 'conflict') return
    start(container, { ...claim, id: substituteId(container) })
  }

  /** Whether the engine tells of this life, whatever it says about it. */
  function isPresent(present: ReadonlyMap<string, ContainerInfo>, incarnation: Incarnation): boolean {
    const container = present.get(containerOf(incarnation))
    return container !== undefined && containerIncarnation(container.id, container.startedAt) === incarnation
  }

  function drop(known: ContainerAgent): void {
    agents.delete(known.container.id)
    if (known.group !== undefined) cgroups.forget(known.group)
  }

  function end(known: ContainerAgent): void {
    drop(known)
    kills.ended(known.container.id, known.agent.incarnation, 'sample')
    registry.end(known.agent)
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
          containerIncarnation(container.id, container.startedAt) === known.agent.incarnation
        if (isSame) known.container = container
        else end(known)
      }
      kills.forget()
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
      for (const known of [...agents.values()]) {
        const condition = reader.read(known, depth)
        if (condition === 'gone') {
          over.add(known.agent.incarnation)
          end(known)
          continue
        }
        known.agent.reading.restarts = known.container.restarts
        registry.sampled(known.agent, known.container.state === 'paused' ? 'paused' : condition)
      }
    },

    hear(change) {
      if (change.kind !== 'incident' || change.action === 'kill') return
      const { action, container } = change
      const { id } = container
      const incarnation = containerIncarnation(id, container.startedAt)
      if (action === 'die') return kills.ended(id, incarnation, 'engine')
      const known = agents.get(id)
      // It can still be read for some ten milliseconds, also when it was the main process.
      const count = known?.agent.incarnation === incarnation ? reader.oomKills(known) : undefined
      kills.told(id, incarnation, count)
    },

    oomKilled: kills.judged,

    contains(pid) {
      if (agents.size === 0) return false
      const ref = cgroups.locate(pid)
      const id = ref === undefined ? undefined : containerIdOf(ref, ownContainer)
      return id !== undefined && agents.has(id)
    },

    register(wanted, id, info) {
      const container = meant(engine.containers().values(), wanted)
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
      return known === undefined ? undefined : reader.look(known)
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
