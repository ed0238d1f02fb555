import { type AlertCase, gauge, growing, rate, steady } from '../../support/alert-cases.ts'

const exits = (role: string, reason: string) => `agent_exits_total{role="${role}", reason="${reason}"}`

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
      // Two of ten, then a few more, by agents of two roles.
      rate(exits('coder', 'crashed'), 0.99 / 15, 1.09 / 15),
      growing(exits('none', 'crashed'), 1 / 15),
      rate(exits('coder', 'clean'), 6.01 / 15, 5.91 / 15),
      growing(exits('none', 'stopped'), 2 / 15),
    ],
    share: 'of rates',
    spoilt: [
      // Not five within the hour are not many, whatever their share is.
      [
        growing(exits('coder', 'crashed'), 2.9 / 3_600),
        growing(exits('none', 'crashed'), 2 / 3_600),
        growing(exits('coder', 'clean'), 5 / 3_600),
        growing(exits('none', 'stopped'), 0),
      ],
    ],
    enough: [
      [
        growing(exits('coder', 'crashed'), 3.1 / 3_600),
        growing(exits('none', 'crashed'), 2 / 3_600),
        growing(exits('coder', 'clean'), 0),
        growing(exits('none', 'stopped'), 0),
      ],
    ],
    stories: [
      {
        what: 'exactly five',
        stages: [
          { at: 0, courses: [steady(exits('coder', 'crashed'), 0)] },
          { at: 4_500, courses: [steady(exits('coder', 'crashed'), 4)] },
          { at: 4_515, courses: [steady(exits('coder', 'crashed'), 5)] },
        ],
        looks: [
          [4_500, 'quiet'],
          [4_515, 'pending'],
        ],
      },
    ],
    rangeSeconds: 3_600,
    forSeconds: 300,
    says: [
      'Many agents on a crash',
      '20.9% of the agents that ended on a within an hour crashed, at least five of them.',
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
