import { LEVEL_COLOURS, PHASE_COLOURS } from './colours.ts'
import { agentLinks } from './links.ts'
import type { BarQuery } from './panels/bars.ts'
import type { LabelColumn } from './panels/table.ts'
import { BY_AGENT, legend, ON_AGENT, type Readings } from './promql.ts'

/** How a series of an agent is called wherever several hosts may have one of the same id. */
export const AGENT_LEGEND = legend`${'agent'} @ ${'instance'}`

/** Judged memory as a share of what is called OOM imminent: 1 is the end, whatever the basis and the limit are. */
export function memoryShare({ gauge }: Readings): string {
  return `${gauge('agent_memory_judged_bytes')} / ${ON_AGENT} ${gauge('agent_memory_threshold_bytes', { level: 'oom_imminent' })}`
}

/** The largest shares of memory, worst level first, in the colours of the levels that the exporter itself found. */
export function memoryBars(read: Readings, count: number): BarQuery[] {
  return (['oom_imminent', 'critical', 'warning', 'healthy'] as const).map((level) => ({
    expr: `topk(${count}, ${memoryShare(read)} and ${ON_AGENT} ${read.is('agent_memory_level', { level })})`,
    legend: AGENT_LEGEND,
    colour: LEVEL_COLOURS[level],
  }))
}

/** The share of the budget of which most is used, for each agent. */
export function budgetShare({ gauge }: Readings): string {
  return `max ${BY_AGENT} (${gauge('agent_budget_used_ratio')})`
}

/**
 * The fullest budgets, worst phase first, in the colours of the phases that the exporter itself found. Who was
 * terminated has ended, and uses nothing any more.
 */
export function budgetBars(read: Readings, count: number): BarQuery[] {
  return (['intervention', 'warning', 'normal'] as const).map((phase) => ({
    expr: `topk(${count}, ${budgetShare(read)} and ${ON_AGENT} ${read.is('agent_phase', { phase })})`,
    legend: AGENT_LEGEND,
    colour: PHASE_COLOURS[phase],
  }))
}

/** Cores that agents keep busy. */
export function cores({ rate }: Readings): string {
  return `sum ${BY_AGENT} (${rate('agent_cpu_seconds_total')})`
}

/** The first columns of every table of agents: who, and where. `job` comes along hidden, for the links. */
export const WHO: readonly LabelColumn[] = [
  { label: 'agent', title: 'Agent', width: 150, links: agentLinks('__data.fields') },
  { label: 'instance', title: 'Exporter', width: 130 },
]
