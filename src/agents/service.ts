import { setImmediate } from 'node:timers/promises'
import type { Unsubscribe } from '../platform/bus.ts'
import { type ContainerInfo, ENFORCE_LABEL, type EngineStatus } from '../platform/docker/container.ts'
import type { Feature } from '../platform/feature.ts'
import type { Caller } from '../platform/http/caller.ts'
import type { Thoroughness, TreeSnapshot } from '../runtimes/model.ts'
import { createAdmission } from './admission.ts'
import { fullAnswer } from './answer.ts'
import { createCheckpoints } from './checkpoints.ts'
import { createAgentCollectors } from './collectors.ts'
import { createContainerSource } from './container-source.ts'
import type { AgentsDependencies } from './dependencies.ts'
import { createEnrolling } from './enrolment.ts'
import type { History } from './history.ts'
import type { Agent, AgentId, Incarnation } from './model.ts'
import { createProcessSource } from './process-source.ts'
import { createQuota } from './quota.ts'
import type { MemoryReading } from './reading.ts'
import { createRegister } from './register.ts'
import { createRegistry } from './registry.ts'
import { createAgentsRepository } from './repository.ts'
import { agentRoutes } from './routes.ts'
import { createSampler } from './sampler.ts'
import { createTestimony } from './testimony.ts'
import type { Tree } from './tree.ts'

/** What the other rooms use. */
export interface Agents {
  readonly feature: Feature
  get(id: AgentId): Agent | undefined
  /** Live and lately ended agents, oldest first. */
  list(): Iterable<Agent>
  history(id: AgentId): History | undefined
  /** Everything that is known of it, as `GET /api/v1/agents/{id}` answers. */
  answer(agent: Agent): Readonly<Record<string, unknown>>
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
  /**
   * Somebody found out that the kernel killed the main process of this life of a container for memory (`main`), or some
   * process of it at some time (`some`). Kills that were counted already are not counted again.
   */
  oomKilled(incarnation: Incarnation, killed: 'main' | 'some'): void
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
  const describe = dependencies.describe ?? (() => ({}))
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
  const checkpoints = createCheckpoints({ clock, log, repository, agents: () => registry.list() })
  const { reached } = checkpoints
  let deaf: Unsubscribe | undefined

  const { containers: parts } = dependencies
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
      checkpoints.tick()
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
      await checkpoints.load()
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
      describe,
    }),
    health() {
      let live = 0
      for (const agent of registry.list()) if (agent.endedAtMs === undefined) live++
      return { status: 'healthy', agents: live, samplesMissed: sampler.missed }
    },
    async start() {
      bus.on('agent.exited', ({ agent }) => repository.checkpoint(agent))
      if (containers !== undefined) deaf = parts?.engine.on(containers.hear)
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
      deaf?.()
      checkpoints.keep()
    },
  }

  return {
    feature,
    get: registry.get,
    list: registry.list,
    history: (id) => registry.get(id)?.history,
    answer: (agent) =>
      fullAnswer(agent, { exposePaths: options.exposePaths, nowMs: clock.now() }, describe(agent.id)),
    tree: processes.tree,
    container: (agent) => containers?.container(agent),
    look(agent) {
      if (agent.endedAtMs !== undefined) return undefined
      return agent.runtime === 'container' ? containers?.look(agent) : processes.look(agent)
    },
    mayTell: testimony.mayTell,
    oomKilled: (incarnation, killed) => containers?.oomKilled(incarnation, killed),
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
