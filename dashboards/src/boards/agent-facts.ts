import { WHO } from '../agent-queries.ts'
import { OUR_ALERTS } from '../annotations.ts'
import {
  asWords,
  type Colour,
  LATE,
  LEVEL_COLOURS,
  NOW,
  PHASE_COLOURS,
  PLAIN,
  QUIET,
  SOON,
  STATE_COLOURS,
  STOPPED,
  steps,
  TREND_COLOURS,
  WELL,
} from '../colours.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { stat, word } from '../panels/stat.ts'
import { table } from '../panels/table.ts'
import { timeline } from '../panels/timeline.ts'
import { BY_AGENT, by, legend, readings } from '../promql.ts'

const { gauge, is } = readings('one')
const SMALL = { width: 4, height: 3 } as const
const since = (metric: Parameters<typeof gauge>[0]) => `max(time() - ${gauge(metric)})`

/** The present, in words. */
export const FACTS: readonly PanelPlan[] = [
  word({
    key: 'state',
    title: 'State',
    description: 'What it does now; running and idle are told apart by its CPU use of the last minute.',
    ...SMALL,
    expect: 'agents',
    query: { expr: `max ${by('state')} (${is('agent_state', {})})`, legend: legend`${'state'}` },
    colours: STATE_COLOURS,
    noValue: 'Not seen',
  }),
  word({
    key: 'phase',
    title: 'Budget',
    description:
      'The phase of its budget: warning at a share of a limit, intervention at the limit, termination after.',
    whenRed: 'resume it with more budget on its control page, or let it end.',
    runbooks: ['AgentBudgetExceeded', 'AgentTerminatedByBudget'],
    ...SMALL,
    expect: 'budgets',
    query: { expr: `max ${by('phase')} (${is('agent_phase', {})})`, legend: legend`${'phase'}` },
    colours: PHASE_COLOURS,
    noValue: 'No limits',
  }),
  word({
    key: 'level',
    title: 'Memory',
    description: 'How near its memory is to the end, as the exporter judges it.',
    whenRed: 'raise its limit at once, or end it in an orderly way.',
    runbooks: ['AgentMemoryCritical', 'AgentMemoryOomImminent'],
    ...SMALL,
    expect: 'agents',
    query: { expr: `max ${by('level')} (${is('agent_memory_level', {})})`, legend: legend`${'level'}` },
    colours: LEVEL_COLOURS,
    noValue: 'Not judged',
  }),
  word({
    key: 'trend',
    title: 'Memory trend',
    description: 'Where the floor of its memory goes; unknown until enough was seen.',
    runbooks: ['AgentMemoryLeakSuspected'],
    ...SMALL,
    expect: 'agents',
    query: { expr: `max ${by('trend')} (${is('agent_memory_trend', {})})`, legend: legend`${'trend'}` },
    colours: TREND_COLOURS,
    noValue: 'Not judged',
  }),
  stat({
    key: 'enforced',
    title: 'Enforced',
    description: 'Whether an intervention would act on it: it opted in, or discovered agents are enforced.',
    ...SMALL,
    expect: 'budgets',
    queries: [{ expr: `max(${gauge('agent_enforced')})`, legend: 'Enforced' }],
    unit: 'none',
    noValue: 'No limits',
    mappings: asWords([
      [0, 'only watched', QUIET],
      [1, 'yes', STOPPED],
    ]),
  }),
  stat({
    key: 'paused-for',
    title: 'Paused for',
    description: 'How long it has been held; empty when it is not.',
    whenRed: 'it waits for you: resume or end it on its control page.',
    runbooks: ['AgentPausedTooLong'],
    ...SMALL,
    expect: 'paused',
    queries: [{ expr: since('agent_paused_since_timestamp_seconds'), legend: 'Paused for' }],
    unit: 'dtdurations',
    noValue: 'Not paused',
    thresholds: steps([0, STOPPED], [1_800, NOW], [7_200, LATE]),
  }),
  table({
    key: 'facts',
    title: 'Facts',
    description:
      'What is known of it. Its name opens the control page, which has every action on it and every crash with its cause.',
    whenRed:
      'another live process has the same id: such an agent is measured and never acted on. Give one another id.',
    runbooks: ['AgentConflict'],
    width: 24,
    height: 4,
    expect: 'agents',
    facts: [
      `max ${by('job', 'instance', 'agent', 'name', 'role', 'runtime', 'vendor', 'workspace')} (${gauge('agent_info')})`,
    ],
    labels: [
      ...WHO,
      { label: 'name', title: 'Name', width: 130 },
      { label: 'role', title: 'Role', width: 95 },
      { label: 'vendor', title: 'Vendor', width: 90 },
      { label: 'runtime', title: 'Runtime', width: 85 },
      { label: 'workspace', title: 'Workspace' },
    ],
    values: [
      column('Age', 'agent_start_timestamp_seconds', 90),
      column('Last activity', 'agent_last_activity_timestamp_seconds', 105),
      column('Last deliverable', 'agent_last_deliverable_timestamp_seconds', 125),
      column('Last crash', 'agent_last_crash_timestamp_seconds', 95),
      {
        title: 'Id claimed twice',
        expr: `max ${BY_AGENT} (${gauge('agent_conflict')})`,
        unit: 'bool_yes_no',
        width: 125,
        thresholds: steps([0, PLAIN], [1, LATE]),
      },
    ],
    hidden: ['job'],
    sortBy: 'Age',
    noValue: 'Not seen',
  }),
]

