import { AGENT_LEGEND, budgetBars, cores, memoryBars } from '../agent-queries.ts'
import { STOPPED } from '../colours.ts'
import { agentLinks } from '../links.ts'
import { bars } from '../panels/bars.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { BY_AGENT, readings } from '../promql.ts'

const read = readings('none')
const links = agentLinks('__field.labels')
const SIZE = { width: 6, height: 8 } as const

/** What costs most. */
export const CONSUMERS: readonly PanelPlan[] = [
  bars({
    key: 'top-memory',
    title: 'Most memory, of what ends it',
    description:
      'Judged memory as a share of the threshold "OOM imminent" of the agent: a full bar is its end. Colours are the levels that the exporter found (green healthy, yellow warning, orange critical, red OOM imminent).',
    whenRed: 'raise its limit at once, or end it in an orderly way. A pause frees no memory.',
    runbooks: ['AgentMemoryWarning', 'AgentMemoryCritical', 'AgentMemoryOomImminent'],
    ...SIZE,
    expect: 'agents',
    queries: memoryBars(read, 5),
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    noValue: 'No agents',
    links,
  }),
  bars({
    key: 'top-budget',
    title: 'Fullest budgets',
    description:
      'The share of that limit of which most is used. Colours are the phases that the exporter found (green normal, yellow warning, orange intervention).',
    whenRed: 'let it end, or resume it with more budget on its control page.',
    runbooks: ['AgentBudgetWarning', 'AgentBudgetExceeded', 'AgentEnforcementBlocked'],
    ...SIZE,
    expect: 'budgets',
    queries: budgetBars(read, 5),
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    noValue: 'No limits',
    links,
  }),
  bars({
    key: 'top-cpu',
    title: 'Most CPU',
    description: 'Cores that an agent keeps busy now, all its processes together.',
    runbooks: ['AgentCpuHigh'],
    ...SIZE,
    expect: 'agents',
    queries: [{ expr: `topk(6, ${cores(read)})`, legend: AGENT_LEGEND, colour: STOPPED }],
    unit: 'suffix:cores',
    decimals: 2,
    min: 0,
    noValue: 'No agents',
    links,
  }),
  bars({
    key: 'top-cost',
    title: 'Most money',
    description: 'US dollars that an agent spent on models within the shown time, as reported for it.',
    runbooks: ['AgentCostRateHigh'],
    ...SIZE,
    expect: 'usage',
    queries: [
      {
        expr: `topk(6, sum ${BY_AGENT} (${read.increase('agent_llm_cost_usd_total')}))`,
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
]
