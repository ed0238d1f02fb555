import { type AlertCase, gauge, rate, STRONG, steady } from '../../support/alert-cases.ts'

const commits = (le: string, quiet: number, firing: number, strong: number) =>
  rate(
    `agent_exporter_store_commit_duration_seconds_bucket{lane="durable", le="${le}"}`,
    ...([quiet, firing, strong] as const),
  )

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentExporterDown',
    class: 'level',
    severity: 'critical',
    courses: [gauge('up', 1, 0)],
    forSeconds: 60,
    says: [
      'The exporter on a is down',
      'Prometheus cannot scrape a. Agents there are not measured, and perhaps not guarded.',
    ],
  },
  {
    alert: 'AgentExporterAbsent',
    class: 'absence',
    severity: 'critical',
    series: 'up',
    forSeconds: 300,
    says: [
      'Prometheus knows of no exporter',
      'Prometheus has no target that is an exporter: its configuration or its service discovery lost them all.',
    ],
  },
  {
    alert: 'AgentExporterRestarting',
    class: 'event',
    severity: 'warning',
    series: 'process_start_time_seconds',
    kind: 'restamp',
    events: 3,
    windowSeconds: 1_800,
    says: [
      'The exporter on a is restarted again and again',
      'The exporter on a was started at least three times within half an hour.',
    ],
  },
  {
    alert: 'AgentExporterCollectorFailing',
    class: 'level',
    severity: 'warning',
    labels: { collector: 'memory' },
    courses: [gauge('agent_scrape_collector_success{collector="memory"}', 1, 0)],
    beside: [steady('agent_scrape_collector_success{collector="self"}', 1)],
    forSeconds: 300,
    says: [
      'A collector fails on a: memory',
      'The collector memory on a has failed for five minutes; what it measures is missing.',
    ],
  },
  {
    alert: 'AgentExporterSeriesDropped',
    class: 'event',
    severity: 'warning',
    series: 'agent_exporter_series_dropped_total',
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'Agents on a are left out of the metrics',
      'There are more series on a than agents.maxSeries allows; the newest agents are guarded, but not shown.',
    ],
  },
  {
    alert: 'AgentExporterSamplesRefused',
    class: 'event',
    severity: 'warning',
    series: 'agent_exporter_samples_refused_total{reason="duplicate"}',
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'The exporter on a withheld invalid samples',
      'The exporter on a left samples out that would have made a scrape invalid: a fault in it.',
    ],
  },
  {
    alert: 'AgentExporterLoopLagHigh',
    class: 'level',
    severity: 'warning',
    courses: [gauge('agent_exporter_loop_lag_seconds', 1, 1.1)],
    forSeconds: 300,
    says: [
      'The exporter on a is overloaded',
      'The event loop of the exporter on a stood still for 1.1s; it reacts that much later.',
    ],
  },
  {
    alert: 'AgentExporterSamplesMissed',
    class: 'level',
    severity: 'warning',
    courses: [rate('agent_exporter_samples_missed_total', 0.1, 0.109)],
    rangeSeconds: 300,
    forSeconds: 300,
    says: [
      'The exporter on a cannot keep up',
      'The exporter on a leaves 0.1 samples a second out because the one before still runs.',
    ],
  },
  {
    alert: 'AgentExporterMemoryLooksLate',
    class: 'level',
    severity: 'warning',
    courses: [gauge('agent_exporter_memory_look_delay_seconds', 1, 1.1)],
    forSeconds: 300,
    says: [
      'Looks at memory come late on a',
      'Agents near their memory limits on a are looked at 1.1s later than needed.',
    ],
  },
  {
    alert: 'AgentExporterReloadFailed',
    class: 'level',
    severity: 'warning',
    courses: [gauge('agent_exporter_config_last_reload_successful', 1, 0)],
    forSeconds: 60,
    says: [
      'The exporter on a refused its new configuration',
      'The last reload on a failed; the configuration before it is still in force. agent-exporter check-config',
    ],
  },
  {
    alert: 'AgentExporterStoreDown',
    class: 'level',
    severity: 'critical',
    courses: [gauge('agent_exporter_store_up', 1, 0)],
    forSeconds: 60,
    says: [
      'The exporter on a cannot write its store',
      'The exporter on a cannot write its store. What needs a durable journal is refused.',
    ],
  },
  {
    alert: 'AgentExporterStoreDamaged',
    class: 'event',
    severity: 'critical',
    series: 'agent_exporter_store_quarantines_total',
    kind: 'counter',
    events: 1,
    windowSeconds: 3_600,
    says: [
      'The store on a was damaged and put aside',
      'The exporter on a found its database damaged, put it aside and began a new one.',
    ],
  },
  {
    alert: 'AgentExporterStoreDropsRows',
    class: 'event',
    severity: 'warning',
    series: 'agent_exporter_store_dropped_rows_total{reason="full"}',
    kind: 'counter',
    events: 1,
    windowSeconds: 900,
    says: [
      'The store on a lost rows',
      'Rows that waited to be written on a were dropped within fifteen minutes; history has gaps.',
    ],
  },
  {
    alert: 'AgentExporterStoreSlow',
    class: 'level',
    severity: 'warning',
    labels: { lane: 'durable' },
    courses: [
      // One of ten takes half a second, or a hundredth less.
      commits('0.25', 5, 5, 0),
      commits('0.5', 9.08, 9, 0),
      commits('1.0', 10, 10, 10 * STRONG),
      commits('+Inf', 10, 10, 10 * STRONG),
    ],
    rangeSeconds: 300,
    forSeconds: 300,
    says: [
      'The store on a is slow',
      'One transaction of ten (durable) on a took 500ms or more. Actions wait for it.',
    ],
  },
  {
    alert: 'AgentDeadMansSwitch',
    class: 'always',
    severity: 'none',
    says: [
      'Alerts can be delivered',
      'This alert always fires. When it stops arriving, Prometheus, Alertmanager or the way between them is broken.',
    ],
  },
]
