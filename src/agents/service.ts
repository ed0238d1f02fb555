import { setImmediate } from 'node:timers/promises'
import type { Bus } from '../platform/bus.ts'
import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import type { Clock } from '../platform/clock.ts'
import {
  type ContainerInfo,
  type DockerEngine,
  ENFORCE_LABEL,
  type EngineStatus,
} from '../platform/docker/container.ts'
import type { NetworkReader } from '../platform/docker/network.ts'
import type { StatsFallback } from '../platform/docker/stats-fallback.ts'
import type { Feature } from '../platform/feature.ts'
import type { Caller } from '../platform/http/caller.ts'
import type { Log } from '../platform/log.ts'
import type { ProcessReader, ProcessTable, SlowLane } from '../platform/proc/process.ts'
import type { Store } from '../platform/store/store.ts'
import type { Thoroughness, TreeSnapshot } from '../runtimes/model.ts'
import { createAdmission } from './admission.ts'
import { createAgentCollectors } from './collectors.ts'
import { createContainerSource } from './container-source.ts'
import { createEnrolling, type EnrolmentDesk } from './enrolment.ts'
import type { History } from './history.ts'
import type { Tree } from './membership.ts'
import type { Agent, AgentEvents, AgentId, Incarnation, ProcessSpace } from './model.ts'
import { createProcessSource } from './process-source.ts'
import { createQuota } from './quota.ts'
import type { Counters, MemoryReading } from './reading.ts'
import { createRegister } from './register.ts'
import { createRegistry } from './registry.ts'
import { createAgentsRepository } from './repository.ts'
import { agentRoutes } from './routes.ts'
import { createSampler } from './sampler.ts'
import type { AgentsTables } from './tables.ts'
import { createTestimony } from './testimony.ts'

/** What may change while the daemon runs is a function. */
export interface AgentsOptions {
  readonly intervalMs: number
  readonly retentionMs: () => number
  /** Whether processes are agents without being registered; true when left out. */
  readonly discoverProcesses: () => boolean
  /** Programs that are agents. */
  readonly commands: () => ReadonlySet<string>
  readonly discoverContainers: () => boolean
  readonly perAgentMetrics: () => 'full' | 'core'
  readonly exposePaths: () => boolean
  readonly ownUid: number | undefined
}

/** Everything about containers; left out when they are not looked at. */
export interface ContainerParts {
  readonly engine: Pick<DockerEngine, 'containers' | 'status'>
  readonly cgroups: CgroupFinder
  readonly network: NetworkReader
  readonly stats: StatsFallback
  readonly ownContainer?: string | undefined
}

export interface AgentsDependencies {
  readonly clock: Clock
  readonly bus: Bus<AgentEvents>
  readonly log: Log
  readonly table: ProcessTable
  readonly reader: ProcessReader
  readonly slow: SlowLane
  readonly space: ProcessSpace
  readonly startedAtMs: (startTime: number) => number
  readonly containers?: ContainerParts
  readonly store: Pick<Store<AgentsTables>, 'db' | 'enqueue' | 'daemonId'>
  readonly options: AgentsOptions
  /** What the other rooms know of one agent, flat, in `GET /api/v1/agents/{id}`. */
  readonly describe?: (id: AgentId) => Readonly<Record<string, unknown>>
  /** Who keeps limits; without it a registration that brings some is refused. */
  readonly enrolment?: EnrolmentDesk
  /** Whether an agent may be acted on or is stopped: no process takes its id or disputes it by naming itself so. */
  readonly isKept?: (agent: Agent) => boolean
  /** Whether the agent, whose root process this is, stands still in a frozen control group. */
  readonly isFrozen?: (agent: Agent, root: number) => boolean
  /** Awaited before an agent is deleted: whoever stopped it lets it go. Rejects when it could not. */
  readonly beforeRemove?: (agent: Agent, actor: string) => Promise<void>
}

