import type { ActingEvents } from './acting.ts'
import type { Agents } from './agents/service.ts'
import { type Compat, createCompat } from './compat/feature.ts'
import { createMetricsRepository } from './compat/repository.ts'
import type { CompatTables } from './compat/tables.ts'
import type { ControlDesk } from './control/model.ts'
import { momentOf } from './control/record.ts'
import { createCrashFeature } from './crashes/feature.ts'
import type { CrashEvents } from './crashes/model.ts'
import { type Crashes, createCrashes } from './crashes/service.ts'
import { createCrashSources } from './crashes/sources.ts'
import type { CrashesTables } from './crashes/tables.ts'
import { actingOf, judgingOf } from './judging.ts'
import { createMemoryActions } from './memory/actions.ts'
import { createExcursionRepository } from './memory/excursions.ts'
import type { MemoryEvents } from './memory/record.ts'
import { createAlertRepository } from './memory/repository.ts'
import { createMemory, type Memory } from './memory/service.ts'
import type { MemoryTables } from './memory/tables.ts'
import type { Bus } from './platform/bus.ts'
import { namespacedContainerId } from './platform/docker/own-container.ts'
import type { Feature } from './platform/feature.ts'
import { readHostMemory } from './platform/host/memory.ts'
import type { Store } from './platform/store/store.ts'
import type { Readers } from './readers.ts'
import type { Settings } from './settings.ts'

/** What the watching rooms tell beyond what the acting ones do. */
export type WatchingEvents = CrashEvents & MemoryEvents

export interface WatchingStores {
  readonly store: Pick<
    Store<CrashesTables & MemoryTables & CompatTables>,
    'db' | 'put' | 'enqueue' | 'flush' | 'daemonId'
  >
}

/** The rooms that see it coming, and say what it was. */
export interface Watching {
  readonly memory: Memory
  readonly crashes: Crashes
  /** Start before the room of the agents, whose events they need from the first. */
  readonly features: readonly Feature[]
  /** What they know of one agent, flat. */
  describe(id: string): Readonly<Record<string, unknown>>
}

export interface WatchingOptions {
  readonly settings: Settings
  readonly stores: WatchingStores
  readonly readers: Readers
  readonly bus: Bus<ActingEvents & WatchingEvents>
  readonly desk: ControlDesk
  readonly bootId: string
  readonly agents: Agents
}

/** Builds what follows memory and finds out about ends. Nothing is opened or started yet. */
export function createWatching({
  settings,
  stores,
  readers,
  bus,
  desk,
  bootId,
  agents,
}: WatchingOptions): Watching {
  const { clock, log, config, procRoot } = settings
  const { store } = stores
  const alerts = createAlertRepository(store)
  let judging = judgingOf(config.current)
  let acting = actingOf(config.current)
  config.onChange((next) => {
    judging = judgingOf(next)
    acting = actingOf(next)
  })

  const memory = createMemory({
    clock,
    bus,
    agents,
    config: () => judging,
    hostAvailableBytes: readers.available.read,
    look: (agent) => agents.look(agent),
    save: alerts.save,
    crossed: (agent, level, atMs) => actions.crossed(agent, level, atMs),
  })
  const actions = createMemoryActions({
    clock,
    moment: () => momentOf(clock, bootId),
    log,
    bus,
    agents,
    control: desk,
    excursions: createExcursionRepository(store),
    config: () => acting,
    state: memory.of,
    ownLimitBytes: (agent) => agents.container(agent)?.memoryLimitBytes,
    raise: memory.raise,
  })

  const crashes = createCrashes({
    clock,
    log,
    bus,
    store,
    agents,
    config: () => config.current.crashes,
    live: (visible) => compat.live(visible),
    sources: createCrashSources({
      clock,
      procRoot,
      engine: readers.docker,
      cgroups: readers.cgroups,
      ownContainer: namespacedContainerId(procRoot),
      reader: readers.process,
      members: (agent) => agents.tree(agent)?.members.keys() ?? [],
      desk,
      trend: memory.trend,
    }),
  })

  const memoryFeature: Feature = {
    name: 'memory',
    collectors: [memory.collector],
    describe: (id) => ({ memory: memory.describe(id) ?? null }),
    // That agents are in trouble is no trouble of the exporter.
    health: () => ({ status: 'healthy', ...memory.counts() }),
    start: actions.start,
    async stop() {
      memory.stop()
      actions.stop()
    },
  }
  const compat: Compat = createCompat({
    clock,
    log,
    bus,
    daemonId: store.daemonId,
    agents,
    metrics: createMetricsRepository(store),
    alerts,
    memory: memory.of,
    pidOf: (agent) => agents.tree(agent)?.root.pid ?? agents.container(agent)?.pid,
    host: () => readHostMemory(procRoot),
    crashes24h: (visible) => crashes.insights(visible).stats.crashes24h,
  })
  const crashFeature = createCrashFeature({
    crashes,
    agents,
    daemonId: store.daemonId,
    alerts: compat.health,
    daemons: compat.daemons,
  })
  return {
    memory,
    crashes,
    features: [memoryFeature, crashFeature, compat.feature],
    describe: (id) => ({ ...memoryFeature.describe?.(id), ...crashFeature.describe?.(id) }),
  }
}
