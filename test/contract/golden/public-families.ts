import type { Family, Unit } from '../../../src/platform/exposition/family.ts'

/** One family as dashboards, rules and other programs know it. */
export interface PublicFamily {
  readonly name: string
  readonly type: Family['type']
  readonly labels: readonly string[]
  readonly unit: Unit | undefined
}

const UNITS: readonly Unit[] = ['bytes', 'seconds', 'cores']

function family(type: Family['type'], name: string, labels: readonly string[] = []): PublicFamily {
  const base = name.replace(/_total$/, '')
  return { name, type, labels, unit: UNITS.find((unit) => base.endsWith(`_${unit}`)) }
}

const gauge = (name: string, ...labels: string[]) => family('gauge', name, labels)
const counter = (name: string, ...labels: string[]) => family('counter', name, labels)

/** Written by hand: a change of a name, type or label here is a breaking change. */
export const PUBLIC_FAMILIES: readonly PublicFamily[] = [
  gauge('agent_info', 'agent', 'name', 'role', 'runtime', 'vendor', 'workspace'),
  gauge('agent_state', 'agent', 'state'),
  gauge('agent_start_timestamp_seconds', 'agent'),
  gauge('agent_last_activity_timestamp_seconds', 'agent'),
  counter('agent_cpu_seconds_total', 'agent', 'mode'),
  gauge('agent_cpu_limit_cores', 'agent'),
  gauge('agent_pids_limit', 'agent'),
  counter('agent_cpu_periods_total', 'agent'),
  counter('agent_cpu_throttled_periods_total', 'agent'),
  gauge('agent_memory_rss_bytes', 'agent'),
  gauge('agent_memory_working_set_bytes', 'agent'),
  gauge('agent_memory_swap_bytes', 'agent'),
  gauge('agent_memory_limit_bytes', 'agent'),
  gauge('agent_memory_high_watermark_bytes', 'agent'),
  counter('agent_memory_pressure_waiting_seconds_total', 'agent'),
  counter('agent_memory_pressure_stalled_seconds_total', 'agent'),
  counter('agent_oom_kills_total', 'agent'),
  counter('agent_restarts_total', 'agent'),
  gauge('agent_processes', 'agent'),
  gauge('agent_threads', 'agent'),
  gauge('agent_open_fds', 'agent'),
  counter('agent_context_switches_total', 'agent', 'kind'),
  counter('agent_io_read_bytes_total', 'agent'),
  counter('agent_io_write_bytes_total', 'agent'),
  counter('agent_network_receive_bytes_total', 'agent'),
  counter('agent_network_transmit_bytes_total', 'agent'),
  gauge('agent_host_memory_total_bytes'),
  gauge('agent_host_memory_available_bytes'),
  gauge('agent_host_filesystem_size_bytes', 'mountpoint'),
  gauge('agent_host_filesystem_available_bytes', 'mountpoint'),
  gauge('agent_host_load1'),
  counter('agent_host_pressure_cpu_waiting_seconds_total'),
  counter('agent_host_pressure_memory_waiting_seconds_total'),
  counter('agent_host_pressure_memory_stalled_seconds_total'),
  counter('agent_host_pressure_io_waiting_seconds_total'),
  counter('agent_host_pressure_io_stalled_seconds_total'),
  gauge('agent_scrape_collector_success', 'collector'),
  gauge('agent_scrape_collector_duration_seconds', 'collector'),
  gauge('agent_exporter_build_info', 'version', 'revision', 'nodeversion'),
  counter('agent_exporter_series_dropped_total'),
  gauge('agent_exporter_loop_lag_seconds'),
  gauge('agent_exporter_config_last_reload_successful'),
  counter('agent_exporter_http_errors_total', 'code'),
  gauge('agent_exporter_store_up'),
  counter('agent_exporter_store_writes_total', 'lane'),
  counter('agent_exporter_store_write_failures_total', 'reason'),
  gauge('agent_exporter_store_queue_length', 'lane'),
  family('histogram', 'agent_exporter_store_commit_duration_seconds', ['lane']),
]
