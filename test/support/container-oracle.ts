import type Docker from 'dockerode'
import { type Bound, between, exactly, type Oracle, optional, statesBut } from './agent-oracle.ts'
import type { ContainerTruth } from './container-truth.ts'
import { TICK_SECONDS } from './proc-truth.ts'

export interface ContainerExpectation {
  readonly before: ContainerTruth
  readonly after: ContainerTruth
  readonly inspected: Docker.ContainerInspectInfo
  readonly role?: string
  readonly workspace?: string
  readonly state?: 'running' | 'paused'
  /** In the host's network namespace the numbers are everybody's: none must be there. */
  readonly network: 'own' | 'host'
}

/** v1 sums CPU per core and per task and rounds both down. */
const CPU_TOLERANCE_SECONDS = TICK_SECONDS
/** Stamps of the engine have nanoseconds, ours are milliseconds. */
const START_TOLERANCE_SECONDS = 0.001

/** Everything exported of an agent that is a container, by its control group and what the engine says of it. */
export function containerOracle(expectation: ContainerExpectation): Oracle {
  const { before, after, inspected, state = 'running' } = expectation
  const { role = '', workspace = '', network } = expectation
  const name = inspected.Name.replace(/^\//, '')
  const startedAt = Date.parse(inspected.State.StartedAt) / 1_000
  const oracle: Record<string, Bound> = {
    [`agent_info{name="${name}",role="${role}",runtime="container",vendor="",workspace="${workspace}"}`]:
      exactly(1),
    ...statesBut(state),
    agent_conflict: exactly(0),
    agent_start_timestamp_seconds: between(startedAt, startedAt, START_TOLERANCE_SECONDS),
    agent_last_activity_timestamp_seconds: optional({ low: startedAt - 1, high: Date.now() / 1_000 }),
    agent_restarts_total: exactly(inspected.RestartCount),
  }
  /** What the truth does not have, the agent must not have either. */
  const put = (series: string, field: keyof ContainerTruth, slack = 0) => {
    const [one, other] = [before[field], after[field]]
    if (typeof one === 'number' && typeof other === 'number') oracle[series] = between(one, other, slack)
  }
  put('agent_memory_working_set_bytes', 'workingSetBytes')
  put('agent_memory_rss_bytes', 'anonBytes')
  put('agent_memory_swap_bytes', 'swapBytes')
  put('agent_memory_limit_bytes', 'limitBytes')
  put('agent_memory_high_watermark_bytes', 'peakBytes')
  put('agent_memory_pressure_waiting_seconds_total', 'waitingSeconds')
  put('agent_memory_pressure_stalled_seconds_total', 'stalledSeconds')
  put('agent_cpu_seconds_total{mode="user"}', 'userSeconds', CPU_TOLERANCE_SECONDS)
  put('agent_cpu_seconds_total{mode="system"}', 'systemSeconds', CPU_TOLERANCE_SECONDS)
  put('agent_cpu_limit_cores', 'cpuLimitCores')
  put('agent_cpu_periods_total', 'periods')
  put('agent_cpu_throttled_periods_total', 'throttledPeriods')
  put('agent_threads', 'tasks')
  put('agent_pids_limit', 'pidsLimit')
  put('agent_processes', 'processes')
  put('agent_oom_kills_total', 'oomKills')
  put('agent_io_read_bytes_total', 'ioReadBytes')
  put('agent_io_write_bytes_total', 'ioWriteBytes')
  if (network === 'own') {
    put('agent_network_receive_bytes_total', 'receivedBytes')
    put('agent_network_transmit_bytes_total', 'sentBytes')
  }
  return oracle
}
