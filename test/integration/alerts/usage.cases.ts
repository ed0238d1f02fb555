import { type AlertCase, growing, rate, type Story, steady } from '../../support/alert-cases.ts'

const model = { provider: 'p', model: 'm' }
const series = (name: string, agent: string, more = '') =>
  `${name}{agent="${agent}", provider="p", model="m"${more}}`
const money = (agent: string, name = 'm', provider = 'p') =>
  `agent_llm_cost_usd_total{agent="${agent}", provider="${provider}", model="${name}"}`

const calls = (agent: string) => series('agent_llm_requests_total', agent)
const failures = (agent: string) => series('agent_llm_request_failures_total', agent)
/** Both agents call so often a second, and every call fails. */
const both = (pace: number) =>
  ['x', 'y'].flatMap((agent) => [growing(calls(agent), pace), growing(failures(agent), pace)])

/** So many calls at one moment, one fewer at the moment before. */
const exactly = (count: number): Story => ({
  what: `exactly ${count}`,
  stages: [
    { at: 0, courses: [steady(calls('x'), 0), steady(failures('x'), 0)] },
    { at: 1_200, courses: [steady(calls('x'), count - 1), steady(failures('x'), count - 1)] },
    { at: 1_260, courses: [steady(calls('x'), count), steady(failures('x'), count)] },
  ],
  looks: [[1_275, 'pending']],
})

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentTokenRateHigh',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [
      growing(series('agent_llm_tokens_total', 'x', ', token_type="input"'), 900),
      rate(series('agent_llm_tokens_total', 'x', ', token_type="output"'), 99.9, 100.9),
    ],
    beside: [growing(series('agent_llm_tokens_total', 'x', ', token_type="cache_read"'), 5_000)],
    rangeSeconds: 300,
    forSeconds: 120,
    says: [
      'x uses tokens very fast',
      'Agent x on a uses 1.001k tokens a second, tokens read from a cache not counted.',
    ],
  },
  {
    alert: 'AgentCostRateHigh',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [rate(money('x'), 9.9 / 3_600, 10.1 / 3_600), growing(money('x', 'n', 'q'), 10 / 3_600)],
    // Another agent's money is not counted.
    beside: [growing(money('y'), 5 / 3_600)],
    rangeSeconds: 3_600,
    forSeconds: 60,
    says: ['x spends money fast', 'Agent x on a spent 20.10 US dollars within an hour.'],
  },
  {
    alert: 'AgentFleetCostHigh',
    class: 'level',
    severity: 'critical',
    courses: [rate(money('x'), 59.9 / 3_600, 60.1 / 3_600), growing(money('y', 'n', 'q'), 40 / 3_600)],
    rangeSeconds: 3_600,
    forSeconds: 60,
    says: [
      'The agents on a spend money fast',
      'All agents on a together spent 100.10 US dollars within an hour.',
    ],
  },
  {
    alert: 'AgentLlmErrors',
    class: 'level',
    severity: 'warning',
    labels: model,
    courses: [
      growing(calls('x'), 5),
      growing(calls('y'), 5),
      rate(failures('x'), 0.249, 0.259),
      growing(failures('y'), 0.25),
    ],
    share: 'of rates',
    // Every call fails, but there are only nineteen; then there are twenty.
    stories: [exactly(20)],
    spoilt: [both(9.6 / 600)],
    enough: [both(10.1 / 600)],
    rangeSeconds: 600,
    forSeconds: 300,
    says: ['Calls of m fail', '5.09% of the calls of m (p) by the agents on a fail.'],
  },
  {
    alert: 'AgentLlmDown',
    class: 'level',
    severity: 'critical',
    labels: model,
    courses: [
      growing(calls('x'), 5),
      growing(calls('y'), 5),
      rate(failures('x'), 2.5, 2.59),
      growing(failures('y'), 2.5),
    ],
    share: 'of rates',
    stories: [exactly(10)],
    spoilt: [both(4.6 / 300)],
    enough: [both(5.1 / 300)],
    rangeSeconds: 300,
    forSeconds: 120,
    says: [
      'Most calls of m fail',
      '50.9% of the calls of m (p) by the agents on a fail: the provider is down, the key is refused or the quota is used up.',
    ],
  },
]