function column(title: string, metric: Parameters<typeof gauge>[0], width: number) {
  return { title, expr: `max ${BY_AGENT} (time() - ${gauge(metric)})`, unit: 'dtdurations', width }
}

const STATE_CODES = ['starting', 'running', 'idle', 'waiting', 'paused', 'exited'] as const
const PHASE_CODES = ['normal', 'warning', 'intervention', 'termination'] as const
const LEVEL_CODES = ['healthy', 'warning', 'critical', 'oom_imminent'] as const
/** A row of the timeline has one number; those of one kind of state begin at a round one. */
const FIRST = { state: 10, phase: 20, level: 30 } as const

function words(first: number, names: readonly string[], colours: Readonly<Record<string, Colour>>) {
  return names.map((name, at) => [first + at, name, colours[name] ?? PLAIN] as const)
}

/** Sums gauges of which exactly one is 1, each times its number. */
function coded(selectors: readonly string[], first: number): string {
  return selectors.map((selector, at) => `sum by (instance) (${selector}) * ${first + at}`).join('\n+ ')
}

/** What was the case when, and the alerts about it. */
export const STORY: readonly PanelPlan[] = [
  timeline({
    key: 'story',
    title: 'State, budget and memory',
    description: 'What was the case when. Lines across the graphs below are alerts and pauses.',
    width: 13,
    height: 7,
    expect: 'agents',
    queries: [
      {
        expr: coded(
          STATE_CODES.map((state) => gauge('agent_state', { state })),
          FIRST.state,
        ),
        legend: legend`State @ ${'instance'}`,
      },
      {
        expr: coded(
          PHASE_CODES.map((phase) => gauge('agent_phase', { phase })),
          FIRST.phase,
        ),
        legend: legend`Budget @ ${'instance'}`,
      },
      {
        expr: coded(
          LEVEL_CODES.map((level) => gauge('agent_memory_level', { level })),
          FIRST.level,
        ),
        legend: legend`Memory @ ${'instance'}`,
      },
    ],
    mappings: asWords([
      ...words(FIRST.state, STATE_CODES, STATE_COLOURS),
      ...words(FIRST.phase, PHASE_CODES, PHASE_COLOURS),
      ...words(FIRST.level, LEVEL_CODES, LEVEL_COLOURS),
    ]),
    thresholds: steps([0, PLAIN]),
    noValue: 'Not seen',
  }),
  timeline({
    key: 'alerts',
    title: 'Alerts about it',
    description:
      'Which alerts fired about this agent, and when. Each has a runbook of its name (docs/runbooks.md).',
    whenRed: 'follow the runbook of the alert.',
    width: 11,
    height: 7,
    expect: 'alerts',
    queries: [
      {
        expr: `max ${by('instance', 'alertname')} (${gauge('ALERTS', { alertstate: 'firing' }).replace('}', `, ${OUR_ALERTS}}`)})`,
        legend: legend`${'alertname'} @ ${'instance'}`,
      },
    ],
    mappings: asWords([[1, 'firing', LATE]]),
    thresholds: steps([0, WELL], [1, SOON]),
    noValue: 'Nothing fired',
  }),
]
