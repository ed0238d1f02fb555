import { type AlertCase, age, gauge, rate } from '../../support/alert-cases.ts'

const bucket = (le: string, quiet: number, firing: number) =>
  rate(`agent_action_duration_seconds_bucket{action="pause", rung="stop", le="${le}"}`, quiet, firing)

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentPausedTooLong',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [age('agent_paused_since_timestamp_seconds{agent="x"}', 1_800, 1_801)],
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
      rate('agent_action_refusals_total{action="pause", reason="cooldown"}', 1.9 / 900, 2 / 900),
      rate('agent_action_refusals_total{action="resize", reason="cooldown"}', 1 / 900, 1.1 / 900),
      rate('agent_action_refusals_total{action="pause", reason="not_enforced"}', 1, 1),
    ],
    settleSeconds: 900,
    forSeconds: 60,
    says: [
      'Actions are refused on a: cooldown',
      'At least three actions on a were refused within fifteen minutes because of cooldown.',
    ],
  },
  {
    alert: 'AgentActionSlow',
    class: 'level',
    severity: 'warning',
    labels: { action: 'pause' },
    // One of ten in the last bucket takes 5 s at the most; one of nine takes longer.
    courses: [bucket('5.0', 0.91, 0.8), bucket('10.0', 1, 1), bucket('+Inf', 1, 1)],
    settleSeconds: 900,
    forSeconds: 60,
    says: [
      'Actions are slow on a: pause',
      'One pause of ten on a took longer than 7.5s; a quarter of a second is usual.',
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
