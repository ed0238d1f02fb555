import { type AlertCase, gauge, rate } from '../../support/alert-cases.ts'

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentCpuHigh',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [
      rate('agent_cpu_seconds_total{agent="x", mode="user"}', 2.75, 2.84375),
      rate('agent_cpu_seconds_total{agent="x", mode="system"}', 0.25, 0.25),
    ],
    rangeSeconds: 120,
    forSeconds: 180,
    says: ['x keeps more than three cores busy', 'Agent x on a has used 3.1 cores for minutes.'],
  },
  {
    alert: 'AgentConflict',
    class: 'level',
    severity: 'warning',
    labels: { agent: 'x' },
    courses: [gauge('agent_conflict{agent="x"}', 0, 1)],
    forSeconds: 120,
    says: [
      'Two agents say they are x',
      'Agent x on a is claimed by more than one live process or container; it is measured, but nothing will ever be done to it.',
    ],
  },
]