/** What the other rooms use. */
export interface Agents {
  readonly feature: Feature
  get(id: AgentId): Agent | undefined
  /** Live and lately ended agents, oldest first. */
  list(): Iterable<Agent>
  history(id: AgentId): History | undefined
  /** The processes of a live process agent now; a snapshot must be copied. */
  tree(agent: Agent): Tree | undefined
  /** What the engine says of a live container agent. */
  container(agent: Agent): ContainerInfo | undefined
  /**
   * The memory of one live agent now, between two samples; its reading, history and counters stay as they are.
   * A container costs two or four files, a tree two per process. Undefined when nothing, or not all of it, was read.
   */
  look(agent: Agent): MemoryReading | undefined
  /** Whether what this caller says about the agent counts; every route that takes usage asks. */
  mayTell(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<boolean>
  /** Ends an agent without a runtime once somebody has terminated it; it does not come back after a restart. */
  retire(agent: Agent): void
  /**
   * The processes of an agent by a pass over the process table made now, for acting on them; reads no other agent.
   * `undefined` when the tree has ended.
   */
  snapshot(agent: Agent, thoroughness?: Thoroughness): Promise<TreeSnapshot | undefined>
  /** For the series cap: the highest number is left out first. */
  newestFirst(id: AgentId): number
  /** Something was recorded for this agent: it is active though it uses no CPU. */
  touch(id: AgentId): void
  /** A full sample, shared with every scrape at the same time. */
  freshen(deadline: AbortSignal): Promise<void>
  /** What is kept in memory, for tests of growth. */
  size(): Readonly<Record<string, number>>
}

/** Totals are kept this often; what the kernel still knows is counted again anyway. */
const CHECKPOINT_MS = 30_000
/** An engine that was slow at start has told its containers by now. */
const SETTLED_MS = 600_000
/** First passes at start: whoever was found below somebody unknown is looked at once more. */
const FIRST_PASSES = 3

/** An engine that does not answer hides new and ended containers; a machine without one hides nothing. */
function engineFault({ state, detail }: EngineStatus): string | undefined {
  return state === 'unreachable'
    ? `the container engine does not answer: ${detail ?? 'no reason'}`
    : undefined
}

/** Builds the room. Nothing is read before `feature.start`. */
export function createAgents(dependencies: AgentsDependencies): Agents {
  const { clock, bus, log, table, reader, slow, space, options } = dependencies
  const { enrolment, isKept } = dependencies
  const registry = createRegistry({
    clock,
    bus,
    retentionMs: options.retentionMs,
    ...(isKept === undefined ? {} : { isKept }),
    onBound: (from, to) => enrolment?.inherit?.(from, to),
  })
  const repository = createAgentsRepository(dependencies.store, clock.now)
  const quota = createQuota()
  const testimony = createTestimony(options.ownUid)
  let checkpoints: ReadonlyMap<Incarnation, Counters> = new Map()
  let checkpointAtMs = Number.NEGATIVE_INFINITY
  let closed: Promise<void> | undefined
  const startedAtMono = clock.monotonic()
  const startedAtMs = clock.now()

  const { containers: parts } = dependencies
  const reached = (incarnation: Incarnation) => checkpoints.get(incarnation)
  const containers =
    parts &&
    createContainerSource({ ...parts, clock, registry, discover: options.discoverContainers, reached })
  const processes = createProcessSource({
    clock,
    registry,
    table,
    reader,
    slow,
    space,
    quota,
    discover: options.discoverProcesses,
    commands: options.commands,
    inContainer: (pid) => containers?.contains(pid) ?? false,
    standsAlone: (agent) => enrolment?.of?.(agent) !== undefined,
    isFrozen: dependencies.isFrozen ?? (() => false),
    startedAtMs: dependencies.startedAtMs,
    reached,
    turn: () => setImmediate(),
  })

  async function find(): Promise<void> {
    registry.expire()
    if (containers?.update() === 'grown') processes.yieldToContainers()
    await processes.update()
  }

  const sampler = createSampler({
    clock,
    intervalMs: options.intervalMs,
    onError: (error) => log.error('a sample failed', { error: String(error) }),
    async sample(depth) {
      await find()
      processes.identify().catch((error) => log.error('identification failed', { error: String(error) }))
      await processes.read(depth)
      containers?.read(depth)
      bus.emit('sample', { atMs: clock.monotonic(), depth })
      checkpoint()
    },
  })

  function enforceLabel(agent: Agent): 'true' | 'other' | undefined {
    if (agent.runtime !== 'container') return undefined
    return containers?.container(agent)?.labels[ENFORCE_LABEL] === 'true' ? 'true' : 'other'
  }

  const register = createRegister({
    clock,
    log,
    registry,
    processes,
    containers,
    table,
    space,
    repository,
    pass: () => sampler.pass(),
    enrolling: createEnrolling({ desk: enrolment, label: enforceLabel }),
    beforeRemove: dependencies.beforeRemove ?? (async () => {}),
  })

  function checkpoint(): void {
    const now = clock.monotonic()
    if (now - checkpointAtMs < CHECKPOINT_MS) return
    checkpointAtMs = now
    for (const agent of registry.list()) if (agent.endedAtMs === undefined) repository.checkpoint(agent)
    if (closed === undefined && now - startedAtMono >= SETTLED_MS) closed = closeUnseen()
  }

  /** By now everybody who lives has been seen. */
  async function closeUnseen(): Promise<void> {
    checkpoints = new Map()
    try {
      await repository.closeUnseen(startedAtMs)
    } catch (error) {
      log.warn('incarnations that ended unseen were not closed', { error: String(error) })
    }
  }

  const collectors = createAgentCollectors({
    agents: () => registry.list(),
    freshen: sampler.freshen,
    containerFault: () => (parts === undefined ? undefined : engineFault(parts.engine.status())),
    detail: options.perAgentMetrics,
    exposePaths: options.exposePaths,
    own: () => ({
      samplesMissed: sampler.missed,
      sampleSeconds: sampler.lastMs === undefined ? undefined : sampler.lastMs / 1_000,
      identificationsDropped: processes.candidates.dropped,
    }),
  })

  async function restore(): Promise<void> {
    try {
      checkpoints = await repository.checkpoints()
      register.restore(await repository.registrations())
    } catch (error) {
      // Without the store everything is still measured; only names given earlier and old totals are missing.
      log.warn('registrations could not be read', { error: String(error) })
    }
  }

  const feature: Feature = {
    name: 'agents',
    collectors,
    routes: agentRoutes({
      clock,
      registry,
      admit: createAdmission({ clock, registry, quota, register, testimony }),
      register,
      exposePaths: options.exposePaths,
      describe: dependencies.describe ?? (() => ({})),
    }),
    health() {
      let live = 0
      for (const agent of registry.list()) if (agent.endedAtMs === undefined) live++
      return { status: 'healthy', agents: live, samplesMissed: sampler.missed }
    },
    async start() {
      bus.on('agent.exited', ({ agent }) => repository.checkpoint(agent))
      await find()
      await restore()
      for (let pass = 0; pass < FIRST_PASSES; pass++) {
        await processes.identify()
        await find()
      }
      await sampler.freshen(new AbortController().signal)
      sampler.start()
    },
    async stop() {
      await sampler.stop()
      checkpointAtMs = Number.NEGATIVE_INFINITY
      checkpoint()
    },
  }

  return {
    feature,
    get: registry.get,
    list: registry.list,
    history: (id) => registry.get(id)?.history,
    tree: processes.tree,
    container: (agent) => containers?.container(agent),
    look(agent) {
      if (agent.endedAtMs !== undefined) return undefined
      return agent.runtime === 'container' ? containers?.look(agent) : processes.look(agent)
    },
    mayTell: testimony.mayTell,
    retire: register.retire,
    snapshot: processes.snapshot,
    newestFirst: (id) => registry.get(id)?.ordinal ?? Number.POSITIVE_INFINITY,
    touch(id) {
      const agent = registry.get(id)
      if (agent !== undefined) registry.touch(agent)
    },
    freshen: sampler.freshen,
    size: () => ({ ...processes.size(), waiting: processes.candidates.waiting }),
  }
}
