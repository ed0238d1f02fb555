import { counter, type Family, gauge } from '../platform/exposition/family.ts'
import type { Reading } from './reading.ts'

/** Families of this room. `agent_state` has a series for every state, exactly one of them 1. */
export const agentInfo = gauge('agent_info', {
  labels: ['agent', 'name', 'role', 'runtime', 'vendor', 'workspace'],
  help: 'What is known of the agent, always 1; empty labels are not known.',
})
export const agentState = gauge('agent_state', {
  labels: ['agent', 'state'],
  help: 'Whether the agent is in this state (1) or not (0); running and idle are told apart by CPU use of the last minute.',
})
export const agentStart = gauge('agent_start_timestamp_seconds', {
  unit: 'seconds',
  labels: ['agent'],
  help: 'When the incarnation started (field 22 of /proc/<pid>/stat, StartedAt of the container, or the registration).',
})
export const agentLastActivity = gauge('agent_last_activity_timestamp_seconds', {
  unit: 'seconds',
  labels: ['agent'],
  help: 'When the agent last used at least 1 % of a core, or something was recorded for it; absent until then.',
})
export const agentConflict = gauge('agent_conflict', {
  labels: ['agent'],
  help: 'Whether another live process or container claims the same id: such an agent is measured and never acted on.',
})
export const samplesMissed = counter('agent_exporter_samples_missed_total', {
  help: 'Samples that were left out because the one before still ran or the host was suspended.',
})
export const sampleDuration = gauge('agent_exporter_sample_duration_seconds', {
  unit: 'seconds',
  help: 'Duration of the last sample of all agents.',
})
export const identificationsDropped = counter('agent_exporter_identifications_dropped_total', {
  help: 'Processes whose command line was never read because too many waited.',
})

/** One number of a reading as a family. `full`: left out when `agents.perAgentMetrics` is `core`. */
export interface Measured {
  readonly family: Family<'agent' | 'mode'> | Family<'agent' | 'kind'> | Family<'agent'>
  readonly field: keyof Reading
  readonly labels: Readonly<Record<string, string>>
  readonly runtimes: 'process' | 'container' | 'both'
  readonly detail: 'core' | 'full'
}

const cpu = counter('agent_cpu_seconds_total', {
  unit: 'seconds',
  labels: ['agent', 'mode'],
  help: 'CPU time of all processes the agent ever had (utime, stime and waited-for children of /proc/<pid>/stat; cpuacct.stat or cpu.stat of a container).',
})
const switches = counter('agent_context_switches_total', {
  labels: ['agent', 'kind'],
  help: 'Context switches of the main threads of all processes the agent ever had (/proc/<pid>/status).',
})

function one(
  family: Family<'agent'>,
  field: keyof Reading,
  runtimes: Measured['runtimes'],
  detail: Measured['detail'] = 'core',
): Measured {
  return { family, field, labels: {}, runtimes, detail }
}

