import { type AlertCase, age, gauge, growing, rate, steady } from '../../support/alert-cases.ts'

const labels = { agent: 'x' }
const info = 'agent_info{agent="x", name="x", role="", runtime="container", vendor="", workspace=""}'

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentContainerDown',
    class: 'level',
    severity: 'critical',
    labels: { ...labels, state: 'exited' },
    courses: [
      gauge('agent_state{agent="x", state="exited"}', 0, 1),
      steady(info, 1),
      age('agent_last_crash_timestamp_seconds{agent="x"}', 10, 800),
    ],
    only: ['state', 'runtime'],
    spoilt: [
      [age('agent_last_crash_timestamp_seconds{agent="x"}', 900, 900)],
      [steady('agent_state{agent="x", state="exited"}', 0)],
      [steady(info, 0)],
    ],
    enough: [[age('agent_last_crash_timestamp_seconds{agent="x"}', 899.5, 899.5)]],
    forSeconds: 60,
    says: [
      'The container of x crashed and did not come back',
      'The container of agent x on a crashed and was not started again.',
    ],
  },
  {
    alert: 'AgentContainerRestarting',
    class: 'event',
    severity: 'critical',
    labels,
    series: 'agent_restarts_total{agent="x"}',
    kind: 'counter',
    events: 3,
    windowSeconds: 900,
    says: [
      'The container of x is restarted again and again',
      'The engine restarted the container of agent x on a at least three times within fifteen minutes.',
    ],
  },
  {
    alert: 'AgentCpuThrottled',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [
      rate('agent_cpu_throttled_periods_total{agent="x"}', 2.5, 2.59),
      growing('agent_cpu_periods_total{agent="x"}', 10),
    ],
    share: 'of rates',
    rangeSeconds: 300,
    forSeconds: 600,
    says: [
      'x is slowed down by its CPU limit',
      'Agent x on a was throttled in 25.9% of the periods of the last minutes.',
    ],
  },
  {
    alert: 'AgentPidsNearLimit',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [gauge('agent_threads{agent="x"}', 89, 90), steady('agent_pids_limit{agent="x"}', 100)],
    forSeconds: 120,
    says: [
      'x has nearly all the tasks it may have',
      'Agent x on a uses 90% of the processes and threads its container may have; forks will fail.',
    ],
  },
]
