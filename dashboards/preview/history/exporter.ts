import type { ProblemCode } from '../../../src/platform/problem.ts'
import type { Moment } from './moment.ts'
import type { Recording } from './recording.ts'

/** A machine and the exporter on it. */
export interface HostPlan {
  readonly instance: string
  readonly cores: number
  readonly memoryBytes: number
  readonly mountpoint: string
  readonly diskShare: number
  /** Before the end of the history. */
  readonly startedMinute: number
}

/** What the exporter knows of its agents at this moment. */
export interface Fleet {
  readonly agents: number
  readonly memoryBytes: number
  readonly cores: number
  readonly nearLimit: number
}

const GIB = 2 ** 30
const COLLECTORS = [
  'agents',
  'docker',
  'host',
  'usage',
  'exhaustion',
  'memory',
  'crashes',
  'control',
  'alerts',
]
const COSTS: Readonly<Record<string, number>> = { agents: 5, docker: 4, host: 2, memory: 2 }
const RELOADED_AGO = 200

/** The host, as the exporter reads it. */
export function tellHost(host: HostPlan, fleet: Fleet, told: Recording, now: Moment): void {
  const { stepSeconds, random, minute } = now
  const load = fleet.cores + 0.4 + 0.5 * random.next()
  told.gauge(
    'agent_host_info',
    { distribution: 'Debian GNU/Linux 12', kernel: '6.1.0', architecture: 'x64', cpu_model: 'generic' },
    1,
  )
  told.gauge('agent_host_cpu_cores', {}, host.cores)
  told.gauge('agent_host_load1', {}, load)
  told.gauge('agent_host_memory_total_bytes', {}, host.memoryBytes)
  told.gauge('agent_host_memory_available_bytes', {}, host.memoryBytes * 0.82 - fleet.memoryBytes)
  told.gauge('agent_host_swap_total_bytes', {}, 2 * GIB)
  told.gauge('agent_host_swap_free_bytes', {}, 2 * GIB - 90 * 2 ** 20 - fleet.nearLimit * 60 * 2 ** 20)
  const { mountpoint } = host
  told.gauge('agent_host_filesystem_size_bytes', { mountpoint }, 480 * GIB)
  told.gauge(
    'agent_host_filesystem_available_bytes',
    { mountpoint },
    (host.diskShare - minute * 4e-5) * 480 * GIB,
  )
  told.count(
    'agent_host_network_receive_bytes_total',
    { device: 'eth0' },
    stepSeconds * load * 210_000 * random.next(),
  )
  told.count(
    'agent_host_network_transmit_bytes_total',
    { device: 'eth0' },
    stepSeconds * load * 60_000 * random.next(),
  )
  told.count('agent_host_oom_kills_total', {}, 0)
  const waiting = (share: number): number => Math.max(0, stepSeconds * share * (0.5 + random.next()))
  told.count('agent_host_pressure_cpu_waiting_seconds_total', {}, waiting(0.04 * load))
  told.count('agent_host_pressure_io_waiting_seconds_total', {}, waiting(0.012))
  told.count('agent_host_pressure_io_stalled_seconds_total', {}, waiting(0.004))
  told.count('agent_host_pressure_memory_waiting_seconds_total', {}, waiting(0.0008 + fleet.nearLimit * 0.01))
  told.count(
    'agent_host_pressure_memory_stalled_seconds_total',
    {},
    waiting(0.0002 + fleet.nearLimit * 0.003),
  )
}

