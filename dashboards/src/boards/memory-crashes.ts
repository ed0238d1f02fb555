import { WHO } from '../agent-queries.ts'
import { CAUSE_COLOURS, steps as colourSteps, LATE, NOW, QUIET, SOON, STOPPED, WELL } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { BY_AGENT, by, legend, readings } from '../promql.ts'

const { gauge, steps } = readings('several')
const COUNT = { unit: 'none', decimals: 0, min: 0 } as const
const lastCrash = gauge('agent_last_crash_timestamp_seconds')
/** There is no such time before the first crash, so that the first is no change. */
const crashes = `(changes(${lastCrash}[$__range]) + 1 unless ${lastCrash} offset $__range) or changes(${lastCrash}[$__range])`
const FLEET = 'Of all agents of the selected exporters.'

/** How agents ended. */
export const CRASHES: readonly PanelPlan[] = [
  graph({
    key: 'causes',
    title: 'Crashes by cause',
    description: `What killed them, as the exporter judges the evidence; oom_child: a child was killed and the agent lives on. ${FLEET}`,
    whenRed: '`agent-exporter crashes` shows the evidence and what to do.',
    runbooks: ['AgentCrashed', 'AgentCrashLoop'],
    width: 8,
    height: 8,
    ...COUNT,
    expect: 'crashed',
    queries: [
      { expr: `sum ${by('cause')} (${steps('agent_crashes_total')}) > 0`, legend: legend`${'cause'}` },
    ],
    style: 'events',
    colours: CAUSE_COLOURS,
    noValue: 'Nobody crashed',
  }),
  graph({
    key: 'ends',
    title: 'Ends by how',
    description: `clean: exit code 0; stopped: asked to end by somebody; terminated: by the exporter; unknown: nobody saw how. ${FLEET}`,
    runbooks: ['AgentCrashShareHigh'],
    width: 8,
    height: 8,
    ...COUNT,
    expect: 'ended',
    queries: [
      { expr: `sum ${by('reason')} (${steps('agent_exits_total')}) > 0`, legend: legend`${'reason'}` },
    ],
    style: 'events',
    colours: { clean: WELL, stopped: STOPPED, terminated: NOW, crashed: LATE, unknown: QUIET },
    noValue: 'Nobody ended',
  }),
  graph({
    key: 'health',
    title: 'Health',
    description:
      'Health of all agents of an exporter: crashes of the last 7 days, halved every day, and agents near their limit.',
    whenRed: 'see the causes beside.',
    runbooks: ['AgentFleetHealthLow'],
    width: 8,
    height: 8,
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    expect: 'always',
    queries: [{ expr: gauge('agent_fleet_health_ratio'), legend: legend`${'instance'}` }],
    thresholds: colourSteps([0, LATE], [0.5, SOON], [0.8, WELL]),
    marks: true,
    noValue: 'No exporter',
  }),
  table({
    key: 'last-crashes',
    title: 'Who crashed',
    description:
      'Agents that crashed and are still shown, the last first, with what the kernel and the engine counted for them.',
    whenRed: '`agent-exporter crashes` shows cause, confidence and evidence.',
    runbooks: ['AgentCrashed', 'AgentOomKilled', 'AgentContainerRestarting'],
    width: 24,
    height: 7,
    expect: 'crashed',
    labels: WHO,
    values: [
      {
        title: 'Last crash',
        expr: `max ${BY_AGENT} (${gauge('agent_last_crash_timestamp_seconds')} * 1000)`,
        unit: 'dateTimeFromNow',
      },
      {
        title: 'Crashes in the shown time',
        expr: `max ${BY_AGENT} (${crashes})`,
        unit: 'none',
        thresholds: colourSteps([0, WELL], [1, NOW], [2, LATE]),
      },
    ],
    hidden: ['job'],
    sortBy: 'Last crash',
    noValue: 'Nobody crashed',
  }),
]
