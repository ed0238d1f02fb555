import type { Board } from '../board.ts'
import { steps as colourSteps, LATE, NOW, SOON, STOPPED, WELL } from '../colours.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { stat } from '../panels/stat.ts'
import { ON_AGENT, readings } from '../promql.ts'
import { ALERTS_IN, ANSWERS, OUTCOMES } from './control-loop.ts'

const { gauge, increase, is } = readings('none')
const SMALL = { width: 4, height: 4 } as const

const STATS: readonly PanelPlan[] = [
  stat({
    key: 'kill-switch',
    title: 'Kill switch',
    description: 'While it is engaged nothing but a resume is done, by nobody.',
    whenRed: 'nothing is guarded: release it when the reason is gone (`agent-exporter kill-switch`).',
    runbooks: ['AgentKillSwitchEngaged'],
    ...SMALL,
    expect: 'always',
    queries: [{ expr: `sum(${gauge('agent_control_kill_switch')})`, legend: 'Engaged' }],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: colourSteps([0, WELL], [1, LATE]),
  }),
  stat({
    key: 'paused',
    title: 'Paused agents',
    description: 'Live agents that are held now.',
    whenRed: 'they wait for a person: see who on the Fleet board.',
    runbooks: ['AgentPausedTooLong'],
    ...SMALL,
    expect: 'always',
    queries: [{ expr: `sum(${gauge('agents_paused_current')})`, legend: 'Paused' }],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: colourSteps([0, WELL], [1, STOPPED], [10, NOW]),
  }),
  stat({
    key: 'pending',
    title: 'Pending actions',
    description: 'Actions that are not settled: under way, or waiting for approval.',
    whenRed: 'approve or reject what waits (`agent-exporter actions`).',
    runbooks: ['AgentActionPending'],
    ...SMALL,
    expect: 'always',
    queries: [{ expr: `sum(${gauge('agent_actions_pending')})`, legend: 'Pending' }],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: colourSteps([0, WELL], [1, SOON]),
  }),
  stat({
    key: 'owed',
    title: 'Owed pauses',
    description:
      'Agents beyond a limit that are enforced and yet run: the pause was refused and is asked for again and again.',
    whenRed: 'see the refusals below for the reason.',
    runbooks: ['AgentEnforcementBlocked'],
    ...SMALL,
    expect: 'always',
    queries: [
      {
        expr: `count(${is('agent_phase', { phase: 'intervention' })} and ${ON_AGENT} ${is('agent_enforced', {})} unless ${ON_AGENT} ${gauge('agent_paused_since_timestamp_seconds')}) or vector(0)`,
        legend: 'Owed',
      },
    ],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: colourSteps([0, WELL], [1, LATE]),
  }),
  stat({
    key: 'done',
    title: 'Done and failed',
    description:
      'Actions of the shown time that were done and verified, and that failed or were done only in part.',
    whenRed: '`agent-exporter actions --status failed` says why.',
    runbooks: ['AgentActionFailing'],
    ...SMALL,
    expect: 'always',
    queries: [
      {
        expr: `sum(${increase('agent_actions_total', { outcome: 'failed' })}) or vector(0)`,
        legend: 'failed',
      },
      { expr: `sum(${increase('agent_actions_total', { outcome: 'done' })}) or vector(0)`, legend: 'done' },
    ],
    unit: 'none',
    decimals: 0,
    noValue: 'Unknown',
  }),
  stat({
    key: 'restored',
    title: 'Pauses broken',
    description: 'Agents that ran although they were held, and were stopped again, within the shown time.',
    whenRed: 'somebody continues them behind the back of the exporter.',
    runbooks: ['AgentPauseBroken'],
    ...SMALL,
    expect: 'always',
    queries: [{ expr: `sum(${increase('agent_pauses_restored_total')})`, legend: 'Broken' }],
    unit: 'none',
    decimals: 0,
    noValue: 'Unknown',
    thresholds: colourSteps([0, WELL], [1, LATE]),
  }),
]

/** Do alerts and limits lead to what was meant, and how fast? */
export const control: Board = {
  name: 'control',
  title: 'AI agents: Control loop',
  description:
    'Alerts and limits in, actions out: do they lead to what was meant, and how fast? Every action is an entry of the journal: `agent-exporter actions`.',
  choice: 'targets',
  from: 'now-6h',
  rows: [
    { panels: STATS },
    { title: 'In', panels: ALERTS_IN },
    { title: 'Out', panels: OUTCOMES },
    { title: 'How fast', panels: ANSWERS },
  ],
}
