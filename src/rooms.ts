import { type Acting, type ActingEvents, type ActingStores, createActing } from './acting.ts'
import { type Agents, createAgents } from './agents/service.ts'
import type { AgentsTables } from './agents/tables.ts'
import { type AlertingEvents, type AlertingStores, createAlerting } from './alerting.ts'
import { announceOn } from './announcements.ts'
import { createEvents } from './events/service.ts'
import { createPages } from './pages.ts'
import { createBus } from './platform/bus.ts'
import { createFrozenReader } from './platform/cgroup/frozen.ts'
import { namespacedContainerId } from './platform/docker/own-container.ts'
import { createStatsFallback } from './platform/docker/stats-fallback.ts'
import { createScrapeRhythm, type ScrapeRhythm } from './platform/exposition/rhythm.ts'
import type { Collector, Feature } from './platform/feature.ts'
import { readBootId, readBootTime, readKernelFacts, readPidNamespace } from './platform/proc/kernel-facts.ts'
import type { StoreStats } from './platform/store/stats.ts'
import type { Store } from './platform/store/store.ts'
import { createReaders, type Readers } from './readers.ts'
import { createSelf, type Self } from './self.ts'
import { COLLECTOR_NAMES, type Settings } from './settings.ts'
import { createWatching, type WatchingEvents, type WatchingStores } from './watching.ts'

/** Where the rooms keep what must survive. */
export interface RoomStores extends ActingStores {
  readonly store: ActingStores['store'] &
    WatchingStores['store'] &
    Pick<Store<AgentsTables>, 'db' | 'enqueue' | 'daemonId'>
  readonly journal: ActingStores['journal'] & AlertingStores['journal']
}

/** Every room of the house, built and not yet started. */
export interface Rooms {
  readonly readers: Readers
  readonly agents: Agents
  readonly acting: Acting
  /** Hears alerts and has them followed. */
  readonly alerting: Feature
  readonly rhythm: ScrapeRhythm
  readonly self: Self
  /** In the order in which they start; they stop in the reverse order. */
  readonly features: readonly Feature[]
  /** All collectors, enabled or not, in the order in which they are printed. */
  readonly collectors: readonly Collector[]
  close(): Promise<void>
}