export const MEASURED: readonly Measured[] = [
  { family: cpu, field: 'cpuUserSeconds', labels: { mode: 'user' }, runtimes: 'both', detail: 'core' },
  { family: cpu, field: 'cpuSystemSeconds', labels: { mode: 'system' }, runtimes: 'both', detail: 'core' },
  {
    family: cpu,
    field: 'cpuUnsplitSeconds',
    labels: { mode: 'unspecified' },
    runtimes: 'process',
    detail: 'core',
  },
  one(
    gauge('agent_cpu_limit_cores', {
      unit: 'cores',
      labels: ['agent'],
      help: 'CPU the container may use (cpu.max or cpu.cfs_quota_us, tightest of its groups); absent without a limit.',
    }),
    'cpuLimitCores',
    'container',
  ),
  one(
    gauge('agent_pids_limit', {
      labels: ['agent'],
      help: 'Tasks the container may have (pids.max); absent without a limit.',
    }),
    'pidsLimit',
    'container',
  ),
  one(
    counter('agent_cpu_periods_total', {
      labels: ['agent'],
      help: 'Enforcement periods of the CPU limit that have passed (nr_periods of cpu.stat).',
    }),
    'cpuPeriods',
    'container',
    'full',
  ),
  one(
    counter('agent_cpu_throttled_periods_total', {
      labels: ['agent'],
      help: 'Enforcement periods in which the container was throttled (nr_throttled of cpu.stat).',
    }),
    'cpuThrottledPeriods',
    'container',
    'full',
  ),
  one(
    gauge('agent_memory_rss_bytes', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Resident memory of all processes (VmRSS of /proc/<pid>/status; shared pages count once per process), or anonymous memory of the container (memory.stat).',
    }),
    'rssBytes',
    'both',
  ),
  one(
    gauge('agent_memory_pss_bytes', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Proportional memory of all processes, shared pages divided among their users (smaps_rollup, at most once a minute).',
    }),
    'pssBytes',
    'process',
  ),
  one(
    gauge('agent_memory_working_set_bytes', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Memory of the container without inactive file cache (memory.current or memory.usage_in_bytes minus inactive_file).',
    }),
    'workingSetBytes',
    'container',
  ),
  one(
    gauge('agent_memory_swap_bytes', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Swapped-out memory (VmSwap of /proc/<pid>/status, or memory.swap.current).',
    }),
    'swapBytes',
    'both',
  ),
  one(
    gauge('agent_memory_limit_bytes', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Tightest memory limit of the container and the groups above it (memory.max); absent without a limit.',
    }),
    'memoryLimitBytes',
    'container',
  ),
  one(
    gauge('agent_memory_high_watermark_bytes', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Highest memory so far: largest sampled sum or VmHWM of one process, or memory.peak of the container.',
    }),
    'memoryHighWatermarkBytes',
    'both',
  ),
  one(
    counter('agent_memory_pressure_waiting_seconds_total', {
      unit: 'seconds',
      labels: ['agent'],
      help: 'Time in which some tasks of the container waited for memory (some of memory.pressure).',
    }),
    'pressureWaitingSeconds',
    'container',
    'full',
  ),
  one(
    counter('agent_memory_pressure_stalled_seconds_total', {
      unit: 'seconds',
      labels: ['agent'],
      help: 'Time in which all tasks of the container waited for memory (full of memory.pressure).',
    }),
    'pressureStalledSeconds',
    'container',
    'full',
  ),
  one(
    counter('agent_oom_kills_total', {
      labels: ['agent'],
      help: 'Processes of the container that the kernel killed for memory, over its restarts: oom_kill of memory.events or memory.oom_control, and its main process when only the engine or the judged end tells.',
    }),
    'oomKills',
    'container',
  ),
  one(
    counter('agent_restarts_total', {
      labels: ['agent'],
      help: 'Restarts of the container by its restart policy (RestartCount of docker inspect).',
    }),
    'restarts',
    'container',
  ),
  one(
    gauge('agent_processes', {
      labels: ['agent'],
      help: 'Live processes of the agent (its process tree, or cgroup.procs of the container).',
    }),
    'processes',
    'both',
  ),
  one(
    gauge('agent_threads', {
      labels: ['agent'],
      help: 'Threads of all processes (field 20 of /proc/<pid>/stat, or pids.current of the container).',
    }),
    'threads',
    'both',
  ),
  one(
    gauge('agent_open_fds', {
      labels: ['agent'],
      help: 'Open file descriptors of all processes (/proc/<pid>/fd, whose size is public since Linux 6.2; before, only of processes whose list may be read).',
    }),
    'openFds',
    'process',
  ),
  {
    family: switches,
    field: 'voluntarySwitches',
    labels: { kind: 'voluntary' },
    runtimes: 'process',
    detail: 'full',
  },
  {
    family: switches,
    field: 'involuntarySwitches',
    labels: { kind: 'involuntary' },
    runtimes: 'process',
    detail: 'full',
  },
  one(
    counter('agent_io_read_bytes_total', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Bytes read from storage (read_bytes of /proc/<pid>/io where it may be read, or io.stat of the container).',
    }),
    'ioReadBytes',
    'both',
    'full',
  ),
  one(
    counter('agent_io_write_bytes_total', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Bytes written to storage (write_bytes of /proc/<pid>/io where it may be read, or io.stat of the container).',
    }),
    'ioWriteBytes',
    'both',
    'full',
  ),
  one(
    counter('agent_network_receive_bytes_total', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Bytes received in the network namespace of the container (/proc/<pid>/net/dev); absent in the namespace of the host.',
    }),
    'networkReceiveBytes',
    'container',
    'full',
  ),
  one(
    counter('agent_network_transmit_bytes_total', {
      unit: 'bytes',
      labels: ['agent'],
      help: 'Bytes sent in the network namespace of the container (/proc/<pid>/net/dev); absent in the namespace of the host.',
    }),
    'networkTransmitBytes',
    'container',
    'full',
  ),
]
