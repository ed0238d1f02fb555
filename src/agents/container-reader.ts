import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import { type CgroupRef, emptySample } from '../platform/cgroup/sample.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerInfo } from '../platform/docker/container.ts'
import type { NetworkReader } from '../platform/docker/network.ts'
import type { StatsFallback } from '../platform/docker/stats-fallback.ts'
import type { ReadDepth } from '../platform/proc/process.ts'
import type { Condition } from './activity.ts'
import type { ContainerKills } from './container-kills.ts'
import { fillFromCgroup, fillNetwork, memoryOfCgroup } from './container-reading.ts'
import type { Agent } from './model.ts'
import { clearGauges, type MemoryReading } from './reading.ts'

/** One agent that is a container. */
export interface ContainerAgent {
  readonly agent: Agent
  container: ContainerInfo
  /** Looked up once: a container keeps its control group for its whole incarnation. */
  readonly group: CgroupRef | undefined
  statsAtMs: number
  asking: boolean
}

/** Reads containers from the files of their control groups or, where those cannot be reached, from the engine. */
export interface ContainerReader {
  /** Fills its reading; what has to be asked of the engine comes later. */
  read(known: ContainerAgent, depth: ReadDepth): Condition | 'gone'
  /** Its memory now, from two or four files; undefined when they cannot be read. */
  look(known: ContainerAgent): MemoryReading | undefined
  /** OOM kills as its group counts them now; undefined when it cannot be read. */
  oomKills(known: ContainerAgent): number | undefined
}

export interface ContainerReaderOptions {
  readonly clock: Clock
  readonly cgroups: Pick<CgroupFinder, 'read' | 'processes'>
  readonly network: NetworkReader
  readonly stats: StatsFallback
  readonly kills: Pick<ContainerKills, 'counted'>
}

/** A remote engine is asked this often: its answers cost it up to a second each. */
const STATS_INTERVAL_MS = 15_000

export function createContainerReader(options: ContainerReaderOptions): ContainerReader {
  const { clock, cgroups, network, stats, kills } = options
  const sample = emptySample()
  const glance = emptySample()

  async function ask(known: ContainerAgent): Promise<void> {
    known.asking = true
    known.statsAtMs = clock.monotonic()
    const answer = emptySample()
    const { outcome, network } = await stats.read(known.container.id, answer)
    known.asking = false
    if (known.agent.endedAtMs !== undefined) return
    if (outcome !== 'ok') return clearGauges(known.agent.reading)
    fillFromCgroup(known.agent.reading, answer, known.container)
    kills.counted(known.container.id, known.agent)
    fillNetwork(known.agent.reading, network)
  }

  function readFiles(known: ContainerAgent, group: CgroupRef, depth: ReadDepth): Condition | 'gone' {
    const { container, agent } = known
    const { reading } = agent
    const outcome = cgroups.read(group, sample)
    if (outcome !== 'ok') {
      clearGauges(reading)
      return outcome === 'gone' ? 'gone' : 'alive'
    }
    fillFromCgroup(reading, sample, container)
    kills.counted(container.id, agent)
    if (depth === 'full') {
      reading.processes = cgroups.processes(group)?.length
      fillNetwork(reading, container.pid === undefined ? undefined : network.read(container.pid))
    }
    return sample.frozen === true ? 'paused' : 'alive'
  }

  return {
    read(known, depth) {
      if (known.group !== undefined) return readFiles(known, known.group, depth)
      if (!known.asking && clock.monotonic() - known.statsAtMs >= STATS_INTERVAL_MS) void ask(known)
      return 'alive'
    },
    look({ group, container }) {
      if (group === undefined || cgroups.read(group, glance, 'memory') !== 'ok') return undefined
      return memoryOfCgroup(glance, container)
    },
    oomKills({ group }) {
      return group !== undefined && cgroups.read(group, glance) === 'ok' ? glance.oomKills : undefined
    },
  }
}
