import { LATE, LEVEL_COLOURS, NOW, PHASE_COLOURS, QUIET, STATE_COLOURS, STOPPED, WELL } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { by, legend, readings } from '../promql.ts'

const { gauge, rate, steps } = readings('none')
const SIZE = { width: 8, height: 8 } as const
const COUNT = { unit: 'none', decimals: 0, min: 0 } as const

/** Since when, and what was done about it. */
export const HISTORY: readonly PanelPlan[] = [
  graph({
    key: 'states',
    title: 'Agents by state',
    description:
      'How many agents were in each state. An agent is in exactly one; ended ones stay for a few minutes.',
    ...SIZE,
    ...COUNT,
    expect: 'agents',
    queries: [{ expr: `sum ${by('state')} (${gauge('agent_state')})`, legend: legend`${'state'}` }],
    style: 'parts',
    colours: STATE_COLOURS,
    legend: 'names',
    noValue: 'No agents',
  }),
  graph({
    key: 'phases',
    title: 'Agents by budget phase',
    description: 'How many agents with a budget were in each phase.',
    whenRed: 'the Budgets board says which limits are too tight or which agents run away.',
    runbooks: ['AgentBudgetExceeded', 'AgentTerminatedByBudget'],
    ...SIZE,
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
    key: 'levels',
    title: 'Agents by memory level',
    description: 'How many agents were at each memory level.',
    whenRed: 'the Memory & crashes board says who.',
    runbooks: ['AgentMemoryOomImminent'],
    ...SIZE,
    ...COUNT,
    expect: 'agents',
    queries: [{ expr: `sum ${by('level')} (${gauge('agent_memory_level')})`, legend: legend`${'level'}` }],
    style: 'parts',
    colours: LEVEL_COLOURS,
    legend: 'names',
    noValue: 'No agents',
  }),
  graph({
    key: 'money',
    title: 'Money per hour by model',
    description: 'US dollars per hour at the rate of each moment, as reported for the agents.',
    runbooks: ['AgentFleetCostHigh'],
    ...SIZE,
    expect: 'usage',
    queries: [
      {
        expr: `sum ${by('provider', 'model')} (${rate('agent_llm_cost_usd_total')}) * 3600`,
        legend: legend`${'provider'} ${'model'}`,
      },
    ],
    style: 'parts',
    unit: 'currencyUSD',
    decimals: 2,
    min: 0,
    noValue: 'Nothing reported',
  }),
  graph({
    key: 'actions',
    title: 'Actions taken',
    description:
      'What the exporters did or were asked to do, by how it ended. `dry_run` is what enforcement would have done.',
    whenRed: 'the Control loop board says why actions fail.',
    runbooks: ['AgentActionFailing', 'AgentActionsRefused'],
    ...SIZE,
    ...COUNT,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('action', 'outcome')} (${steps('agent_actions_total')}) > 0`,
        legend: legend`${'action'} ${'outcome'}`,
      },
    ],
    style: 'events',
    noValue: 'Nothing was done',
  }),
  graph({
    key: 'ends',
    title: 'Ends of agents',
    description:
      'Agents that ended, by how: clean, asked to stop, terminated by the exporter, crashed, or unseen.',
    whenRed: 'the Memory & crashes board names the causes.',
    runbooks: ['AgentCrashShareHigh', 'AgentCrashLoop'],
    ...SIZE,
    ...COUNT,
    expect: 'ended',
    queries: [
      { expr: `sum ${by('reason')} (${steps('agent_exits_total')}) > 0`, legend: legend`${'reason'}` },
    ],
    style: 'events',
    colours: { clean: WELL, stopped: STOPPED, terminated: NOW, crashed: LATE, unknown: QUIET },
    noValue: 'Nobody ended',
  }),
]
