import { NOW, SOON, steps, WELL } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { by, legend, readings } from '../promql.ts'

const { gauge } = readings('one')
const RESOURCE = by('instance', 'resource')
const RESOURCE_AND_UNIT = by('instance', 'resource', 'unit')

/** What it may use and what it has used. */
export const BUDGET: readonly PanelPlan[] = [
  graph({
    key: 'budget-ratio',
    title: 'Used of each limit',
    description:
      'Use within the present epoch divided by the limit. The dashed lines are where the warning and the intervention begin. Times stand still while it is paused; a resume may begin a new epoch.',
    whenRed:
      'at the orange line it is paused if it is enforced: resume it with more budget on its control page.',
    runbooks: ['AgentBudgetWarning', 'AgentBudgetExceeded', 'AgentBudgetForecast', 'AgentNoDeliverable'],
    width: 12,
    height: 8,
    expect: 'budgets',
    queries: [
      { expr: gauge('agent_budget_used_ratio'), legend: legend`${'resource'} @ ${'instance'}` },
      {
        expr: gauge('agent_budget_threshold_ratio', { level: 'warning' }),
        legend: legend`warning @ ${'instance'}`,
        colour: SOON,
        dashed: true,
      },
      {
        expr: gauge('agent_budget_threshold_ratio', { level: 'intervention' }),
        legend: legend`intervention @ ${'instance'}`,
        colour: NOW,
        dashed: true,
      },
    ],
    unit: 'percentunit',
    min: 0,
    noValue: 'No limits',
  }),
  table({
    key: 'budget-table',
    title: 'Limits',
    description:
      'Every limit in force with what a resume added, and what is used of it, in the unit of the line.',
    whenRed: 'resume it with more budget on its control page, or let it end.',
    runbooks: ['AgentBudgetExceeded'],
    width: 12,
    height: 8,
    expect: 'budgets',
    labels: [
      { label: 'resource', title: 'Resource', width: 180 },
      { label: 'unit', title: 'Unit', width: 80 },
      { label: 'instance', title: 'Exporter', width: 120 },
    ],
    values: [
      {
        title: 'Used',
        expr: `max ${RESOURCE_AND_UNIT} (${gauge('agent_budget_used')})`,
        unit: 'short',
        decimals: 1,
        width: 75,
      },
      {
        title: 'Limit',
        expr: `max ${RESOURCE_AND_UNIT} (${gauge('agent_budget_limit')})`,
        unit: 'short',
        decimals: 1,
        width: 75,
      },
      {
        title: 'Share',
        expr: `max ${RESOURCE} (${gauge('agent_budget_used_ratio')})`,
        unit: 'percentunit',
        decimals: 0,
        barTo: 1,
        thresholds: steps([0, WELL], [0.8, SOON], [1, NOW]),
      },
    ],
    sortBy: 'Share',
    noValue: 'No limits',
  }),
]
