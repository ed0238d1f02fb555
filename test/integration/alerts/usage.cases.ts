import { type AlertCase, rate } from '../../support/alert-cases.ts'

const model = { provider: 'p', model: 'm' }
const series = (name: string, agent: string, more = '') =>
  `${name}{agent="${agent}", provider="p", model="m"${more}}`

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentTokenRateHigh',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [
      rate(series('agent_llm_tokens_total', 'x', ', token_type="input"'), 900, 900),
      rate(series('agent_llm_tokens_total', 'x', ', token_type="output"'), 99, 110),
      rate(series('agent_llm_tokens_total', 'x', ', token_type="cache_read"'), 5_000, 5_000),
    ],
    settleSeconds: 300,
    forSeconds: 120,
    says: [
      'x uses tokens very fast',
      'Agent x on a uses 1.01k tokens a second, tokens read from a cache not counted.',
    ],
  },
  {
    alert: 'AgentCostRateHigh',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [
      rate(series('agent_llm_cost_usd_total', 'x'), 19.9 / 3_600, 20.1 / 3_600),
      // Another agent's money is not counted.
      rate(series('agent_llm_cost_usd_total', 'y'), 5 / 3_600, 5 / 3_600),
    ],
    warmSeconds: 4_500,
    settleSeconds: 3_600,
    forSeconds: 60,
    says: ['x spends money fast', 'Agent x on a spent 20.10 US dollars within an hour.'],
  },
  {
    alert: 'AgentFleetCostHigh',
    class: 'level',
    severity: 'critical',
    courses: [
      rate(series('agent_llm_cost_usd_total', 'x'), 59.9 / 3_600, 60.1 / 3_600),
      rate(series('agent_llm_cost_usd_total', 'y'), 40 / 3_600, 40 / 3_600),
    ],
    warmSeconds: 4_500,
    settleSeconds: 3_600,
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
      rate(series('agent_llm_requests_total', 'x'), 0.5, 0.5),
      rate(series('agent_llm_requests_total', 'y'), 0.5, 0.5),
      rate(series('agent_llm_request_failures_total', 'x'), 0.049, 0.06),
      rate(series('agent_llm_request_failures_total', 'y'), 0, 0),
    ],
    spoilt: [
      // Every call fails, but there are only nineteen.
      [
        rate(series('agent_llm_requests_total', 'x'), 19 / 600, 19 / 600),
        rate(series('agent_llm_requests_total', 'y'), 0, 0),
        rate(series('agent_llm_request_failures_total', 'x'), 19 / 600, 19 / 600),
      ],
    ],
    settleSeconds: 600,
    forSeconds: 300,
    says: ['Calls of m fail', '6% of the calls of m (p) by the agents on a fail.'],
  },
  {
    alert: 'AgentLlmDown',
    class: 'level',
    severity: 'critical',
    labels: model,
    courses: [
      rate(series('agent_llm_requests_total', 'x'), 0.1, 0.1),
      rate(series('agent_llm_request_failures_total', 'x'), 0.049, 0.06),
    ],
    spoilt: [
      [
        rate(series('agent_llm_requests_total', 'x'), 9 / 300, 9 / 300),
        rate(series('agent_llm_request_failures_total', 'x'), 9 / 300, 9 / 300),
      ],
    ],
    settleSeconds: 300,
    forSeconds: 120,
    says: [
      'Most calls of m fail',
      '60% of the calls of m (p) by the agents on a fail: the provider is down, the key is refused or the quota is used up.',
    ],
  },
]
