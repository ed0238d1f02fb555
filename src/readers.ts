import { type CgroupFinder, createCgroupReader } from './platform/cgroup/reader.ts'
import type { DockerEngine } from './platform/docker/container.ts'
import { createDockerEngine } from './platform/docker/engine.ts'
import { createNetworkReader, type NetworkReader } from './platform/docker/network.ts'
import { type AvailableMemory, createAvailableMemory } from './platform/host/available-memory.ts'
import { createHostCollector, type HostCollector } from './platform/host/collector.ts'
import { createFilesystems } from './platform/host/filesystems.ts'
import { createHostReader } from './platform/host/host-reader.ts'
import { readStaticFacts, type StaticFacts } from './platform/host/static-facts.ts'
import { createPidusageReader } from './platform/proc/pidusage-reader.ts'
import { createPortableLane } from './platform/proc/portable-lane.ts'
import { createPortableTable } from './platform/proc/portable-table.ts'
import { createProcReader } from './platform/proc/proc-reader.ts'
import type { ProcessReader, ProcessTable, SlowLane } from './platform/proc/process.ts'
import { createProcessTable } from './platform/proc/process-table.ts'
import { createSlowLane } from './platform/proc/slow-lane.ts'
import type { Settings } from './settings.ts'

/** Everything that reads the machine, chosen once at start. */
export interface Readers {
  readonly table: ProcessTable
  readonly process: ProcessReader
  readonly slow: SlowLane
  readonly cgroups: CgroupFinder
  readonly docker: DockerEngine
  readonly network: NetworkReader
  readonly host: HostCollector
  readonly available: AvailableMemory
  /** Finds out what the host is, once, off the loop. Of a mounted foreign /proc nothing is known. */
  learnHost(): Promise<void>
  close(): Promise<void>
}

/** The fast readers on Linux, the portable ones elsewhere or when asked for. Opens nothing that blocks. */
export function createReaders(settings: Settings): Readers {
  const { procRoot, cgroupRoot, processReader, clock, log, environment, statfs } = settings
  const linux = process.platform === 'linux'
  const portable = processReader === 'pidusage' || (processReader === 'auto' && !linux)
  const monotonic = clock.monotonic
  const reader = portable ? createPidusageReader() : createProcReader({ root: procRoot, monotonic })
  const table = linux ? createProcessTable({ root: procRoot, monotonic }) : createPortableTable()
  const slow = linux ? createSlowLane({ root: procRoot, clock }) : createPortableLane({ table })
  let facts: StaticFacts | undefined
  const available = createAvailableMemory(procRoot)
  const cgroups = createCgroupReader({ root: cgroupRoot, procRoot, clock })
  return {
    table,
    process: reader,
    slow,
    cgroups,
    docker: createDockerEngine({
      clock,
      ...(environment === undefined ? {} : { environment }),
      onListenerError: (error) => log.error('a container change was not taken', { error: String(error) }),
    }),
    network: createNetworkReader(procRoot),
    available,
    async learnHost() {
      if (procRoot === '/proc') facts = await readStaticFacts()
    },
    host: createHostCollector({
      facts: () => facts,
      reader: createHostReader({
        root: procRoot,
        ...(statfs === undefined ? {} : { filesystems: createFilesystems({ clock, statfs }) }),
      }),
    }),
    async close() {
      reader.close()
      available.close()
      cgroups.close()
      await slow.close()
    },
  }
}
