import { counter, type Family, gauge } from '../platform/exposition/family.ts'

const excursions = (name: string, help: string) => counter(name, { labels: ['resource'], help })

export const warnings = excursions(
  'resource_exhaustion_warnings_total',
  'Agents that reached the warning share of a limit, by the resource that did it.',
)
export const interventions = excursions(
  'resource_exhaustion_interventions_total',
  'Agents that reached a limit that enforces, by the resource that did it; manual: paused by a person.',
)
export const terminations = excursions(
  'resource_exhaustion_terminations_total',
  'Agents that were terminated, by the resource whose intervention nobody answered; manual: for any other reason.',
)
export const tracked = gauge('agents_tracked_current', {
  labels: ['phase'],
  help: 'Agents whose budget is watched, by phase.',
})
export const agentPhase = gauge('agent_phase', {
  labels: ['agent', 'phase'],
  help: 'Whether the budget of the agent is in this phase (1) or not (0); of a terminated one as long as it is shown.',
})
export const agentEnforced = gauge('agent_enforced', {
  labels: ['agent'],
  help: 'Whether an intervention would act on the agent: it opted in, or discovered agents are enforced.',
})
export const budgetUsedRatio = gauge('agent_budget_used_ratio', {
  unit: 'ratio',
  labels: ['agent', 'resource'],
  help: 'Use within the present epoch divided by the limit.',
})
export const budgetUsed = gauge('agent_budget_used', {
  labels: ['agent', 'resource', 'unit'],
  help: 'Use within the present epoch of every resource that has a limit; times stand still while paused.',
})
export const budgetLimit = gauge('agent_budget_limit', {
  labels: ['agent', 'resource', 'unit'],
  help: 'Limit in force in the present epoch, with what a resume added.',
})
export const budgetThreshold = gauge('agent_budget_threshold_ratio', {
  unit: 'ratio',
  labels: ['agent', 'level'],
  help: 'Used ratio from which the level is reached.',
})

export const exhaustionFamilies: readonly Family[] = [
  ...[warnings, interventions, terminations, tracked, agentPhase, agentEnforced],
  ...[budgetUsedRatio, budgetUsed, budgetLimit, budgetThreshold],
]
