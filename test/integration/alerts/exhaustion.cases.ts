import {
  type AlertCase,
  age,
  type Course,
  gauge,
  gone,
  growing,
  type Story,
  steady,
} from '../../support/alert-cases.ts'

const labels = { agent: 'x', resource: 'tokens' }
const ratio = (resource: string, quiet: number, firing: number) =>
  gauge(`agent_budget_used_ratio{agent="x", resource="${resource}"}`, quiet, firing)
const threshold = (level: string, share: number) =>
  steady(`agent_budget_threshold_ratio{agent="x", level="${level}"}`, share)

const used = 'agent_budget_used{agent="x", resource="tokens", unit="tokens"}'
const limit = 'agent_budget_limit{agent="x", resource="tokens", unit="tokens"}'
const growth = (what: string, most: number, looks: Story['looks']): Story => ({
  what,
  stages: [{ at: 0, courses: [growing(used, 64), steady(limit, most), ratio('tokens', 0.6, 0.6)] }],
  looks,
})
const vanishing = (what: string, series: string): Story => ({
  what: `without ${what}`,
  stages: [
    { at: 0, courses: [steady(used, 100_000), steady(limit, 100_000), ratio('tokens', 0.5, 0.5)] },
    { at: 600, courses: [gone(series)] },
  ],
  looks: [
    [600 + 30 + 300, 'fires'],
    [600 + 75 + 300, 'quiet'],
  ],
})

const phase = (name: string, is: number, agent = 'x') =>
  steady(`agent_phase{agent="${agent}", phase="${name}"}`, is)
const share = (resource: string, is: number, agent = 'x') =>
  steady(`agent_budget_used_ratio{agent="${agent}", resource="${resource}"}`, is)
const ended = (resource: string, count: number) =>
  steady(`resource_exhaustion_terminations_total{resource="${resource}"}`, count)
/** An agent that has used up its tokens, and what it looks like from the moment of its end on. */
const spent = (
  what: string,
  before: readonly Course[],
  after: readonly Course[],
  looks: Story['looks'],
): Story => ({
  what,
  stages: [
    {
      at: 0,
      courses: [
        share('tokens', 1),
        phase('termination', 0),
        phase('intervention', 1),
        ended('tokens', 3),
        ...before,
      ],
    },
    { at: 900, courses: [phase('termination', 1), phase('intervention', 0), ended('tokens', 4), ...after] },
  ],
  looks,
})
const never: Story['looks'] = [900, 915, 960, 1_020].map((at) => [at, 'quiet'])
const terminated: readonly Story[] = [
  spent(
    'terminated',
    [share('files', 1.1), ended('files', 0), share('tokens', 1.1, 'y'), phase('termination', 0, 'y')],
    [gone(share('tokens', 0).series)],
    [
      [885, 'quiet'],
      [900, 'fires'],
      [960, 'fires'],
    ],
  ),
  spent('not beyond its limit', [share('tokens', 0.95)], [], never),
  spent('not terminated', [], [phase('termination', 0), phase('intervention', 1)], never),
  spent('not by a budget', [], [ended('tokens', 3), ended('manual', 1)], never),
  // The counter of the host remembers for ten minutes, the ratio of the agent as long.
  spent(
    'remembered',
    [],
    [],
    [
      [900, 'fires'],
      [1_470, 'fires'],
      [1_500, 'quiet'],
    ],
  ),
  {
    what: 'forgotten',
    stages: [
      { at: 0, courses: [share('tokens', 1), phase('termination', 1), ended('tokens', 0)] },
      { at: 600, courses: [gone(share('tokens', 0).series)] },
      { at: 915, courses: [ended('tokens', 1)] },
    ],
    looks: [
      [915, 'fires'],
      [1_170, 'fires'],
      [1_200, 'quiet'],
    ],
  },
  {
    what: 'no longer shown',
    stages: [
      { at: 0, courses: [share('tokens', 1), phase('termination', 0), ended('tokens', 0)] },
      { at: 900, courses: [phase('termination', 1), ended('tokens', 1)] },
      { at: 1_200, courses: [gone(phase('termination', 0).series)] },
    ],
    looks: [
      [1_230, 'fires'],
      [1_260, 'quiet'],
    ],
  },
]

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentBudgetWarning',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [
      ratio('tokens', 0.79, 0.8),
      threshold('warning', 0.8),
      gauge('agent_phase{agent="x", phase="warning"}', 0, 1),
    ],
    beside: [ratio('files', 0.1, 0.1), threshold('intervention', 1)],
    only: ['level', 'phase'],
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
      threshold('intervention', 1),
      gauge('agent_phase{agent="x", phase="intervention"}', 0, 1),
    ],
    beside: [ratio('files', 0.9, 0.9), threshold('warning', 0.8)],
    only: ['level', 'phase'],
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
    only: ['phase'],
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
    alert: 'AgentTerminatedByBudget',
    class: 'event',
    kind: 'story',
    severity: 'warning',
    labels,
    stories: terminated,
    says: [
      'x was terminated: tokens used up',
      'Agent x on a had used 100% of its limit of tokens, nobody answered, and it was terminated.',
    ],
  },
  {
    alert: 'AgentBudgetForecast',
    class: 'level',
    severity: 'warning',
    labels: { ...labels, unit: 'tokens' },
    // Used up, or one token short of it, and nothing more is used. How it grows there is told below.
    courses: [gauge(used, 99_999, 100_000), steady(limit, 100_000), ratio('tokens', 0.5, 0.5)],
    only: ['resource'],
    each: { resource: ['api_calls', 'cost_usd', 'subtasks', 'files'] },
    others: { resource: 'files' },
    spoilt: [[ratio('tokens', 0.49, 0.49)], [steady(used, 99_999)]],
    times: 'in stories',
    stories: [
      // 64 tokens a second: 57,600 within fifteen minutes.
      growth('on the second', 64 * 1_215 + 57_600 - 32, [
        [1_200 - 15, 'quiet'],
        [1_200, 'pending'],
        [1_305, 'pending'],
        [1_320, 'fires'],
      ]),
      growth('a second late', 64 * 1_215 + 57_600 + 32, [
        [1_200, 'quiet'],
        [1_215, 'pending'],
      ]),
      // Idle for long, then at work: the line through ten minutes is not yet as steep as the work.
      {
        what: 'at work again',
        stages: [
          { at: 0, courses: [growing(used, 0), steady(limit, 60_000), ratio('tokens', 0.6, 0.6)] },
          { at: 1_500, courses: [growing(used, 64)] },
        ],
        looks: [
          [1_845, 'quiet'],
          [1_890, 'pending'],
        ],
      },
      vanishing('limit', limit),
      vanishing('ratio', ratio('tokens', 0.5, 0.5).series),
    ],
    forSeconds: 120,
    rangeSeconds: 600,
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
    only: ['resource'],
    enough: [[age('agent_last_activity_timestamp_seconds{agent="x"}', 299.5, 299.5)]],
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
