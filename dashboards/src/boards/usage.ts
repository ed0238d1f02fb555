import { AGENT_LEGEND, WHO } from '../agent-queries.ts'
import type { Board } from '../board.ts'
import { steps as colourSteps, LATE, NOW, PLAIN, SOON, STOPPED, WELL } from '../colours.ts'
import { agentLinks } from '../links.ts'
import { bars } from '../panels/bars.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { stat } from '../panels/stat.ts'
import { table } from '../panels/table.ts'
import { BY_AGENT, by, legend, readings } from '../promql.ts'

const { increase, rate, steps } = readings('several')
const SMALL = { width: 4, height: 4, expect: 'usage', noValue: 'Nothing reported' } as const
const SIZE = { width: 12, height: 8, expect: 'usage', noValue: 'Nothing reported' } as const
const FRESH = { token_type: { not: ['cache_read'] } } as const
const links = agentLinks('__field.labels')
const failedShare = (of: 'increase' | 'rate', labels: string) => {
  const grown = { increase, rate }[of]
  return `sum ${labels} (${grown('agent_llm_request_failures_total')}) / (sum ${labels} (${grown('agent_llm_requests_total')}) > 0)`
}
const money = `sum(${increase('agent_llm_cost_usd_total')})`

const STATS: readonly PanelPlan[] = [
  stat({
    key: 'spent',
    title: 'Spent',
    description: 'US dollars within the shown time, as reported for the agents.',
    runbooks: ['AgentFleetCostHigh'],
    ...SMALL,
    queries: [{ expr: money, legend: 'Spent' }],
    unit: 'currencyUSD',
    decimals: 2,
  }),
  stat({
    key: 'day',
    title: 'A day at this rate',
    description: 'US dollars that a day would cost if it went on as in the shown time.',
    ...SMALL,
    queries: [{ expr: `${money} * 86400 / $__range_s`, legend: 'A day' }],
    unit: 'currencyUSD',
    decimals: 2,
  }),
  stat({
    key: 'tokens',
    title: 'Tokens',
    description: 'Tokens within the shown time, without those read from a cache.',
    runbooks: ['AgentTokenRateHigh'],
    ...SMALL,
    queries: [{ expr: `sum(${increase('agent_llm_tokens_total', FRESH)})`, legend: 'Tokens' }],
    unit: 'short',
    decimals: 1,
  }),
  stat({
    key: 'cached',
    title: 'Read from a cache',
    description:
      'Share of all input tokens that were read from a cache of the provider, which is far cheaper.',
    ...SMALL,
    queries: [
      {
        expr: `sum(${increase('agent_llm_tokens_total', { token_type: 'cache_read' })}) / sum(${increase('agent_llm_tokens_total', { token_type: ['input', 'cache_read', 'cache_write'] })})`,
        legend: 'Cached',
      },
    ],
    unit: 'percentunit',
    decimals: 0,
  }),
  stat({
    key: 'failed',
    title: 'Failed calls',
    description: 'Share of the calls of models that failed within the shown time.',
    whenRed: 'see which provider below: it is down, or the key is used up.',
    runbooks: ['AgentLlmErrors', 'AgentLlmDown'],
    ...SMALL,
    queries: [{ expr: failedShare('increase', ''), legend: 'Failed' }],
    unit: 'percentunit',
    decimals: 1,
    thresholds: colourSteps([0, WELL], [0.05, SOON], [0.5, LATE]),
  }),
  stat({
    key: 'per-deliverable',
    title: 'Money for a deliverable',
    description: 'US dollars within the shown time divided by the deliverables recorded in it.',
    ...SMALL,
    expect: 'work',
    queries: [{ expr: `${money} / (sum(${increase('agent_deliverables_total')}) > 0)`, legend: 'Each' }],
    unit: 'currencyUSD',
    decimals: 2,
    noValue: 'Nothing delivered',
  }),
]

