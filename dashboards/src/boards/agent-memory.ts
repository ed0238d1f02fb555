import { LATE, NOW, PLAIN, SOON, STOPPED, steps, WELL } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { stat } from '../panels/stat.ts'
import { legend, ON_AGENT, readings } from '../promql.ts'

const { gauge, is, rate } = readings('one')
const threshold = (level: 'warning' | 'critical' | 'oom_imminent') =>
  gauge('agent_memory_threshold_bytes', { level })
/** How far the forecast looks ahead: as far as the exporter itself does when it warns of the limit. */
const ahead = `${gauge('agent_memory_growth_bytes_per_second')} * on (job, instance) group_left () ${gauge('agent_memory_warning_horizon_seconds')}`

/** How much it has, how much it may have, and when it ends. */
export const MEMORY: readonly PanelPlan[] = [
  graph({
    key: 'memory',
    title: 'Memory against its limits',
    description:
      'What is judged and what it is compared with, on the same basis. The forecast is where it will be at the horizon of warnings (`memory.trend.warningHorizon`, a quarter of an hour) if it goes on; only while it grows.',
    whenRed:
      'at the red line the kernel or the runtime ends it: raise the limit, or end it in an orderly way.',
    runbooks: ['AgentMemoryWarning', 'AgentMemoryOomImminent', 'AgentMemoryLimitForecast'],
    width: 18,
    height: 9,
    expect: 'agents',
    queries: [
      { expr: gauge('agent_memory_judged_bytes'), legend: legend`judged @ ${'instance'}`, colour: STOPPED },
      { expr: threshold('warning'), legend: legend`warning @ ${'instance'}`, colour: SOON, dashed: true },
      { expr: threshold('critical'), legend: legend`critical @ ${'instance'}`, colour: NOW, dashed: true },
      {
        expr: threshold('oom_imminent'),
        legend: legend`OOM imminent @ ${'instance'}`,
        colour: LATE,
        dashed: true,
      },
      {
        expr: gauge('agent_memory_judged_limit_bytes'),
        legend: legend`limit @ ${'instance'}`,
        colour: PLAIN,
        dashed: true,
      },
      {
        expr: `${gauge('agent_memory_judged_bytes')} + ${ON_AGENT} (${ahead}) and ${ON_AGENT} ${is('agent_memory_trend', { trend: 'growing' })}`,
        legend: legend`forecast @ ${'instance'}`,
        colour: 'purple',
        dashed: true,
      },
    ],
    legend: 'beside',
    unit: 'bytes',
    min: 0,
    noValue: 'Not measured',
  }),
  stat({
    key: 'time-to-limit',
    title: 'Time to the limit',
    description: 'When it is at its limit if the growth goes on: in the middle, and earlier at its peaks.',
    whenRed: 'raise the limit before, or save its work and start it again.',
    runbooks: ['AgentMemoryLimitForecast', 'AgentMemoryLeakSuspected'],
    width: 6,
    height: 9,
    expect: 'growing',
    queries: [
      { expr: `min(${gauge('agent_memory_time_to_limit_seconds', { estimate: 'mid' })})`, legend: 'middle' },
      {
        expr: `min(${gauge('agent_memory_time_to_limit_seconds', { estimate: 'low' })})`,
        legend: 'at peaks',
      },
    ],
    unit: 'dtdurations',
    noValue: 'It does not grow',
    thresholds: steps([0, LATE], [900, SOON], [3_600, WELL]),
  }),
  graph({
    key: 'memory-kinds',
    title: 'Memory by kind',
    description:
      'The same memory, measured in different ways: resident (shared pages count for each process), proportional (shared pages divided), working set of a container, swapped out, its own heap if it reports it, and the highest so far.',
    width: 12,
    height: 8,
    expect: 'agents',
    queries: [
      { expr: gauge('agent_memory_rss_bytes'), legend: legend`resident @ ${'instance'}` },
      { expr: gauge('agent_memory_pss_bytes'), legend: legend`proportional @ ${'instance'}` },
      { expr: gauge('agent_memory_working_set_bytes'), legend: legend`working set @ ${'instance'}` },
      { expr: gauge('agent_memory_swap_bytes'), legend: legend`swapped @ ${'instance'}` },
      { expr: gauge('agent_memory_heap_used_bytes'), legend: legend`heap @ ${'instance'}` },
      {
        expr: gauge('agent_memory_high_watermark_bytes'),
        legend: legend`highest @ ${'instance'}`,
        colour: PLAIN,
        dashed: true,
      },
      {
        expr: gauge('agent_memory_limit_bytes'),
        legend: legend`limit of the container @ ${'instance'}`,
        colour: LATE,
        dashed: true,
      },
    ],
    unit: 'bytes',
    min: 0,
    noValue: 'Not measured',
  }),
  graph({
    key: 'memory-growth',
    title: 'Growth of memory',
    description: 'Slope of the floor of its memory (Sen), whatever the trend; below zero it shrinks.',
    runbooks: ['AgentMemoryLeakSuspected'],
    width: 6,
    height: 8,
    expect: 'watchedLong',
    queries: [
      { expr: gauge('agent_memory_growth_bytes_per_second'), legend: legend`growth @ ${'instance'}` },
    ],
    unit: 'binBps',
    noValue: 'Not enough seen',
  }),
  graph({
    key: 'memory-pressure',
    title: 'Waiting for memory',
    description:
      'Share of the time in which some tasks of its container, or all of them, waited for memory: it reclaims instead of working.',
    whenRed: 'raise the limit of the container.',
    runbooks: ['AgentMemoryPressure'],
    width: 6,
    height: 8,
    expect: 'container',
    queries: [
      { expr: rate('agent_memory_pressure_waiting_seconds_total'), legend: legend`some @ ${'instance'}` },
      {
        expr: rate('agent_memory_pressure_stalled_seconds_total'),
        legend: legend`all @ ${'instance'}`,
        colour: LATE,
      },
    ],
    unit: 'percentunit',
    min: 0,
    noValue: 'Not in a container',
  }),
]
