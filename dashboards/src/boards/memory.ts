import { AGENT_LEGEND, memoryBars, memoryShare, WHO } from '../agent-queries.ts'
import type { Board } from '../board.ts'
import {
  steps as colourSteps,
  LATE,
  LEVEL_COLOURS,
  NOW,
  SOON,
  STOPPED,
  TREND_COLOURS,
  WELL,
} from '../colours.ts'
import { agentLinks } from '../links.ts'
import { bars } from '../panels/bars.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { BY_AGENT, by, largest, legend, readings } from '../promql.ts'
import { CRASHES } from './memory-crashes.ts'

const read = readings('several')
const { gauge, is, peak, steps } = read
const links = agentLinks('__field.labels')
const byAgentAnd = (label: 'level' | 'trend' | 'basis') => by('job', 'instance', 'agent', label)

const NOW_PANELS: readonly PanelPlan[] = [
  bars({
    key: 'nearest',
    title: 'Nearest to the end',
    description:
      'Judged memory as a share of the threshold "OOM imminent" of the agent: a full bar is its end. Colours are the levels that the exporter found.',
    whenRed: 'raise its limit at once, or end it in an orderly way. A pause frees no memory.',
    runbooks: ['AgentMemoryCritical', 'AgentMemoryOomImminent'],
    width: 8,
    height: 9,
    expect: 'agents',
    queries: memoryBars(read, 6),
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    noValue: 'No agents',
    links,
  }),
  table({
    key: 'forecast',
    title: 'Who grows, and when it ends',
    description:
      'Memory of every agent: what is judged, its limit on the same basis, its trend, and when it is at the limit if the growth goes on.',
    whenRed: 'below a quarter of an hour: raise the limit or save its work now.',
    runbooks: ['AgentMemoryLimitForecast', 'AgentMemoryLeakSuspected'],
    width: 16,
    height: 9,
    expect: 'agents',
    facts: [
      `max ${byAgentAnd('level')} (${is('agent_memory_level', {})})`,
      `max ${byAgentAnd('trend')} (${is('agent_memory_trend', {})})`,
      `max ${byAgentAnd('basis')} (${is('agent_memory_basis', {})})`,
    ],
    labels: [
      ...WHO,
      { label: 'level', title: 'Level', width: 100, colours: LEVEL_COLOURS },
      { label: 'trend', title: 'Trend', width: 80, colours: TREND_COLOURS },
      { label: 'basis', title: 'Basis', width: 95 },
    ],
    values: [
      {
        title: 'Judged',
        expr: max(gauge('agent_memory_judged_bytes')),
        unit: 'bytes',
        decimals: 1,
        width: 80,
      },
      {
        title: 'Limit',
        expr: max(gauge('agent_memory_judged_limit_bytes')),
        unit: 'bytes',
        decimals: 1,
        width: 80,
      },
      {
        title: 'Growth',
        expr: max(gauge('agent_memory_growth_bytes_per_second')),
        unit: 'binBps',
        decimals: 1,
        width: 95,
      },
      {
        title: 'At the limit in',
        expr: `min ${BY_AGENT} (${gauge('agent_memory_time_to_limit_seconds', { estimate: 'mid' })})`,
        unit: 'dtdurations',
        width: 105,
        thresholds: colourSteps([0, LATE], [900, SOON], [3_600, WELL]),
      },
    ],
    hidden: ['job'],
    sortBy: 'Judged',
    noValue: 'No agents',
  }),
]

