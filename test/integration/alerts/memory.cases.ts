import { type AlertCase, gauge, rate, steady } from '../../support/alert-cases.ts'

const MIB = 1_048_576
const labels = { agent: 'x' }
const judged = (quiet: number, firing: number) => gauge('agent_memory_judged_bytes{agent="x"}', quiet, firing)
const threshold = (level: string, bytes: number) =>
  steady(`agent_memory_threshold_bytes{agent="x", level="${level}"}`, bytes)

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentMemoryWarning',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [judged(512 * MIB - 1, 512 * MIB), threshold('warning', 512 * MIB)],
    beside: [threshold('critical', 1024 * MIB)],
    only: ['level'],
    forSeconds: 120,
    keepSeconds: 120,
    says: [
      'x uses much of the memory it may have',
      'Agent x on a uses 512MiB, which is beyond its threshold for a warning.',
    ],
  },
  {
    alert: 'AgentMemoryCritical',
    class: 'level',
    severity: 'critical',
    labels,
    courses: [judged(1024 * MIB - 1, 1024 * MIB), threshold('critical', 1024 * MIB)],
    beside: [threshold('oom_imminent', 1536 * MIB)],
    only: ['level'],
    forSeconds: 60,
    keepSeconds: 120,
    says: ['x has little memory left', 'Agent x on a uses 1GiB, which is beyond its critical threshold.'],
  },
  {
    alert: 'AgentMemoryOomImminent',
    class: 'level',
    severity: 'critical',
    labels,
    courses: [judged(1536 * MIB - 1, 1536 * MIB), threshold('oom_imminent', 1536 * MIB)],
    beside: [threshold('critical', 1024 * MIB)],
    only: ['level'],
    forSeconds: 30,
    keepSeconds: 60,
    says: ['x is about to run out of memory', 'Agent x on a uses 1.5GiB and may be killed at any moment.'],
  },
  {
    alert: 'AgentMemoryLimitForecast',
    class: 'level',
    severity: 'warning',
    labels: { ...labels, estimate: 'mid' },
    courses: [
      gauge('agent_memory_time_to_limit_seconds{agent="x", estimate="mid"}', 901, 900),
      steady('agent_memory_warning_horizon_seconds', 900),
    ],
    only: ['estimate'],
    beside: [
      // The peaks may reach it any moment: no news.
      steady('agent_memory_time_to_limit_seconds{agent="x", estimate="low"}', 60),
    ],
    forSeconds: 120,
    keepSeconds: 120,
    says: [
      'x reaches its memory limit soon',
      'Agent x on a grows and reaches its memory limit in 15m 0s if it goes on so.',
    ],
  },
  {
    alert: 'AgentMemoryLeakSuspected',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [
      steady('agent_memory_growth_bytes_per_second{agent="x"}', 2048),
      gauge('agent_memory_trend{agent="x", trend="growing"}', 0, 1),
      steady('agent_memory_judged_bytes{agent="x"}', 100 * MIB),
    ],
    beside: [gauge('agent_memory_trend{agent="x", trend="stable"}', 1, 0)],
    only: ['trend'],
    enough: [[steady('agent_memory_growth_bytes_per_second{agent="x"}', 1)]],
    spoilt: [
      [steady('agent_memory_growth_bytes_per_second{agent="x"}', 0)],
      [judged(100 * MIB - 1, 100 * MIB - 1)],
      [steady('agent_memory_trend{agent="x", trend="growing"}', 0)],
    ],
    forSeconds: 1_800,
    keepSeconds: 300,
    says: [
      'x has been growing for half an hour',
      'Agent x on a grows by 2kiB a second, over the sawtooth of its garbage collections.',
    ],
  },
  {
    alert: 'AgentMemoryPressure',
    class: 'level',
    severity: 'warning',
    labels,
    courses: [rate('agent_memory_pressure_stalled_seconds_total{agent="x"}', 0.1, 0.109)],
    forSeconds: 300,
    rangeSeconds: 300,
    says: [
      'x waits for memory',
      'All tasks of agent x on a waited for memory for 10.9% of the last minutes.',
    ],
  },
  {
    alert: 'AgentOomKilled',
    class: 'event',
    severity: 'critical',
    labels,
    series: 'agent_oom_kills_total{agent="x"}',
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'A process of x was killed for want of memory',
      'The kernel killed processes of agent x on a in the last ten minutes because its container has too little memory.',
    ],
  },
]
