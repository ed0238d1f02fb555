import type { Basis, Level, Trend } from '../../../src/memory/model.ts'
import type { Moment } from './moment.ts'
import type { AgentPlan } from './plans.ts'
import type { Recording } from './recording.ts'

/** The defaults of `memory.thresholds`, as shares of the limit. */
const SHARES = { warning: 0.8, critical: 0.9, oom_imminent: 0.95 } as const
const LEVELS: readonly Level[] = ['healthy', 'warning', 'critical', 'oom_imminent']
const TRENDS: readonly Trend[] = ['growing', 'stable', 'shrinking', 'step', 'unknown']
const BASES: readonly Basis[] = ['heap', 'anon', 'working_set', 'rss']

function levelOf(bytes: number, limit: number): Level {
  if (bytes >= limit * SHARES.oom_imminent) return 'oom_imminent'
  if (bytes >= limit * SHARES.critical) return 'critical'
  return bytes >= limit * SHARES.warning ? 'warning' : 'healthy'
}

/** What is judged about the memory of an agent. */
export function tellMemory({ id: agent, memory, runtime }: AgentPlan, told: Recording, now: Moment): void {
  const { limit, basis } = memory
  const bytes = Math.round(memory.bytes(now.minute))
  const [growth, trend] = memory.growth(now.minute)
  const level = levelOf(bytes, limit)
  told.gauge('agent_memory_judged_bytes', { agent }, bytes)
  told.gauge('agent_memory_judged_limit_bytes', { agent }, limit)
  for (const [name, share] of Object.entries(SHARES)) {
    told.gauge('agent_memory_threshold_bytes', { agent, level: name }, Math.round(limit * share))
  }
  for (const one of LEVELS) told.gauge('agent_memory_level', { agent, level: one }, one === level ? 1 : 0)
  for (const one of TRENDS) told.gauge('agent_memory_trend', { agent, trend: one }, one === trend ? 1 : 0)
  for (const one of BASES) told.gauge('agent_memory_basis', { agent, basis: one }, one === basis ? 1 : 0)
  told.gauge('agent_memory_growth_bytes_per_second', { agent }, growth)
  if (trend === 'growing') {
    const left = Math.max(0, (limit - bytes) / growth)
    told.gauge('agent_memory_time_to_limit_seconds', { agent, estimate: 'mid' }, left)
    told.gauge('agent_memory_time_to_limit_seconds', { agent, estimate: 'low' }, left * 0.86)
  }
  const resident = runtime === 'container' ? bytes * 0.93 : bytes
  told.gauge('agent_memory_rss_bytes', { agent }, Math.round(resident))
  told.gauge('agent_memory_swap_bytes', { agent }, 0)
  told.gauge('agent_memory_high_watermark_bytes', { agent }, Math.round(bytes * 1.02))
  if (runtime === 'container') {
    told.gauge('agent_memory_working_set_bytes', { agent }, bytes)
    told.gauge('agent_memory_limit_bytes', { agent }, limit)
  } else {
    told.gauge('agent_memory_pss_bytes', { agent }, Math.round(bytes * 0.81))
  }
}
