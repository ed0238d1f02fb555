import { asWords, steps as colourSteps, LATE, NOW, WELL } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { stat } from '../panels/stat.ts'
import { by, legend, readings } from '../promql.ts'

const { gauge, quantile, rate, steps } = readings('none')
const SIZE = { width: 6, height: 8 } as const

/** Whether what must be kept is kept. */
export const STORE: readonly PanelPlan[] = [
  stat({
    key: 'store',
    title: 'Store',
    description:
      'Whether the last write succeeded on every exporter, and how often a damaged file was put aside in the shown time.',
    whenRed: 'actions that need a durable intent are refused until it can be written: see the disk.',
    runbooks: ['AgentExporterStoreDown', 'AgentExporterStoreDamaged'],
    ...SIZE,
    expect: 'always',
    queries: [{ expr: `min(${gauge('agent_exporter_store_up')})`, legend: 'Store' }],
    unit: 'none',
    noValue: 'No exporter',
    mappings: asWords([
      [0, 'cannot be written', LATE],
      [1, 'written', WELL],
    ]),
    thresholds: colourSteps([0, LATE], [1, WELL]),
  }),
  graph({
    key: 'commit',
    title: 'Time of a commit',
    description:
      'The 90th and 99th percentile of one transaction from begin to committed, by lane; one may carry many writes.',
    whenRed: 'the disk is slow or full of other writes.',
    runbooks: ['AgentExporterStoreSlow'],
    ...SIZE,
    unit: 's',
    min: 0,
    expect: 'always',
    queries: [
      {
        expr: quantile(0.9, 'agent_exporter_store_commit_duration_seconds', ['lane']),
        legend: legend`90 % ${'lane'}`,
      },
      {
        expr: quantile(0.99, 'agent_exporter_store_commit_duration_seconds', ['lane']),
        legend: legend`99 % ${'lane'}`,
      },
    ],
    noValue: 'Nothing written',
  }),
  graph({
    key: 'writes',
    title: 'Writes and queue',
    description:
      'Statements and rows committed per second, and those that wait, by lane: durable (synced) or batch.',
    ...SIZE,
    unit: 'short',
    min: 0,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('lane')} (${rate('agent_exporter_store_writes_total')})`,
        legend: legend`${'lane'} per second`,
      },
      {
        expr: `sum ${by('lane')} (${gauge('agent_exporter_store_queue_length')})`,
        legend: legend`${'lane'} waiting`,
        dashed: true,
      },
    ],
    noValue: 'Nothing written',
  }),
  graph({
    key: 'store-size',
    title: 'Size of the file',
    description: 'The embedded database with its write-ahead log; absent with PostgreSQL.',
    ...SIZE,
    unit: 'bytes',
    min: 0,
    expect: 'sqlite',
    queries: [{ expr: gauge('agent_exporter_store_size_bytes'), legend: legend`${'instance'}` }],
    noValue: 'PostgreSQL',
  }),
  graph({
    key: 'store-failures',
    title: 'Failed writes and lost rows',
    description:
      'Writes that were refused or are tried again, and rows that will never be written, by reason; recoveries, and files put aside.',
    whenRed: 'what was lost is history, never an action: those are refused instead.',
    runbooks: ['AgentExporterStoreDropsRows', 'AgentExporterStoreDamaged'],
    width: 24,
    height: 7,
    unit: 'none',
    decimals: 0,
    min: 0,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('reason')} (${steps('agent_exporter_store_write_failures_total')})`,
        legend: legend`failed: ${'reason'}`,
      },
      {
        expr: `sum ${by('reason')} (${steps('agent_exporter_store_dropped_rows_total')})`,
        legend: legend`lost: ${'reason'}`,
        colour: LATE,
      },
      { expr: `sum(${steps('agent_exporter_store_recoveries_total')})`, legend: 'recovered', colour: WELL },
      { expr: `sum(${steps('agent_exporter_store_quarantines_total')})`, legend: 'put aside', colour: NOW },
    ],
    style: 'events',
    noValue: 'None',
  }),
]
