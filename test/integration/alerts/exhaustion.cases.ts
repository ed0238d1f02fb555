import { type AlertCase, age, gauge, steady } from '../../support/alert-cases.ts'

const labels = { agent: 'x', resource: 'tokens' }
const ratio = (resource: string, quiet: number, firing: number) =>
  gauge(`agent_budget_used_ratio{agent="x", resource="${resource}"}`, quiet, firing)
const threshold = (level: string, share: number) =>
  steady(`agent_budget_threshold_ratio{agent="x", level="${level}"}`, share)

/** What a terminated agent looks like is told in exhaustion.promtool.yml. */
export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentBudgetWarning',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [
      ratio('tokens', 0.79, 0.8),
      ratio('files', 0.1, 0.1),
      threshold('warning', 0.8),
      threshold('intervention', 1),
      gauge('agent_phase{agent="x", phase="warning"}', 0, 1),
    ],
    spoilt: [
      [
        steady('agent_phase{agent="x", phase="warning"}', 0),
        steady('agent_phase{agent="x", phase="normal"}', 1),
      ],
      [ratio('tokens', 0.79, 0.79)],
    ],
    forSeconds: 0,
    says: ['x has nearly used its budget of tokens', 'Agent x on a has used 80% of its limit of tokens.'],
  },
  {
    alert: 'AgentBudgetExceeded',
    class: 'level',
    severity: 'critical',
    labels,
    courses: [
      ratio('tokens', 0.99, 1),
      ratio('files', 0.9, 0.9),
      threshold('warning', 0.8),
      threshold('intervention', 1),
      gauge('agent_phase{agent="x", phase="intervention"}', 0, 1),
    ],
    spoilt: [
      [
        steady('agent_phase{agent="x", phase="intervention"}', 0),
        steady('agent_phase{agent="x", phase="warning"}', 1),
      ],
      [ratio('tokens', 0.99, 0.99)],
    ],
    forSeconds: 0,
    says: [
      'x has used up its budget of tokens',
      'Agent x on a has used 100% of its limit of tokens and waits for a person: resume it, with more budget or without, or terminate it.',
    ],
  },
  {
    alert: 'AgentEnforcementBlocked',
    class: 'level',
    severity: 'critical',
    labels: { agent: 'x', phase: 'intervention' },
    courses: [
      gauge('agent_phase{agent="x", phase="intervention"}', 0, 1),
      steady('agent_enforced{agent="x"}', 1),
    ],
    spoilt: [
      [
        steady('agent_phase{agent="x", phase="intervention"}', 0),
        steady('agent_phase{agent="x", phase="warning"}', 1),
      ],
      [steady('agent_enforced{agent="x"}', 0)],
      [steady('agent_paused_since_timestamp_seconds{agent="x"}', 60)],
    ],
    forSeconds: 60,
    says: [
      'x is beyond its budget and still runs',
      'Agent x on a is enforced and beyond a limit, but is not paused. The journal says why: agent-exporter actions --agent x',
    ],
  },
  {
    alert: 'AgentBudgetForecast',
    class: 'level',
    severity: 'warning',
    labels: { ...labels, unit: 'tokens' },
    courses: [
      // What is used already and 900 s at this pace: below the limit, beyond it.
      gauge('agent_budget_used{agent="x", resource="tokens", unit="tokens"}', 60_000, 100_000),
      steady('agent_budget_limit{agent="x", resource="tokens", unit="tokens"}', 100_000),
      ratio('tokens', 0.6, 1),
    ],
    spoilt: [
      // At its limit soon, but far from it now; another resource that runs by itself.
      [ratio('tokens', 0.49, 0.49)],
      [gauge('agent_budget_used{agent="x", resource="tokens", unit="tokens"}', 0, 99_999)],
    ],
    forSeconds: 120,
    settleSeconds: 600,
    keepSeconds: 300,
    says: [
      'x uses up its budget of tokens soon',
      'Agent x on a reaches its limit of tokens within fifteen minutes if it goes on so.',
    ],
  },
  {
    alert: 'AgentNoDeliverable',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x', resource: 'time_without_deliverable' },
    courses: [
      ratio('time_without_deliverable', 0.99, 1),
      age('agent_last_activity_timestamp_seconds{agent="x"}', 10, 200),
    ],
    spoilt: [
      [age('agent_last_activity_timestamp_seconds{agent="x"}', 300, 300)],
      [ratio('time_without_deliverable', 0.99, 0.99), ratio('tokens', 1, 1)],
      [steady('agent_paused_since_timestamp_seconds{agent="x"}', 60)],
    ],
    forSeconds: 60,
    says: [
      'x works and delivers nothing',
      'Agent x on a works, but its last deliverable is 1.0 times as long ago as it may be.',
    ],
  },
]
