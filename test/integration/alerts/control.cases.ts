import { type AlertCase, age, gauge, growing, rate, STRONG, steady } from '../../support/alert-cases.ts'

const bucket = (rung: string, le: string, quiet: number, firing: number, strong: number) =>
  rate(
    `agent_action_duration_seconds_bucket{action="pause", rung="${rung}", le="${le}"}`,
    quiet,
    firing,
    strong,
  )
const refused = (reason: string, action = 'pause') =>
  `agent_action_refusals_total{action="${action}", reason="${reason}"}`

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentPausedTooLong',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [age('agent_paused_since_timestamp_seconds{agent="x"}', 1_785, 1_801)],
    stories: [
      {
        what: 'half an hour to the second',
        stages: [{ at: 0, courses: [age('agent_paused_since_timestamp_seconds{agent="x"}', 0, 1_800)] }],
        looks: [[300, 'quiet']],
      },
    ],
    forSeconds: 30,
    says: [
      'x has been paused for long',
      'Agent x on a has been held for 30m 1s. Nobody resumed or terminated it.',
    ],
  },
  {
    alert: 'AgentActionPending',
    class: 'level',
    severity: 'warning',
    labels: { action: 'pause' },
    courses: [gauge('agent_actions_pending{action="pause"}', 0, 1)],
    forSeconds: 600,
    says: [
      'Somebody has to decide about pause',
      '1 actions (pause) on a have not been settled for ten minutes: they wait for approval. agent-exporter actions --status pending_approval',
    ],
  },
  {
    alert: 'AgentActionFailing',
    class: 'event',
    severity: 'critical',
    labels: { action: 'pause' },
    series: 'agent_actions_total{action="pause", trigger="budget", outcome="failed"}',
    only: ['outcome'],
    kind: 'counter',
    events: 1,
    windowSeconds: 900,
    says: [
      'An action failed on a: pause',
      'At least one pause on a failed within fifteen minutes, so an agent is not in the state it should be in. agent-exporter actions --status failed',
    ],
  },
  {
    alert: 'AgentActionsRefused',
    class: 'level',
    severity: 'warning',
    labels: { reason: 'cooldown' },
    courses: [
      rate(refused('cooldown'), 1.9 / 900, 2 / 900),
      rate(refused('cooldown', 'resize'), 1 / 900, 1.1 / 900),
    ],
    beside: [growing(refused('not_enforced'), 1)],
    only: ['reason'],
    each: {
      reason: [
        'conflict',
        'fleet_share',
        'failure_stop',
        'host_memory',
        'missing_data',
        'not_durable',
        'other_user',
        'second_daemon',
        'too_many_attempts',
        'unsupported',
      ],
    },
    stories: [
      {
        what: 'exactly three',
        stages: [
          { at: 0, courses: [steady(refused('cooldown'), 7)] },
          { at: 1_200, courses: [steady(refused('cooldown'), 9)] },
          { at: 1_215, courses: [steady(refused('cooldown'), 10)] },
        ],
        looks: [
          [1_200, 'quiet'],
          [1_215, 'pending'],
        ],
      },
    ],
    rangeSeconds: 900,
    forSeconds: 60,
    says: [
      'Actions are refused on a: cooldown',
      'At least three actions on a were refused within fifteen minutes because of cooldown.',
    ],
  },
  {
    alert: 'AgentResumesUsedUp',
    class: 'event',
    severity: 'critical',
    labels: { action: 'resume', reason: 'too_many_resumes' },
    series: refused('too_many_resumes', 'resume'),
    only: ['action', 'reason'],
    kind: 'counter',
    events: 1,
    windowSeconds: 1_800,
    says: [
      'An agent on a was paused and resumed too often and stays paused now',
      'An agent on a would have gone on by itself more often than control.maxAutoResumesPerHour allows: what it was paused for comes back each time. A person has to decide. agent-exporter actions --status refused',
    ],
  },
  {
    alert: 'AgentActionSlow',
    class: 'level',
    severity: 'warning',
    labels: { action: 'pause' },
    // One of ten takes longer than 5 s, all of them by one rung; then a few more do.
    courses: [
      bucket('stop', '5.0', 4, 3.99, 0),
      bucket('stop', '10.0', 5, 5, 5 * STRONG),
      bucket('stop', '+Inf', 5, 5, 5 * STRONG),
      bucket('freeze', '5.0', 5, 5, 5),
      bucket('freeze', '10.0', 5, 5, 5),
      bucket('freeze', '+Inf', 5, 5, 5),
    ],
    only: ['action'],
    each: { action: ['resume'] },
    rangeSeconds: 900,
    forSeconds: 60,
    says: [
      'Actions are slow on a: pause',
      'One pause of ten on a took longer than 5.05s; a quarter of a second is usual.',
    ],
  },
  {
    alert: 'AgentKillSwitchEngaged',
    class: 'level',
    severity: 'warning',
    courses: [gauge('agent_control_kill_switch', 0, 1)],
    forSeconds: 300,
    says: [
      'The kill switch is engaged on a',
      'Nothing but a resume is done on a: budgets and memory are watched, but nobody is stopped.',
    ],
  },
  {
    alert: 'AgentPauseBroken',
    class: 'event',
    severity: 'warning',
    series: 'agent_pauses_restored_total',
    kind: 'counter',
    events: 1,
    windowSeconds: 900,
    says: [
      'A paused agent ran on a',
      'An agent on a ran although it is held and was stopped again. Somebody, perhaps the agent itself, continued it. agent-exporter actions',
    ],
  },
]
