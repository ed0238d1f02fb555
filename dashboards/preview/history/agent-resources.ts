import type { AgentState } from '../../../src/agents/model.ts'
import type { Moment } from './moment.ts'
import type { AgentPlan } from './plans.ts'
import type { Recording } from './recording.ts'

const PERIODS_A_SECOND = 10

/** What an agent takes of its machine while it is in a state. */
export function tellResources(
  { id: agent, cores, cpuLimit, runtime, memory, ends = [] }: AgentPlan,
  told: Recording,
  { stepSeconds, minute, random }: Moment,
  state: AgentState,
): void {
  const busy = { starting: 0.7, running: 1, idle: 0.02, waiting: 0.03, paused: 0, exited: 0 }[state]
  const wave = 0.55 + 0.45 * Math.sin(minute / 5 + agent.length) + 0.35 * random.next()
  const wanted = cores * busy * wave
  const used = Math.min(wanted, cpuLimit ?? Infinity) * stepSeconds
  told.count('agent_cpu_seconds_total', { agent, mode: 'user' }, used * 0.81)
  told.count('agent_cpu_seconds_total', { agent, mode: 'system' }, used * 0.19)
  told.count('agent_io_read_bytes_total', { agent }, Math.round(used * 90_000 * random.next()))
  told.count('agent_io_write_bytes_total', { agent }, Math.round(used * 160_000 * random.next()))
  if (runtime === 'container') tellEnds({ id: agent, ends }, told, minute, stepSeconds)
  if (state === 'exited') return
  const processes = busy > 0.5 ? 3 + Math.round(2 * wave) : 3
  told.gauge('agent_processes', { agent }, processes)
  told.gauge('agent_threads', { agent }, processes * 11 + (agent.length % 5))
  told.gauge('agent_open_fds', { agent }, 38 + Math.round(processes * 6 * wave))
  if (runtime === 'process') {
    told.count('agent_context_switches_total', { agent, kind: 'voluntary' }, Math.round(used * 210))
    told.count('agent_context_switches_total', { agent, kind: 'involuntary' }, Math.round(used * 24))
    return
  }
  const limit = cpuLimit ?? cores * 2
  const periods = busy > 0 ? stepSeconds * PERIODS_A_SECOND : 0
  const share = memory.bytes(minute) / memory.limit
  told.gauge('agent_cpu_limit_cores', { agent }, limit)
  told.gauge('agent_pids_limit', { agent }, 256)
  told.count('agent_cpu_periods_total', { agent }, periods)
  told.count(
    'agent_cpu_throttled_periods_total',
    { agent },
    Math.round(periods * Math.min(0.85, Math.max(0, wanted / limit - 0.72) * 1.2)),
  )
  const waiting = share > 0.85 && busy > 0 ? (share - 0.85) * 0.9 * stepSeconds : 0
  told.count('agent_memory_pressure_waiting_seconds_total', { agent }, waiting)
  told.count('agent_memory_pressure_stalled_seconds_total', { agent }, waiting * 0.35)
  told.count(
    'agent_network_receive_bytes_total',
    { agent },
    Math.round(used * 60_000 * (0.6 + random.next())),
  )
  told.count(
    'agent_network_transmit_bytes_total',
    { agent },
    Math.round(used * 14_000 * (0.6 + random.next())),
  )
}

/** A crash of a container is a kill by the kernel here, and its restart policy starts it again. */
function tellEnds(
  { id: agent, ends }: Required<Pick<AgentPlan, 'id' | 'ends'>>,
  told: Recording,
  minute: number,
  stepSeconds: number,
): void {
  const falls = (at: number): boolean => at <= minute && minute < at + stepSeconds / 60
  told.count('agent_oom_kills_total', { agent }, ends.filter(({ at }) => falls(at)).length)
  told.count('agent_restarts_total', { agent }, ends.filter(({ at }) => falls(at + 1)).length)
}
