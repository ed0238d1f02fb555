import { type AlertCase, gauge, rate, steady } from '../../support/alert-cases.ts'

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentHostMemoryLow',
    class: 'level',
    severity: 'critical',
    courses: [
      gauge('agent_host_memory_available_bytes', 1_000, 990),
      steady('agent_host_memory_total_bytes', 10_000),
    ],
    forSeconds: 300,
    says: [
      'Memory is short on a',
      'Only 9.9% of the memory of a is available. The kernel may kill any agent.',
    ],
  },
  {
    alert: 'AgentHostDiskLow',
    class: 'level',
    severity: 'critical',
    labels: { mountpoint: '/work' },
    courses: [
      gauge('agent_host_filesystem_available_bytes{mountpoint="/work"}', 1_000, 990),
      steady('agent_host_filesystem_size_bytes{mountpoint="/work"}', 10_000),
    ],
    beside: [
      steady('agent_host_filesystem_available_bytes{mountpoint="/"}', 5_000),
      steady('agent_host_filesystem_size_bytes{mountpoint="/"}', 10_000),
    ],
    forSeconds: 600,
    says: ['A disk is nearly full on a', 'Only 9.9% of /work on a is free.'],
  },
  {
    alert: 'AgentHostMemoryPressure',
    class: 'level',
    severity: 'warning',
    courses: [rate('agent_host_pressure_memory_stalled_seconds_total', 0.1, 0.109)],
    rangeSeconds: 300,
    forSeconds: 300,
    says: [
      'Everything waits for memory on a',
      'All tasks on a waited for memory for 10.9% of the last minutes.',
    ],
  },
  {
    alert: 'AgentHostOomKill',
    class: 'event',
    severity: 'warning',
    series: 'agent_host_oom_kills_total',
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'The kernel killed processes on a for want of memory',
      'Processes on a were killed for want of memory within ten minutes. Whether an agent was among them: agent-exporter crashes',
    ],
  },
]
