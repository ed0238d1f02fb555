import { AGENT_LEGEND, cores, WHO } from '../agent-queries.ts'
import type { Board } from '../board.ts'
import { steps as colourSteps, LATE, NOW, SOON, STATE_COLOURS, WELL } from '../colours.ts'
import { agentLinks } from '../links.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { BY_AGENT, by, largest, ON_AGENT, readings } from '../promql.ts'

const read = readings('several')
const { gauge, gained, increase, is, peak, rate, steps } = read
const links = agentLinks('__field.labels')
const SHARE = { unit: 'percentunit', decimals: 0, min: 0 } as const
const SIZE = { width: 8, height: 8 } as const

/** Processes of the host have CPU and memory too: only what is in a container belongs here. */
const IN_CONTAINER = `and ${ON_AGENT} ${gauge('agent_info', { runtime: 'container' })}`
const memoryOfLimit = `${gauge('agent_memory_working_set_bytes')} / ${gauge('agent_memory_limit_bytes')}`
const cpuOfLimit = `${cores(read)} / ${ON_AGENT} ${gauge('agent_cpu_limit_cores')}`
const tasksOfLimit = `${gauge('agent_threads')} / ${gauge('agent_pids_limit')}`
const throttled = `${rate('agent_cpu_throttled_periods_total')} / (${rate('agent_cpu_periods_total')} > 0)`
const FULL = colourSteps([0, WELL], [0.8, SOON], [0.9, NOW], [0.95, LATE])

const NOW_PANELS: readonly PanelPlan[] = [
  table({
    key: 'containers',
    title: 'Containers of agents',
    description:
      'Every container that is an agent: what it uses of its limits, and what happened to it in the shown time. An empty cell has no limit, or is not readable.',
    whenRed: 'raise the limit (`POST /api/v1/agents/{id}/resize` for memory), or give it less to do at once.',
    runbooks: ['AgentContainerDown', 'AgentContainerRestarting', 'AgentOomKilled', 'AgentPidsNearLimit'],
    width: 24,
    height: 9,
    expect: 'container',
    facts: [
      `max ${by('job', 'instance', 'agent', 'role', 'workspace')} (${gauge('agent_info', { runtime: 'container' })})`,
      `max ${by('job', 'instance', 'agent', 'state')} (${is('agent_state', {})} ${IN_CONTAINER})`,
    ],
    labels: [
      ...WHO,
      { label: 'role', title: 'Role', width: 100 },
      { label: 'workspace', title: 'Workspace' },
      { label: 'state', title: 'State', width: 75, colours: STATE_COLOURS },
    ],
    values: [
      share('CPU of limit', `max ${BY_AGENT} (${cpuOfLimit})`),
      share('Throttled', `max ${BY_AGENT} (${throttled})`),
      share('Memory of limit', `max ${BY_AGENT} (${memoryOfLimit})`),
      share('Tasks of limit', `max ${BY_AGENT} (${tasksOfLimit})`),
      count('OOM kills', `max ${BY_AGENT} (${increase('agent_oom_kills_total')})`),
      count('Restarts', `max ${BY_AGENT} (${increase('agent_restarts_total')})`),
    ],
    hidden: ['job'],
    sortBy: 'Memory of limit',
    filterable: true,
    noValue: 'No containers',
  }),
]

const LIMITS: readonly PanelPlan[] = [
  graph({
    key: 'cpu',
    title: 'CPU of the limit',
    description: 'Cores in use divided by those the container may use, of the ten that use most of theirs.',
    runbooks: ['AgentCpuThrottled'],
    ...SIZE,
    ...SHARE,
    expect: 'containerLimits',
    queries: [
      {
        expr: largest(
          10,
          cpuOfLimit,
          `sum ${BY_AGENT} (${gained('agent_cpu_seconds_total')}) / ${ON_AGENT} ${gauge('agent_cpu_limit_cores')}`,
        ),
        legend: AGENT_LEGEND,
      },
    ],
    thresholds: FULL,
    noValue: 'No limits of CPU',
    links,
  }),
  graph({
    key: 'throttled',
    title: 'Throttled',
    description:
      'Share of the enforcement periods in which the container was held back, of the ten that were most often.',
    whenRed: 'it is slow for want of CPU: raise the limit.',
    runbooks: ['AgentCpuThrottled'],
    ...SIZE,
    ...SHARE,
    expect: 'containerLimits',
    queries: [
      { expr: largest(10, throttled, gained('agent_cpu_throttled_periods_total')), legend: AGENT_LEGEND },
    ],
    noValue: 'No limits of CPU',
    links,
  }),
  graph({
    key: 'memory',
    title: 'Memory of the limit',
    description:
      'Working set divided by the tightest limit of the container, of the ten with the largest working set.',
    whenRed: 'the kernel kills at the limit: raise it.',
    runbooks: ['AgentMemoryCritical', 'AgentOomKilled'],
    ...SIZE,
    ...SHARE,
    expect: 'containerLimits',
    queries: [
      { expr: largest(10, memoryOfLimit, peak('agent_memory_working_set_bytes')), legend: AGENT_LEGEND },
    ],
    thresholds: FULL,
    marks: true,
    noValue: 'No limits of memory',
    links,
  }),
]