const HISTORY: readonly PanelPlan[] = [
  graph({
    key: 'largest',
    title: 'Largest agents',
    description: 'Judged memory of the ten agents that had most of it within the shown time.',
    width: 12,
    height: 8,
    expect: 'agents',
    queries: [
      {
        expr: largest(10, gauge('agent_memory_judged_bytes'), peak('agent_memory_judged_bytes')),
        legend: AGENT_LEGEND,
      },
    ],
    unit: 'bytes',
    min: 0,
    noValue: 'No agents',
    links,
  }),
  graph({
    key: 'nearest-history',
    title: 'Nearest to the end over time',
    description:
      'Share of the threshold "OOM imminent" of the ten agents that have the largest memory of the shown time.',
    runbooks: ['AgentMemoryOomImminent'],
    width: 12,
    height: 8,
    expect: 'agents',
    queries: [
      { expr: largest(10, memoryShare(read), peak('agent_memory_judged_bytes')), legend: AGENT_LEGEND },
    ],
    unit: 'percentunit',
    min: 0,
    thresholds: colourSteps([0, WELL], [1, LATE]),
    marks: true,
    noValue: 'No agents',
    links,
  }),
  graph({
    key: 'levels',
    title: 'Agents by memory level',
    description: 'How many agents were at each level.',
    width: 8,
    height: 8,
    expect: 'agents',
    queries: [{ expr: `sum ${by('level')} (${gauge('agent_memory_level')})`, legend: legend`${'level'}` }],
    style: 'parts',
    colours: LEVEL_COLOURS,
    legend: 'names',
    unit: 'none',
    decimals: 0,
    min: 0,
    noValue: 'No agents',
  }),
  graph({
    key: 'trends',
    title: 'Agents by trend',
    description: 'Where the floor of their memory went; unknown until enough was seen.',
    runbooks: ['AgentMemoryLeakSuspected'],
    width: 8,
    height: 8,
    expect: 'agents',
    queries: [{ expr: `sum ${by('trend')} (${gauge('agent_memory_trend')})`, legend: legend`${'trend'}` }],
    style: 'parts',
    colours: TREND_COLOURS,
    legend: 'names',
    unit: 'none',
    decimals: 0,
    min: 0,
    noValue: 'No agents',
  }),
  graph({
    key: 'memory-alerts',
    title: 'Memory alerts of the exporters',
    description: 'Alerts that the exporters themselves raised about memory, by kind, of all their agents.',
    width: 8,
    height: 8,
    expect: 'always',
    queries: [
      { expr: `sum ${by('alert')} (${steps('agent_memory_alerts_total')})`, legend: legend`${'alert'}` },
    ],
    style: 'events',
    colours: { warning: SOON, critical: NOW, oom_imminent: LATE, trend_warning: 'purple', recovered: WELL },
    unit: 'none',
    decimals: 0,
    min: 0,
    noValue: 'None',
  }),
]

const KERNEL: readonly PanelPlan[] = [
  graph({
    key: 'pressure',
    title: 'Containers that wait for memory',
    description:
      'Share of the time in which all tasks of a container waited for memory; the ten that waited most.',
    whenRed: 'it reclaims instead of working: raise its limit.',
    runbooks: ['AgentMemoryPressure'],
    width: 8,
    height: 8,
    expect: 'container',
    queries: [
      {
        expr: largest(
          10,
          read.rate('agent_memory_pressure_stalled_seconds_total'),
          read.gained('agent_memory_pressure_stalled_seconds_total'),
        ),
        legend: AGENT_LEGEND,
      },
    ],
    unit: 'percentunit',
    min: 0,
    noValue: 'No containers',
    links,
  }),
  graph({
    key: 'kills',
    title: 'Killed for want of memory',
    description:
      'Processes that the kernel killed: in the containers of agents, and on the whole host since it started.',
    whenRed: 'a limit, or the host, is too small for what runs at once.',
    runbooks: ['AgentOomKilled', 'AgentHostOomKill'],
    width: 8,
    height: 8,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('instance')} (${steps('agent_oom_kills_total')})`,
        legend: legend`in containers @ ${'instance'}`,
        colour: NOW,
      },
      {
        expr: `sum ${by('instance')} (${steps('agent_host_oom_kills_total')})`,
        legend: legend`on the host @ ${'instance'}`,
        colour: LATE,
      },
    ],
    style: 'events',
    unit: 'none',
    decimals: 0,
    min: 0,
    noValue: 'None',
  }),
  graph({
    key: 'swap',
    title: 'Swap in use',
    description: 'Swap space of the hosts that is in use, of all of it. A host without swap has none.',
    width: 8,
    height: 8,
    expect: 'always',
    queries: [
      {
        expr: `${gauge('agent_host_swap_total_bytes')} - ${gauge('agent_host_swap_free_bytes')}`,
        legend: legend`${'instance'}`,
        colour: STOPPED,
      },
    ],
    unit: 'bytes',
    min: 0,
    noValue: 'Not read',
  }),
]

function max(expression: string): string {
  return `max ${BY_AGENT} (${expression})`
}

/** Whose memory ends, when, and why did agents die? */
export const memory: Board = {
  name: 'memory',
  title: 'AI agents: Memory & crashes',
  description: 'Whose memory ends, when, and why did agents die?',
  choice: 'agents',
  from: 'now-6h',
  rows: [
    { panels: NOW_PANELS },
    { title: 'Memory over time', panels: HISTORY },
    { title: 'Crashes', panels: CRASHES },
    { title: 'Kernel', collapsed: true, panels: KERNEL },
  ],
}
