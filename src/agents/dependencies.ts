import type { Bus } from '../platform/bus.ts'
import type { CgroupFinder } from '../platform/cgroup/reader.ts'
import type { Clock } from '../platform/clock.ts'
import type { DockerEngine } from '../platform/docker/container.ts'
import type { NetworkReader } from '../platform/docker/network.ts'
import type { StatsFallback } from '../platform/docker/stats-fallback.ts'
import type { Log } from '../platform/log.ts'
import type { ProcessReader, ProcessTable, SlowLane } from '../platform/proc/process.ts'
import type { Store } from '../platform/store/store.ts'
import type { EnrolmentDesk } from './enrolment.ts'
import type { Agent, AgentEvents, AgentId, ProcessSpace } from './model.ts'
import type { AgentsTables } from './tables.ts'

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
  readonly engine: Pick<DockerEngine, 'containers' | 'status' | 'on'>
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