const DETAIL: readonly PanelPlan[] = [
  graph({
    key: 'tasks',
    title: 'Tasks of the limit',
    description:
      'Processes and threads divided by how many the container may have; at 100 % it can start nothing.',
    whenRed: 'see what it started, or raise the limit.',
    runbooks: ['AgentPidsNearLimit'],
    ...SIZE,
    ...SHARE,
    expect: 'containerLimits',
    queries: [{ expr: largest(10, tasksOfLimit, peak('agent_threads')), legend: AGENT_LEGEND }],
    thresholds: FULL,
    noValue: 'No limits of tasks',
    links,
  }),
  graph({
    key: 'pressure',
    title: 'Waiting for memory',
    description:
      'Share of the time in which some tasks of the container waited for memory, of the ten that waited most.',
    whenRed: 'it reclaims instead of working: raise its limit.',
    runbooks: ['AgentMemoryPressure'],
    ...SIZE,
    ...SHARE,
    expect: 'container',
    queries: [
      {
        expr: largest(
          10,
          rate('agent_memory_pressure_waiting_seconds_total'),
          gained('agent_memory_pressure_waiting_seconds_total'),
        ),
        legend: AGENT_LEGEND,
      },
    ],
    noValue: 'The kernel does not tell',
    links,
  }),
  graph({
    key: 'ends',
    title: 'Killed for memory, and restarts',
    description:
      'Processes that the kernel killed in containers, and restarts by the restart policy, of all selected.',
    whenRed: 'the limit is too small, or the agent crashes at its start.',
    runbooks: ['AgentOomKilled', 'AgentContainerRestarting'],
    ...SIZE,
    unit: 'none',
    decimals: 0,
    min: 0,
    expect: 'container',
    queries: [
      { expr: `sum(${steps('agent_oom_kills_total')})`, legend: 'killed', colour: LATE },
      { expr: `sum(${steps('agent_restarts_total')})`, legend: 'restarts', colour: NOW },
    ],
    style: 'events',
    noValue: 'No containers',
  }),
  graph({
    key: 'network',
    title: 'Network',
    description:
      'Bytes per second received and sent (below zero), of the ten that received most. Absent in the network of the host.',
    width: 12,
    height: 8,
    unit: 'binBps',
    expect: 'container',
    queries: [
      {
        expr: largest(
          10,
          rate('agent_network_receive_bytes_total'),
          gained('agent_network_receive_bytes_total'),
        ),
        legend: `in ${AGENT_LEGEND}`,
      },
      {
        expr: largest(
          10,
          rate('agent_network_transmit_bytes_total'),
          gained('agent_network_receive_bytes_total'),
        ),
        legend: `out ${AGENT_LEGEND}`,
        mirrored: true,
      },
    ],
    noValue: 'No network of their own',
    links,
  }),
  graph({
    key: 'io',
    title: 'Storage',
    description: 'Bytes per second read and written (below zero), of the ten that wrote most.',
    width: 12,
    height: 8,
    unit: 'binBps',
    expect: 'container',
    queries: [
      {
        expr: largest(
          10,
          `${rate('agent_io_read_bytes_total')} ${IN_CONTAINER}`,
          gained('agent_io_write_bytes_total'),
        ),
        legend: `read ${AGENT_LEGEND}`,
      },
      {
        expr: largest(
          10,
          `${rate('agent_io_write_bytes_total')} ${IN_CONTAINER}`,
          gained('agent_io_write_bytes_total'),
        ),
        legend: `written ${AGENT_LEGEND}`,
        mirrored: true,
      },
    ],
    noValue: 'Not readable',
    links,
  }),
]

function share(title: string, expr: string) {
  return { title, expr, unit: 'percentunit', decimals: 0, width: 145, barTo: 1, thresholds: FULL }
}

function count(title: string, expr: string) {
  return { title, expr, unit: 'none', decimals: 0, width: 90, thresholds: colourSteps([0, WELL], [1, LATE]) }
}

/** Which containers are too small, and which were killed? */
export const containers: Board = {
  name: 'containers',
  title: 'AI agents: Containers',
  description:
    'Which containers of agents are too small, and which were killed? Only agents in containers are here.',
  choice: 'containers',
  from: 'now-6h',
  rows: [
    { panels: NOW_PANELS },
    { title: 'Against their limits', panels: LIMITS },
    { title: 'Tasks, pressure, ends, network and storage', panels: DETAIL },
  ],
}