const HISTORY: readonly PanelPlan[] = [
  graph({
    key: 'money',
    title: 'Money per hour by model',
    description: 'US dollars per hour at the rate of each moment.',
    runbooks: ['AgentFleetCostHigh', 'AgentCostRateHigh'],
    ...SIZE,
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
  }),
  graph({
    key: 'token-types',
    title: 'Tokens per second by type',
    description: 'No token is in two types.',
    runbooks: ['AgentTokenRateHigh'],
    ...SIZE,
    queries: [
      {
        expr: `sum ${by('token_type')} (${rate('agent_llm_tokens_total')})`,
        legend: legend`${'token_type'}`,
      },
    ],
    style: 'parts',
    unit: 'suffix:tok/s',
    min: 0,
  }),
  graph({
    key: 'calls',
    title: 'Calls by provider',
    description: 'Calls of models in each step of time, failed ones included.',
    ...SIZE,
    queries: [
      { expr: `sum ${by('provider')} (${steps('agent_llm_requests_total')})`, legend: legend`${'provider'}` },
    ],
    style: 'events',
    unit: 'none',
    decimals: 0,
    min: 0,
  }),
  graph({
    key: 'failures',
    title: 'Failed share by model',
    description: 'Share of the calls that failed, for each provider and model that was called.',
    whenRed: 'the provider is down, limits your rate, or the key is used up.',
    runbooks: ['AgentLlmErrors', 'AgentLlmDown'],
    ...SIZE,
    queries: [
      { expr: failedShare('rate', by('provider', 'model')), legend: legend`${'provider'} ${'model'}` },
    ],
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    thresholds: colourSteps([0, WELL], [0.05, SOON], [0.5, LATE]),
    marks: true,
  }),
]

const WHO_SPENDS: readonly PanelPlan[] = [
  bars({
    key: 'agents',
    title: 'Most money by agent',
    description: 'US dollars that an agent spent within the shown time.',
    runbooks: ['AgentCostRateHigh'],
    width: 8,
    height: 10,
    expect: 'usage',
    queries: [
      {
        expr: `topk(12, sum ${BY_AGENT} (${increase('agent_llm_cost_usd_total')}))`,
        legend: AGENT_LEGEND,
        colour: STOPPED,
      },
    ],
    unit: 'currencyUSD',
    decimals: 2,
    min: 0,
    noValue: 'Nothing reported',
    links,
  }),
  table({
    key: 'ledger',
    title: 'Agents and models',
    description: 'What each agent asked of each model within the shown time.',
    whenRed: 'calls of this model fail.',
    width: 16,
    height: 10,
    expect: 'usage',
    labels: [...WHO, { label: 'provider', title: 'Provider', width: 95 }, { label: 'model', title: 'Model' }],
    values: [
      column('Cost', byModel(increase('agent_llm_cost_usd_total')), 'currencyUSD', 2),
      column('Tokens', byModel(increase('agent_llm_tokens_total', FRESH)), 'short', 1),
      column('Calls', byModel(increase('agent_llm_requests_total')), 'short', 0),
      {
        ...column('Failed', byModel(`${increase('agent_llm_request_failures_total')} > 0`), 'short', 0),
        thresholds: colourSteps([0, PLAIN], [1, NOW]),
      },
    ],
    hidden: ['job'],
    sortBy: 'Cost',
    filterable: true,
    noValue: 'Nothing reported',
  }),
]

function byModel(expression: string): string {
  return `sum ${by('job', 'instance', 'agent', 'provider', 'model')} (${expression})`
}

function column(title: string, expr: string, unit: string, decimals: number) {
  return { title, expr, unit, decimals, width: 80 }
}

/** What do models cost, who spends it, and do they answer? */
export const usage: Board = {
  name: 'usage',
  title: 'AI agents: LLM usage & cost',
  description:
    'What do models cost, who spends it, and do they answer? Only what was reported for agents is here.',
  choice: 'agents',
  from: 'now-6h',
  rows: [{ panels: [...STATS, ...HISTORY] }, { title: 'Who spends it', panels: WHO_SPENDS }],
}
