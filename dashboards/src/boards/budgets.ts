import { AGENT_LEGEND, budgetBars, budgetShare, WHO } from '../agent-queries.ts'
import type { Board } from '../board.ts'
import { steps as colourSteps, NOW, PHASE_COLOURS, SOON, STOPPED, WELL } from '../colours.ts'
import { agentLinks } from '../links.ts'
import { bars } from '../panels/bars.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { BY_AGENT, by, largest, legend, readings } from '../promql.ts'
import { EPOCHS } from './budget-epochs.ts'

const read = readings('several')
const { gauge, is, peak, steps } = read
const COUNT = { unit: 'none', decimals: 0, min: 0 } as const
const links = agentLinks('__field.labels')

const NOW_PANELS: readonly PanelPlan[] = [
  bars({
    key: 'fullest',
    title: 'Fullest budgets',
    description:
      'The share of that limit of which most is used. Colours are the phases that the exporter found (green normal, yellow warning, orange intervention).',
    whenRed: 'let it end, or resume it with more budget on its control page.',
    runbooks: ['AgentBudgetWarning', 'AgentBudgetExceeded'],
    width: 8,
    height: 9,
    expect: 'budgets',
    queries: budgetBars(read, 6),
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    noValue: 'No limits',
    links,
  }),
  table({
    key: 'limits',
    title: 'Limits of every agent',
    description:
      'Every limit in force with what a resume added, and what is used of it, in the unit of the line.',
    whenRed: 'an agent at its limit is paused if it is enforced, and otherwise only told about.',
    runbooks: ['AgentBudgetExceeded', 'AgentEnforcementBlocked', 'AgentBudgetForecast'],
    width: 16,
    height: 9,
    expect: 'budgets',
    labels: [
      ...WHO,
      { label: 'resource', title: 'Resource', width: 180 },
      { label: 'unit', title: 'Unit', width: 85 },
    ],
    values: [
      { title: 'Used', expr: byResource(gauge('agent_budget_used')), unit: 'short', decimals: 1, width: 85 },
      {
        title: 'Limit',
        expr: byResource(gauge('agent_budget_limit')),
        unit: 'short',
        decimals: 1,
        width: 85,
      },
      {
        title: 'Share',
        expr: byResource(`${gauge('agent_budget_used')} / (${gauge('agent_budget_limit')} > 0)`),
        unit: 'percentunit',
        decimals: 0,
        barTo: 1,
        thresholds: colourSteps([0, WELL], [0.8, SOON], [1, NOW]),
      },
    ],
    hidden: ['job'],
    sortBy: 'Share',
    filterable: true,
    noValue: 'No limits',
  }),
]

