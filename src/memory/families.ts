import { counter, type Family, gauge } from '../platform/exposition/family.ts'

export const heapUsed = gauge('agent_memory_heap_used_bytes', {
  unit: 'bytes',
  labels: ['agent'],
  help: 'Heap in use, as the agent reports it itself; absent unless it does.',
})
export const judgedBytes = gauge('agent_memory_judged_bytes', {
  unit: 'bytes',
  labels: ['agent'],
  help: 'What the memory levels compare with the thresholds, on the basis that is nearest to its end.',
})
export const judgedLimit = gauge('agent_memory_judged_limit_bytes', {
  unit: 'bytes',
  labels: ['agent'],
  help: 'Limit on the same basis: of the runtime, of the control group, or what the host leaves to the agent.',
})
export const threshold = gauge('agent_memory_threshold_bytes', {
  unit: 'bytes',
  labels: ['agent', 'level'],
  help: 'Judged bytes from which the level is reached.',
})
export const basis = gauge('agent_memory_basis', {
  labels: ['agent', 'basis'],
  help: 'Whether this is what is judged (1) or not (0).',
})
export const level = gauge('agent_memory_level', {
  labels: ['agent', 'level'],
  help: 'Whether the agent is at this memory level (1) or not (0).',
})
export const trend = gauge('agent_memory_trend', {
  labels: ['agent', 'trend'],
  help: 'Whether this is the trend of the memory (1) or not (0); unknown until enough was seen.',
})
export const growth = gauge('agent_memory_growth_bytes_per_second', {
  unit: 'bytes_per_second',
  labels: ['agent'],
  help: 'Slope of the floor of the memory (Sen), whatever the trend; below 0 it shrinks.',
})
export const timeToLimit = gauge('agent_memory_time_to_limit_seconds', {
  unit: 'seconds',
  labels: ['agent', 'estimate'],
  help: 'When the limit is reached if the growth goes on: low at the peaks, mid in the middle; absent when not growing.',
})
export const warningHorizon = gauge('agent_memory_warning_horizon_seconds', {
  unit: 'seconds',
  labels: [],
  help: 'Time to the limit from which a growing agent is warned about (memory.trend.warningHorizon).',
})
export const alertsTotal = counter('agent_memory_alerts_total', {
  labels: ['alert'],
  help: 'Memory alerts raised by this daemon.',
})

export const nearLimit = gauge('agent_exporter_memory_near_limit_agents', {
  labels: [],
  help: 'Agents so near their memory limits that they are looked at between the ordinary samples.',
})
export const looksTotal = counter('agent_exporter_memory_looks_total', {
  labels: [],
  help: 'Looks at the memory of single agents between the ordinary samples.',
})
export const lookDelay = gauge('agent_exporter_memory_look_delay_seconds', {
  unit: 'seconds',
  labels: [],
  help: 'How much later than needed the latest of the recent looks came: it grows when too many agents are near their limits.',
})

export const memoryFamilies: readonly Family[] = [
  ...[heapUsed, judgedBytes, judgedLimit, threshold, basis, level, trend, growth, timeToLimit],
  ...[warningHorizon, alertsTotal, nearLimit, looksTotal, lookDelay],
]
