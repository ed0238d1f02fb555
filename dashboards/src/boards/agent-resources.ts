import { LATE } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { by, legend, readings } from '../promql.ts'

const { gauge, rate, steps } = readings('one')
const SIZE = { width: 8, height: 8 } as const

/** What it takes of the machine. */
export const RESOURCES: readonly PanelPlan[] = [
  graph({
    key: 'cpu',
    title: 'CPU',
    description: 'Cores that all its processes together keep busy, and how many its container may use.',
    runbooks: ['AgentCpuHigh'],
    ...SIZE,
    expect: 'agents',
    queries: [
      {
        expr: `sum ${by('instance', 'mode')} (${rate('agent_cpu_seconds_total')})`,
        legend: legend`${'mode'} @ ${'instance'}`,
      },
      {
        expr: gauge('agent_cpu_limit_cores'),
        legend: legend`limit @ ${'instance'}`,
        colour: LATE,
        dashed: true,
      },
    ],
    unit: 'suffix:cores',
    min: 0,
    noValue: 'Not measured',
  }),
  graph({
    key: 'throttled',
    title: 'Throttled',
    description: 'Share of the enforcement periods in which its container was held back by its limit of CPU.',
    whenRed: 'it is slow for want of CPU: raise the limit.',
    runbooks: ['AgentCpuThrottled'],
    ...SIZE,
    expect: 'containerLimits',
    queries: [
      {
        expr: `${rate('agent_cpu_throttled_periods_total')} / (${rate('agent_cpu_periods_total')} > 0)`,
        legend: legend`throttled @ ${'instance'}`,
      },
    ],
    unit: 'percentunit',
    min: 0,
    noValue: 'No limit of CPU',
  }),
  graph({
    key: 'tasks',
    title: 'Processes and threads',
    description: 'Live processes and threads, and how many tasks its container may have.',
    whenRed: 'at the limit it cannot start anything: see what it started.',
    runbooks: ['AgentPidsNearLimit'],
    ...SIZE,
    expect: 'agents',
    queries: [
      { expr: gauge('agent_processes'), legend: legend`processes @ ${'instance'}` },
      { expr: gauge('agent_threads'), legend: legend`threads @ ${'instance'}` },
      { expr: gauge('agent_open_fds'), legend: legend`open files @ ${'instance'}` },
      {
        expr: gauge('agent_pids_limit'),
        legend: legend`limit of tasks @ ${'instance'}`,
        colour: LATE,
        dashed: true,
      },
    ],
    unit: 'none',
    decimals: 0,
    min: 0,
    noValue: 'Not measured',
  }),
  graph({
    key: 'io',
    title: 'Storage',
    description: 'Bytes per second read from storage; what was written is below zero.',
    ...SIZE,
    expect: 'agents',
    queries: [
      { expr: rate('agent_io_read_bytes_total'), legend: legend`read @ ${'instance'}` },
      {
        expr: rate('agent_io_write_bytes_total'),
        legend: legend`written @ ${'instance'}`,
        mirrored: true,
      },
    ],
    unit: 'binBps',
    noValue: 'Not readable',
  }),
  graph({
    key: 'network',
    title: 'Network',
    description:
      'Bytes per second received in its own network; what was sent is below zero. Absent in that of the host.',
    ...SIZE,
    expect: 'container',
    queries: [
      { expr: rate('agent_network_receive_bytes_total'), legend: legend`in @ ${'instance'}` },
      {
        expr: rate('agent_network_transmit_bytes_total'),
        legend: legend`out @ ${'instance'}`,
        mirrored: true,
      },
    ],
    unit: 'binBps',
    noValue: 'In the network of the host',
  }),
  graph({
    key: 'ends',
    title: 'Out-of-memory kills and restarts',
    description:
      'Processes of its container that the kernel killed for memory, and restarts of the container.',
    whenRed: 'its limit is too small for what it does at once.',
    runbooks: ['AgentOomKilled', 'AgentContainerRestarting'],
    ...SIZE,
    expect: 'container',
    queries: [
      { expr: steps('agent_oom_kills_total'), legend: legend`killed @ ${'instance'}`, colour: LATE },
      { expr: steps('agent_restarts_total'), legend: legend`restarts @ ${'instance'}` },
    ],
    style: 'events',
    unit: 'none',
    decimals: 0,
    min: 0,
    noValue: 'Not in a container',
  }),
  graph({
    key: 'switches',
    title: 'Context switches',
    description:
      'Switches per second of its main threads: voluntary ones wait for something, involuntary ones are pushed aside by others.',
    width: 24,
    height: 6,
    expect: 'process',
    queries: [
      {
        expr: rate('agent_context_switches_total'),
        legend: legend`${'kind'} @ ${'instance'}`,
      },
    ],
    unit: 'ops',
    min: 0,
    noValue: 'In a container',
  }),
]