const HISTORY: readonly PanelPlan[] = [
  graph({
    key: 'shares',
    title: 'Fullest budgets over time',
    description: 'The ten agents with the fullest budgets of the shown time.',
    runbooks: ['AgentBudgetForecast'],
    width: 12,
    height: 8,
    expect: 'budgets',
    queries: [
      {
        expr: largest(10, budgetShare(read), `max ${BY_AGENT} (${peak('agent_budget_used_ratio')})`),
        legend: AGENT_LEGEND,
      },
    ],
    unit: 'percentunit',
    min: 0,
    thresholds: colourSteps([0, WELL], [0.8, SOON], [1, NOW]),
    marks: true,
    noValue: 'No limits',
    links,
  }),
  graph({
    key: 'phases',
    title: 'Agents by phase',
    description: 'How many agents with a budget were in each phase, of all agents of the selected exporters.',
    runbooks: ['AgentTerminatedByBudget'],
    width: 6,
    height: 8,
    ...COUNT,
    expect: 'always',
    queries: [
      { expr: `sum ${by('phase')} (${gauge('agents_tracked_current')})`, legend: legend`${'phase'}` },
    ],
    style: 'parts',
    colours: PHASE_COLOURS,
    legend: 'names',
    noValue: 'No limits',
  }),
  graph({
    key: 'enforced',
    title: 'Agents that are enforced',
    description: 'Agents with a budget on which an intervention would act, and those that are only watched.',
    width: 6,
    height: 8,
    ...COUNT,
    expect: 'budgets',
    queries: [
      { expr: `count(${is('agent_enforced', {})})`, legend: 'enforced', colour: STOPPED },
      { expr: `count(${gauge('agent_enforced')} == 0)`, legend: 'only watched' },
    ],
    style: 'parts',
    noValue: 'No limits',
  }),
  ...(
    [
      [
        'warnings',
        'Warnings',
        'resource_exhaustion_warnings_total',
        'Agents that reached the warning share of a limit, by the resource that did it.',
      ],
      [
        'interventions',
        'Interventions',
        'resource_exhaustion_interventions_total',
        'Agents that reached a limit that enforces, by the resource that did it; manual: paused by a person.',
      ],
      [
        'terminations',
        'Terminations',
        'resource_exhaustion_terminations_total',
        'Agents that were terminated, by the resource whose intervention nobody answered; manual: for any other reason.',
      ],
    ] as const
  ).map(([key, title, metric, description]) =>
    graph({
      key,
      title,
      description: `${description} Of all agents of the selected exporters.`,
      runbooks: ['AgentBudgetExceeded', 'AgentTerminatedByBudget'],
      width: 8,
      height: 8,
      ...COUNT,
      expect: 'always',
      queries: [{ expr: `sum ${by('resource')} (${steps(metric)})`, legend: legend`${'resource'}` }],
      style: 'events',
      noValue: 'None',
    }),
  ),
]

const DELIVERY: readonly PanelPlan[] = [
  bars({
    key: 'without-deliverable',
    title: 'Longest without a deliverable',
    description:
      'Time since the last deliverable that counts for the clock of the agent; those without any are not here.',
    whenRed: 'it is busy and brings nothing: see what it does.',
    runbooks: ['AgentNoDeliverable'],
    width: 8,
    height: 8,
    expect: 'work',
    queries: [
      {
        expr: `topk(10, max ${BY_AGENT} (time() - ${gauge('agent_last_deliverable_timestamp_seconds')}))`,
        legend: AGENT_LEGEND,
        colour: STOPPED,
      },
    ],
    unit: 'dtdurations',
    min: 0,
    noValue: 'Nothing delivered',
    links,
  }),
  graph({
    key: 'deliverables',
    title: 'Deliverables',
    description: 'Deliverables recorded for the agents, by kind, in each step of time.',
    width: 8,
    height: 8,
    ...COUNT,
    expect: 'work',
    queries: [
      { expr: `sum ${by('kind')} (${steps('agent_deliverables_total')}) > 0`, legend: legend`${'kind'}` },
    ],
    style: 'events',
    noValue: 'Nothing delivered',
  }),
  graph({
    key: 'work',
    title: 'Files and subtasks',
    description: 'Files read, written or modified, and subtasks started, in each step of time, as reported.',
    width: 8,
    height: 8,
    ...COUNT,
    expect: 'work',
    queries: [
      {
        expr: `sum ${by('operation')} (${steps('agent_file_operations_total')})`,
        legend: legend`files ${'operation'}`,
      },
      { expr: `sum(${steps('agent_subtasks_spawned_total')})`, legend: 'subtasks' },
    ],
    style: 'events',
    noValue: 'Nothing reported',
  }),
]

function byResource(expression: string): string {
  return `max ${by('job', 'instance', 'agent', 'resource', 'unit')} (${expression})`
}

/** Who is near a limit, which limits bite, and are they right? */
export const budgets: Board = {
  name: 'budgets',
  title: 'AI agents: Budgets',
  description:
    'Who is near a limit, which limits bite, and are they right? Only agents with limits are here.',
  choice: 'agents',
  from: 'now-6h',
  rows: [
    { panels: NOW_PANELS },
    { title: 'Over time', panels: HISTORY },
    { title: 'What comes of it', panels: DELIVERY },
    { title: 'What an agent needs: to set limits by', collapsed: true, panels: EPOCHS },
  ],
}
