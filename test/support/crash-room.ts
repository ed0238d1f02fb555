import { randomUUID } from 'node:crypto'
import { createActing } from '../../src/acting.ts'
import { type Agents, createAgents } from '../../src/agents/service.ts'
import type { AgentsTables } from '../../src/agents/tables.ts'
import { agentsMigration, agentUidMigration } from '../../src/agents/tables.ts'
import { createConfigHolder } from '../../src/config/holder.ts'
import { parseConfig } from '../../src/config/load.ts'
import type { ControlDesk } from '../../src/control/model.ts'
import { type ControlTables, controlMigration } from '../../src/control/tables.ts'
import { createCrashFeature } from '../../src/crashes/feature.ts'
import type { CrashEvents } from '../../src/crashes/model.ts'
import { type Crashes, createCrashes } from '../../src/crashes/service.ts'
import { createCrashSources } from '../../src/crashes/sources.ts'
import { type CrashesTables, crashesMigration } from '../../src/crashes/tables.ts'
import { type ExhaustionTables, exhaustionMigration } from '../../src/exhaustion/tables.ts'
import { type Bus, createBus } from '../../src/platform/bus.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { namespacedContainerId } from '../../src/platform/docker/own-container.ts'
import { createStatsFallback } from '../../src/platform/docker/stats-fallback.ts'
import { createLog } from '../../src/platform/log.ts'
import {
  readBootId,
  readBootTime,
  readKernelFacts,
  readPidNamespace,
} from '../../src/platform/proc/kernel-facts.ts'
import { openStore } from '../../src/platform/store/open.ts'
import { createReaders } from '../../src/readers.ts'
import type { Settings } from '../../src/settings.ts'
import { type UsageTables, usageMigration } from '../../src/usage/tables.ts'
import { temporaryFolder } from './folder.ts'

type Tables = AgentsTables & UsageTables & ExhaustionTables & ControlTables & CrashesTables
type Events = Parameters<typeof createActing>[0]['bus'] extends Bus<infer Known> ? Known & CrashEvents : never

/** The rooms of the daemon that crashes depend on, real and on a store of their own, without HTTP. */
export interface CrashRoom extends AsyncDisposable {
  readonly crashes: Crashes
  readonly agents: Agents
  readonly desk: ControlDesk
  readonly bus: Bus<Events>
}

export interface CrashRoomOptions {
  /** Where the engine is; none when left out. */
  readonly dockerHost?: string
  /** As if only this could be read for the kernel's log. */
  readonly kernelLogPath?: string
}

export async function startCrashRoom({ dockerHost, kernelLogPath }: CrashRoomOptions): Promise<CrashRoom> {
  const folder = temporaryFolder()
  const clock = systemClock
  const log = createLog({ level: 'warn', format: 'logfmt' })
  const text = JSON.stringify({ control: { lock: `crashes-${randomUUID()}`, maxFleetShare: 1, grace: '1s' } })
  const loaded = { config: parseConfig('test', text, {}), file: undefined }
  const config = createConfigHolder(loaded, () => loaded, clock.now)
  const settings: Settings = {
    ...{ config, clock, log, dataDir: folder.path, listenAddresses: [], webConfigFile: undefined },
    ...{ maxRequests: 1, procRoot: '/proc', cgroupRoot: '/sys/fs/cgroup', processReader: 'auto' },
    disabledCollectors: [],
    environment: { DOCKER_HOST: dockerHost ?? 'unix:///nowhere' },
  }
  const store = await openStore<Tables>({
    ...{ url: 'sqlite', dataDir: folder.path, daemonId: 'test', clock, log },
    migrations: [
      ...[agentsMigration, agentUidMigration, usageMigration, exhaustionMigration],
      ...[controlMigration, crashesMigration],
    ],
  })
  const readers = createReaders(settings)
  const bus = createBus<Events>((error, event) => {
    throw new Error(`a handler of ${event} failed`, { cause: error })
  })
  const space = { bootId: readBootId() ?? '', pidNamespace: String(readPidNamespace('self')) }
  const { clockTicks } = readKernelFacts()
  const bootMs = (readBootTime() ?? 0) * 1_000
  const acting = createActing({
    ...{ settings, readers, bus: bus as never, bootId: space.bootId, agents: () => agents },
    stores: { store: store as never, journal: store as never, copy: undefined },
  })
  const agents: Agents = createAgents({
    ...{
      clock,
      bus: bus as never,
      log,
      table: readers.table,
      reader: readers.process,
      slow: readers.slow,
      space,
    },
    startedAtMs: (ticks) => bootMs + (ticks / clockTicks) * 1_000,
    containers: {
      ...{ engine: readers.docker, cgroups: readers.cgroups, network: readers.network },
      ownContainer: namespacedContainerId(),
      stats: createStatsFallback({ stats: (id) => readers.docker.stats(id) }),
    },
    store: store as never,
    options: {
      ...{ intervalMs: 1_000, retentionMs: () => 60_000, discoverProcesses: () => true },
      ...{ commands: () => new Set<string>(), discoverContainers: () => true, ownUid: process.geteuid?.() },
      ...{ perAgentMetrics: () => 'core', exposePaths: () => false },
    },
  })
  const crashes = createCrashes({
    ...{ clock, log, bus: bus as never, store: store as never, agents },
    config: () => ({ retain: 1_000, outputTail: 2_000 }),
    sources: createCrashSources({
      ...{ clock, procRoot: '/proc', engine: readers.docker, cgroups: readers.cgroups },
      ...{ ownContainer: namespacedContainerId(), reader: readers.process, desk: acting.desk },
      members: (agent) => agents.tree(agent)?.members.keys() ?? [],
      ...(kernelLogPath === undefined ? {} : { kernelLogPath }),
    }),
  })
  const feature = createCrashFeature({ crashes, agents, daemonId: 'test' })
  await readers.docker.start()
  for (const feature of acting.before) await feature.start?.()
  await feature.start?.()
  await agents.feature.start?.()
  for (const feature of acting.after) await feature.start?.()
  return {
    ...{ crashes, agents, desk: acting.desk, bus },
    async [Symbol.asyncDispose]() {
      for (const feature of acting.after) await feature.stop?.()
      await agents.feature.stop?.()
      await feature.stop?.()
      for (const feature of acting.before.toReversed()) await feature.stop?.()
      await readers.docker.stop()
      await readers.close()
      await store.close()
      folder[Symbol.dispose]()
    },
  }
}
