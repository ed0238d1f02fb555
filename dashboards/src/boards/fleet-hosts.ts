import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { legend, readings } from '../promql.ts'

const { gauge, rate } = readings('none')
const SIZE = { width: 8, height: 8 } as const
const HOST = legend`${'instance'}`
const ratio = { unit: 'percentunit', decimals: 0, min: 0, max: 1 } as const
/** Mostly little: on a scale up to all of the time it would be a flat line. */
const waiting = { unit: 'percentunit', min: 0 } as const

/** The machines under the agents. */
export const HOSTS: readonly PanelPlan[] = [
  graph({
    key: 'host-memory',
    title: 'Memory left on the host',
    description: 'Memory that can be had without swapping, of all memory (MemAvailable of /proc/meminfo).',
    whenRed: 'the kernel will choose what to kill. End what is least needed.',
    runbooks: ['AgentHostMemoryLow', 'AgentHostOomKill'],
    ...SIZE,
    ...ratio,
    expect: 'always',
    queries: [
      {
        expr: `${gauge('agent_host_memory_available_bytes')} / ${gauge('agent_host_memory_total_bytes')}`,
        legend: HOST,
      },
    ],
    noValue: 'Not read',
  }),
  graph({
    key: 'host-load',
    title: 'Load per core',
    description: 'Load average of one minute for each core; above 1 processes wait for the CPU.',
    ...SIZE,
    unit: 'none',
    decimals: 2,
    min: 0,
    expect: 'always',
    queries: [{ expr: `${gauge('agent_host_load1')} / ${gauge('agent_host_cpu_cores')}`, legend: HOST }],
    noValue: 'Not read',
  }),
  graph({
    key: 'host-disk',
    title: 'Disk left',
    description: 'Space that an ordinary user may still write, of the whole file system.',
    whenRed: 'agents and the store of the exporter will fail to write.',
    runbooks: ['AgentHostDiskLow'],
    ...SIZE,
    ...ratio,
    expect: 'always',
    queries: [
      {
        expr: `${gauge('agent_host_filesystem_available_bytes')} / ${gauge('agent_host_filesystem_size_bytes')}`,
        legend: legend`${'mountpoint'} @ ${'instance'}`,
      },
    ],
    noValue: 'Not read',
  }),
  graph({
    key: 'host-pressure',
    title: 'Waiting for resources',
    description:
      'Share of the time in which at least one task waited for the CPU, for storage or for memory (pressure stall information of the kernel).',
    whenRed: 'the host is too small for its agents.',
    runbooks: ['AgentHostMemoryPressure'],
    ...SIZE,
    ...waiting,
    expect: 'pressure',
    queries: [
      { expr: rate('agent_host_pressure_cpu_waiting_seconds_total'), legend: legend`CPU @ ${'instance'}` },
      { expr: rate('agent_host_pressure_io_waiting_seconds_total'), legend: legend`storage @ ${'instance'}` },
      {
        expr: rate('agent_host_pressure_memory_waiting_seconds_total'),
        legend: legend`memory @ ${'instance'}`,
      },
    ],
    noValue: 'The kernel does not tell',
  }),
  graph({
    key: 'host-stalled',
    title: 'Everything stalled',
    description:
      'Share of the time in which all runnable tasks waited for storage or for memory: nothing got done.',
    whenRed: 'memory: end something. Storage: see who writes.',
    runbooks: ['AgentHostMemoryPressure'],
    ...SIZE,
    ...waiting,
    expect: 'pressure',
    queries: [
      { expr: rate('agent_host_pressure_io_stalled_seconds_total'), legend: legend`storage @ ${'instance'}` },
      {
        expr: rate('agent_host_pressure_memory_stalled_seconds_total'),
        legend: legend`memory @ ${'instance'}`,
      },
    ],
    noValue: 'The kernel does not tell',
  }),
  graph({
    key: 'host-network',
    title: 'Network of the host',
    description: 'Bytes per second through real network devices; what was sent is below zero.',
    ...SIZE,
    unit: 'binBps',
    expect: 'always',
    queries: [
      {
        expr: rate('agent_host_network_receive_bytes_total'),
        legend: legend`in ${'device'} @ ${'instance'}`,
      },
      {
        expr: rate('agent_host_network_transmit_bytes_total'),
        legend: legend`out ${'device'} @ ${'instance'}`,
        mirrored: true,
      },
    ],
    noValue: 'No devices',
  }),
]