/** What the exporter says of itself. */
export function tellExporter(host: HostPlan, fleet: Fleet, told: Recording, now: Moment): void {
  const { stepSeconds, random, minute } = now
  const wave = 0.8 + 0.4 * random.next()
  told.gauge('up', {}, 1)
  told.gauge(
    'agent_exporter_build_info',
    { version: '0.1.0', revision: 'c5b1f77', nodeversion: 'v24.11.1' },
    1,
  )
  told.gauge('agent_exporter_config_last_reload_successful', {}, 1)
  told.gauge(
    'agent_exporter_config_last_reload_timestamp_seconds',
    {},
    now.at(Math.min(minute, -RELOADED_AGO)),
  )
  told.gauge('process_start_time_seconds', {}, now.at(host.startedMinute))
  for (const collector of COLLECTORS) {
    told.gauge('agent_scrape_collector_success', { collector }, 1)
    const cost = (COSTS[collector] ?? 1) * (0.4 + fleet.agents * 0.09) * wave
    told.gauge('agent_scrape_collector_duration_seconds', { collector }, cost / 4_000)
  }
  told.gauge('agent_exporter_sample_duration_seconds', {}, 0.0011 * fleet.agents * wave)
  told.count('agent_exporter_samples_missed_total', {}, 0)
  told.count('agent_exporter_identifications_dropped_total', {}, 0)
  told.count('agent_exporter_series_dropped_total', {}, 0)
  told.gauge('agent_exporter_memory_near_limit_agents', {}, fleet.nearLimit)
  told.gauge('agent_exporter_memory_look_delay_seconds', {}, fleet.nearLimit > 0 ? 0.004 * wave : 0)
  told.count('agent_exporter_memory_looks_total', {}, fleet.nearLimit * stepSeconds * 9)
  told.gauge('agent_exporter_event_streams', {}, minute > -150 ? 1 : 0)
  told.count('agent_exporter_event_streams_cut_total', {}, 0)
  told.count(
    'agent_exporter_http_errors_total',
    { code: 'AE_UNAUTHENTICATED' satisfies ProblemCode },
    random.chance(0.006) ? 1 : 0,
  )
  told.count(
    'agent_exporter_http_errors_total',
    { code: 'AE_AGENT_NOT_FOUND' satisfies ProblemCode },
    random.chance(0.004) ? 1 : 0,
  )
  told.gauge('agent_exporter_loop_lag_seconds', {}, 0.011 + 0.006 * random.next())
  tellStore(told, now, fleet)
  told.count('process_cpu_user_seconds_total', {}, stepSeconds * 0.0036 * wave)
  told.count('process_cpu_system_seconds_total', {}, stepSeconds * 0.0021 * wave)
  told.gauge('process_resident_memory_bytes', {}, 84 * 2 ** 20 + 4 * 2 ** 20 * random.next())
  told.gauge('nodejs_heap_size_used_bytes', {}, 31 * 2 ** 20 + 7 * 2 ** 20 * random.next())
  told.gauge('nodejs_external_memory_bytes', {}, 4.6 * 2 ** 20)
  told.gauge('process_open_fds', {}, 34 + fleet.agents * 9)
  told.gauge('process_max_fds', {}, 1_048_576)
  for (const [kind, most] of [
    ['minor', 0.004],
    ['major', 0.014],
    ['incremental', 0.003],
  ] as const) {
    if (random.chance(kind === 'minor' ? 0.9 : 0.2)) {
      told.observe('nodejs_gc_duration_seconds', { kind }, most * random.next())
    }
  }
}

function tellStore(told: Recording, { stepSeconds, random }: Moment, fleet: Fleet): void {
  told.gauge('agent_exporter_store_up', {}, 1)
  told.gauge('agent_exporter_store_size_bytes', {}, 41 * 2 ** 20 + fleet.agents * 2 ** 20)
  for (const lane of ['durable', 'batch']) {
    told.gauge('agent_exporter_store_queue_length', { lane }, random.chance(0.1) ? 1 : 0)
    told.count(
      'agent_exporter_store_writes_total',
      { lane },
      (lane === 'batch' ? 0.9 : 0.1) * stepSeconds * fleet.agents,
    )
    for (let n = 0; n < 3; n++) {
      const slow = random.chance(0.03) ? 6 : 1
      const usual = lane === 'durable' ? 0.0035 : 0.0012
      told.observe(
        'agent_exporter_store_commit_duration_seconds',
        { lane },
        usual * slow * (0.5 + random.next()),
      )
    }
  }
  told.count('agent_exporter_store_quarantines_total', {}, 0)
  told.count('agent_exporter_store_recoveries_total', {}, 0)
  for (const reason of ['busy', 'disk_full'])
    told.count('agent_exporter_store_write_failures_total', { reason }, 0)
  told.count('agent_exporter_store_dropped_rows_total', { reason: 'overflow' }, 0)
}
