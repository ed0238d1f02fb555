import { LATE } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { by, legend, readings } from '../promql.ts'

const { rate, steps } = readings('one')
const SIZE = { width: 8, height: 8 } as const
const COUNT = { unit: 'none', decimals: 0, min: 0 } as const

/** What it asks of models, what that costs, and what comes of it. */
export const USE: readonly PanelPlan[] = [
  graph({
    key: 'tokens',
    title: 'Tokens per second',
    description: 'Tokens by type, as reported for it; no token is in two types.',
    runbooks: ['AgentTokenRateHigh'],
    ...SIZE,
    expect: 'usage',
    queries: [
      {
        expr: `sum ${by('instance', 'token_type')} (${rate('agent_llm_tokens_total')})`,
        legend: legend`${'token_type'} @ ${'instance'}`,
      },
    ],
    style: 'parts',
    unit: 'suffix:tok/s',
    min: 0,
    noValue: 'Nothing reported',
  }),
  graph({
    key: 'money',
    title: 'Money per hour',
    description: 'US dollars per hour at the rate of each moment, by model, as reported for it.',
    runbooks: ['AgentCostRateHigh'],
    ...SIZE,
    expect: 'usage',
    queries: [
      {
        expr: `sum ${by('instance', 'provider', 'model')} (${rate('agent_llm_cost_usd_total')}) * 3600`,
        legend: legend`${'provider'} ${'model'} @ ${'instance'}`,
      },
    ],
    style: 'parts',
    unit: 'currencyUSD',
    decimals: 2,
    min: 0,
    noValue: 'Nothing reported',
  }),
  graph({
    key: 'requests',
    title: 'Calls of models',
    description: 'Calls in each step of time, and those that failed.',
    whenRed: 'its provider fails or its key is used up.',
    runbooks: ['AgentLlmErrors', 'AgentLlmDown'],
    ...SIZE,
    ...COUNT,
    expect: 'usage',
    queries: [
      {
        expr: `sum ${by('instance')} (${steps('agent_llm_requests_total')})`,
        legend: legend`calls @ ${'instance'}`,
      },
      {
        expr: `sum ${by('instance')} (${steps('agent_llm_request_failures_total')})`,
        legend: legend`failed @ ${'instance'}`,
        colour: LATE,
      },
    ],
    noValue: 'Nothing reported',
  }),
  graph({
    key: 'deliverables',
    title: 'Deliverables',
    description: 'What it delivered, by kind, in each step of time.',
    runbooks: ['AgentNoDeliverable'],
    ...SIZE,
    ...COUNT,
    expect: 'work',
    queries: [
      {
        expr: `sum ${by('instance', 'kind')} (${steps('agent_deliverables_total')}) > 0`,
        legend: legend`${'kind'} @ ${'instance'}`,
      },
    ],
    style: 'events',
    noValue: 'Nothing delivered',
  }),
  graph({
    key: 'files',
    title: 'Files',
    description: 'Files that it read, wrote or modified in each step of time, as reported for it.',
    ...SIZE,
    ...COUNT,
    expect: 'work',
    queries: [
      {
        expr: `sum ${by('instance', 'operation')} (${steps('agent_file_operations_total')}) > 0`,
        legend: legend`${'operation'} @ ${'instance'}`,
      },
    ],
    style: 'events',
    noValue: 'Nothing reported',
  }),
  graph({
    key: 'subtasks',
    title: 'Subtasks',
    description: 'Subtasks and sub-agents that it started in each step of time, as reported for it.',
    ...SIZE,
    ...COUNT,
    expect: 'work',
    queries: [
      { expr: `${steps('agent_subtasks_spawned_total')} > 0`, legend: legend`subtasks @ ${'instance'}` },
    ],
    style: 'events',
    noValue: 'Nothing reported',
  }),
]