/** Builds the rooms and hands each what it needs. Nothing is read, opened or started yet. */
export function createRooms(
  settings: Settings,
  stores: RoomStores,
  storeStats: () => StoreStats | undefined,
): Rooms {
  const { clock, log, config } = settings
  const readers = createReaders(settings)
  // Discovery changes at a restart only: whoever runs already is not looked at again.
  const { discovery } = config.current.agents
  const commands = new Set(discovery.commands)
  const bus = createBus<ActingEvents & WatchingEvents & AlertingEvents>((error, event) =>
    log.error('an event handler failed', { event, error: String(error) }),
  )
  const space = processSpace(settings.procRoot)
  const events = createEvents(clock, log, () => settings.listenAddresses[0] ?? '')
  announceOn(bus, events.log)
  const acting = createActing({
    settings,
    stores,
    readers,
    bus,
    bootId: space.bootId,
    agents: () => agents,
  })
  const isFrozen = createFrozenReader(settings.cgroupRoot, settings.procRoot)
  const agents: Agents = createAgents({
    clock,
    bus,
    log,
    table: readers.table,
    reader: readers.process,
    slow: readers.slow,
    space,
    startedAtMs: startTimes(settings),
    containers: {
      engine: readers.docker,
      cgroups: readers.cgroups,
      network: readers.network,
      ownContainer: namespacedContainerId(settings.procRoot),
      stats: createStatsFallback({ stats: (id) => readers.docker.stats(id) }),
    },
    store: stores.store,
    describe: (id) => ({ ...acting.describe(id), ...watching.describe(id) }),
    enrolment: acting.exhaustion,
    isKept: (agent) => acting.exhaustion.enforced(agent) || acting.desk.isHeld(agent.id),
    // Of those that nobody holds it is not asked: two files per agent and second.
    isFrozen: (agent, root) => acting.desk.isHeld(agent.id) && isFrozen(root),
    beforeRemove: (agent, actor) => acting.desk.letGo(agent.id, actor),
    options: {
      intervalMs: config.current.sampling.interval,
      retentionMs: () => config.current.agents.retention,
      commands: () => commands,
      discoverProcesses: () => discovery.processes,
      discoverContainers: () => discovery.containers,
      perAgentMetrics: () => config.current.agents.perAgentMetrics,
      exposePaths: () => config.current.agents.exposePaths,
      ownUid: process.geteuid?.(),
    },
  })
  const watching = createWatching({
    ...{ settings, stores, readers, bus, agents },
    ...{ desk: acting.desk, bootId: space.bootId },
  })
  bus.on('agent.ended', ({ subject, verdict: { cause, confidence } }) => {
    if (subject.runtime !== 'container') return
    const isKnown = cause === 'oom_cgroup' || (cause === 'oom_host' && confidence === 'high')
    // Of low confidence it is only that the engine says OOMKilled, which may also have been a child long ago.
    if (isKnown) agents.oomKilled(subject.incarnation, confidence === 'low' ? 'some' : 'main')
  })
  const rhythm = createScrapeRhythm()
  const alerting = createAlerting({
    ...{ settings, stores, bus, agents, acting, rhythm },
    ...{ memory: watching.memory, bootId: space.bootId },
  })
  const self = createSelf(clock, config, storeStats)
  const features: Feature[] = [
    dockerFeature(readers),
    ...acting.before,
    ...watching.features,
    agents.feature,
    ...acting.after,
    alerting,
    hostFeature(readers),
    events.feature,
    createPages({ settings, agents, acting, watching, events: events.log }),
    ...(settings.additions ?? []).map((create) =>
      create({ clock, log, procRoot: settings.procRoot, agents: agents.list }),
    ),
  ]
  return {
    readers,
    agents,
    acting,
    alerting,
    rhythm,
    self,
    features,
    collectors: inOrder([...features.flatMap(({ collectors = [] }) => collectors), self.collector]),
    async close() {
      self.close()
      await readers.close()
    },
  }
}

/** As `/metrics` prints them: what is measured first, then what is judged and done, then additions, ourselves last. */
function inOrder(collectors: readonly Collector[]): Collector[] {
  const names: readonly string[] = COLLECTOR_NAMES
  const beforeOurselves = names.length - 1.5
  const place = ({ name }: Collector): number =>
    names.includes(name) ? names.indexOf(name) : beforeOurselves
  return collectors.toSorted((a, b) => place(a) - place(b))
}

function hostFeature({ host, learnHost }: Readers): Feature {
  return {
    name: 'host',
    collectors: [host],
    // Not waited for: it takes a fraction of a second and only decorates.
    async start() {
      void learnHost()
    },
  }
}

function dockerFeature({ docker }: Readers): Feature {
  return {
    name: 'docker',
    start: () => docker.start(),
    stop: () => docker.stop(),
    health() {
      const { state, ...rest } = docker.status()
      // A machine without Docker is not ill; one whose engine does not answer is.
      return { status: state === 'unreachable' ? 'degraded' : 'healthy', state, ...rest }
    },
  }
}

function processSpace(procRoot: string): { bootId: string; pidNamespace: string } {
  return {
    bootId: readBootId(procRoot) ?? 'unknown',
    pidNamespace: String(readPidNamespace('self', procRoot) ?? 'unknown'),
  }
}

/** Wall clock of a start time: boot time (`btime`) plus ticks. The boot time is a whole second, so is the precision. */
function startTimes({ procRoot, clock }: Settings): (startTime: number) => number {
  const { clockTicks } = readKernelFacts(procRoot)
  const bootMs = (readBootTime(procRoot) ?? clock.now() / 1000) * 1000
  return (startTime) => bootMs + (startTime / clockTicks) * 1000
}
