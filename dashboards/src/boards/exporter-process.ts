import { PLAIN } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { legend, readings } from '../promql.ts'

const { gauge, observed, quantile, rate } = readings('none')
const SIZE = { width: 8, height: 8, min: 0, expect: 'always', noValue: 'No exporter' } as const

/** What the exporter costs. */
export const PROCESS: readonly PanelPlan[] = [
  graph({
    key: 'cpu',
    title: 'CPU of the exporter',
    description: 'Cores that the exporter itself keeps busy.',
    ...SIZE,
    unit: 'suffix:cores',
    queries: [
      { expr: rate('process_cpu_user_seconds_total'), legend: legend`user @ ${'instance'}` },
      { expr: rate('process_cpu_system_seconds_total'), legend: legend`system @ ${'instance'}` },
    ],
    style: 'parts',
  }),
  graph({
    key: 'memory',
    title: 'Memory of the exporter',
    description: 'Resident memory, used heap of V8, and memory outside of it.',
    ...SIZE,
    unit: 'bytes',
    queries: [
      { expr: gauge('process_resident_memory_bytes'), legend: legend`resident @ ${'instance'}` },
      { expr: gauge('nodejs_heap_size_used_bytes'), legend: legend`heap @ ${'instance'}` },
      { expr: gauge('nodejs_external_memory_bytes'), legend: legend`external @ ${'instance'}` },
    ],
  }),
  graph({
    key: 'loop-lag',
    title: 'Event loop delay',
    description:
      'Largest delay of the event loop of the last 15 to 30 s: how late everything may be, the guard included.',
    whenRed: 'the exporter is starved of CPU, or does too much at once.',
    runbooks: ['AgentExporterLoopLagHigh'],
    ...SIZE,
    unit: 's',
    queries: [{ expr: gauge('agent_exporter_loop_lag_seconds'), legend: legend`${'instance'}` }],
  }),
  graph({
    key: 'gc',
    title: 'Garbage collection',
    description: 'The 99th percentile of a collection by kind.',
    ...SIZE,
    unit: 's',
    queries: [
      { expr: quantile(0.99, 'nodejs_gc_duration_seconds', ['kind']), legend: legend`99 % ${'kind'}` },
    ],
  }),
  graph({
    key: 'gc-count',
    title: 'Garbage collections',
    description: 'Collections per second by kind.',
    ...SIZE,
    unit: 'ops',
    queries: [
      {
        expr: observed('nodejs_gc_duration_seconds'),
        legend: legend`${'kind'} @ ${'instance'}`,
      },
    ],
  }),
  graph({
    key: 'files',
    title: 'Open files of the exporter',
    description: 'Open file descriptors and their limit. A few stay open for each watched process.',
    ...SIZE,
    unit: 'none',
    decimals: 0,
    queries: [
      { expr: gauge('process_open_fds'), legend: legend`open @ ${'instance'}` },
      {
        expr: gauge('process_max_fds'),
        legend: legend`limit @ ${'instance'}`,
        colour: PLAIN,
        dashed: true,
      },
    ],
  }),
]
