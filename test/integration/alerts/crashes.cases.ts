import { type AlertCase, gauge, rate } from '../../support/alert-cases.ts'

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentCrashed',
    class: 'event',
    severity: 'warning',
    labels: { agent: 'x' },
    series: 'agent_last_crash_timestamp_seconds{agent="x"}',
    kind: 'stamp',
    events: 1,
    windowSeconds: 600,
    says: ['x crashed', 'Agent x on a crashed 15s ago. The evidence: agent-exporter crashes'],
  },
  {
    alert: 'AgentCrashLoop',
    class: 'event',
    severity: 'critical',
    labels: { agent: 'x' },
    series: 'agent_last_crash_timestamp_seconds{agent="x"}',
    kind: 'stamp',
    events: 3,
    windowSeconds: 1_800,
    says: ['x crashes again and again', 'Agent x on a has crashed at least three times within half an hour.'],
  },
  {
    alert: 'AgentCrashShareHigh',
    class: 'level',
    severity: 'warning',
    courses: [
      // 21 crashes of 100 ends an hour against 19.
      rate('agent_exits_total{role="coder", reason="crashed"}', 19 / 3_600, 21 / 3_600),
      rate('agent_exits_total{role="coder", reason="clean"}', 61 / 3_600, 59 / 3_600),
      rate('agent_exits_total{role="none", reason="stopped"}', 20 / 3_600, 20 / 3_600),
    ],
    spoilt: [
      // Four of five within the hour are not many.
      [
        rate('agent_exits_total{role="coder", reason="crashed"}', 4.9 / 3_600, 4.9 / 3_600),
        rate('agent_exits_total{role="coder", reason="clean"}', 1 / 3_600, 1 / 3_600),
        rate('agent_exits_total{role="none", reason="stopped"}', 0, 0),
      ],
    ],
    warmSeconds: 4_500,
    settleSeconds: 3_600,
    forSeconds: 300,
    says: [
      'Many agents on a crash',
      '21% of the agents that ended on a within an hour crashed, at least five of them.',
    ],
  },
  {
    alert: 'AgentFleetHealthLow',
    class: 'level',
    severity: 'warning',
    courses: [gauge('agent_fleet_health_ratio', 0.5, 0.49)],
    forSeconds: 600,
    says: [
      'The agents on a are in bad health',
      'The health of all agents on a is 49%: crashes of the last days and memory near its limit count.',
    ],
  },
]
