import { budgetShare, cores, memoryShare, WHO } from '../agent-queries.ts'
import { OUR_ALERTS } from '../annotations.ts'
import {
  LATE,
  LEVEL_COLOURS,
  NOW,
  PHASE_COLOURS,
  SEVERITY_COLOURS,
  SOON,
  STATE_COLOURS,
  STOPPED,
  steps,
  WELL,
} from '../colours.ts'
import { agentLinks } from '../links.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { BY_AGENT, by, ON_AGENT, readings } from '../promql.ts'

const read = readings('none')
const { gauge, increase, is } = read
const byAgentAnd = (label: 'state' | 'phase' | 'level') => by('job', 'instance', 'agent', label)

/** An agent is in the list as long as its last crash is younger. */
const RECENT_SECONDS = 3_600

/** Who needs me: only agents with something wrong, and the alerts. */
export const TROUBLE: readonly PanelPlan[] = [
  table({
    key: 'trouble',
    title: 'Agents in trouble',
    description:
      'Agents that are paused or wait, whose budget is beyond a warning, whose memory is beyond a level, that crashed within the hour, or whose id another live process claims too. An empty cell is well.',
    whenRed: 'open the agent, see why, and pause, resume or end it on its control page.',
    runbooks: [
      'AgentPausedTooLong',
      'AgentBudgetExceeded',
      'AgentMemoryCritical',
      'AgentCrashed',
      'AgentConflict',
    ],
    width: 14,
    height: 7,
    expect: 'trouble',
    facts: [
      `max ${byAgentAnd('state')} (${is('agent_state', { state: ['paused', 'waiting'] })})`,
      `max ${byAgentAnd('phase')} (${is('agent_phase', { phase: { not: ['normal'] } })})`,
      `max ${byAgentAnd('level')} (${is('agent_memory_level', { level: { not: ['healthy'] } })})`,
    ],
    labels: [
      ...WHO,
      { label: 'state', title: 'State', width: 75, colours: STATE_COLOURS },
      { label: 'phase', title: 'Budget', width: 95, colours: PHASE_COLOURS },
      { label: 'level', title: 'Memory', width: 100, colours: LEVEL_COLOURS },
    ],
    values: [
      {
        title: 'Paused for',
        expr: `max ${BY_AGENT} (time() - ${gauge('agent_paused_since_timestamp_seconds')})`,
        unit: 'dtdurations',
        width: 85,
        thresholds: steps([0, STOPPED], [1_800, NOW]),
      },
      {
        title: 'Crashed ago',
        expr: `max ${BY_AGENT} (time() - ${gauge('agent_last_crash_timestamp_seconds')}) < ${RECENT_SECONDS}`,
        unit: 'dtdurations',
        width: 95,
        thresholds: steps([0, LATE], [600, NOW]),
      },
      {
        title: 'Conflict',
        expr: `max ${BY_AGENT} (${is('agent_conflict', {})})`,
        unit: 'bool_yes_no',
        width: 70,
        thresholds: steps([0, NOW]),
      },
    ],
    hidden: ['job'],
    sortBy: 'Paused for',
    noValue: 'Nobody needs you',
  }),
  table({
    key: 'firing',
    title: 'Firing alerts',
    description:
      'What fires now, critical ones first, and then what fires longest. The name of an alert is also the heading of its runbook (docs/runbooks.md).',
    whenRed: 'follow the runbook of the alert.',
    width: 10,
    height: 7,
    expect: 'alerts',
    labels: [
      { label: 'severity', title: 'Severity', width: 70, colours: SEVERITY_COLOURS },
      { label: 'alertname', title: 'Alert', width: 195 },
      { label: 'agent', title: 'Agent', width: 105, links: agentLinks('__data.fields') },
      { label: 'instance', title: 'Exporter', width: 110 },
    ],
    values: [
      {
        title: 'Since',
        expr: `max ${by('job', 'instance', 'agent', 'alertname', 'severity')} (time() - ALERTS_FOR_STATE{${OUR_ALERTS}} and ignoring (alertstate) ALERTS{alertstate="firing", ${OUR_ALERTS}})`,
        unit: 'dtdurations',
        width: 85,
      },
    ],
    hidden: ['job'],
    sortFirstBy: 'Severity',
    sortBy: 'Since',
    noValue: 'Nothing fires',
  }),
]

/** Everything of everybody, to sort and to filter. */
export const EVERY_AGENT: readonly PanelPlan[] = [
  table({
    key: 'agents-table',
    title: 'Every agent',
    description:
      'One line for each agent that lives or ended a moment ago. "To OOM" is its memory as a share of what is called OOM imminent. Sort by a column, filter by its funnel.',
    whenRed: 'open the agent: its board says since when and why, its control page acts.',
    width: 24,
    height: 12,
    expect: 'agents',
    facts: [
      `max ${by('job', 'instance', 'agent', 'role', 'runtime', 'vendor', 'workspace')} (${gauge('agent_info')})`,
      `max ${byAgentAnd('state')} (${is('agent_state', {})})`,
      `max ${byAgentAnd('phase')} (${is('agent_phase', {})})`,
      `max ${byAgentAnd('level')} (${is('agent_memory_level', {})})`,
    ],
    labels: [
      ...WHO,
      { label: 'role', title: 'Role', width: 85 },
      { label: 'vendor', title: 'Vendor', width: 85 },
      { label: 'runtime', title: 'Runtime', width: 80 },
      { label: 'workspace', title: 'Workspace' },
      { label: 'state', title: 'State', width: 75, colours: STATE_COLOURS },
      { label: 'phase', title: 'Budget', width: 90, colours: PHASE_COLOURS },
      { label: 'level', title: 'Memory', width: 90, colours: LEVEL_COLOURS },
    ],
    values: [
      {
        title: 'To OOM',
        expr: `max ${BY_AGENT} (${memoryShare(read)})`,
        unit: 'percentunit',
        decimals: 0,
        width: 115,
        barTo: 1,
        thresholds: steps([0, WELL], [0.84, SOON], [0.95, NOW], [1, LATE]),
      },
      {
        title: 'Budget used',
        expr: budgetShare(read),
        unit: 'percentunit',
        decimals: 0,
        width: 110,
        barTo: 1,
        thresholds: steps([0, WELL], [0.8, SOON], [1, NOW]),
      },
      { title: 'Cores', expr: cores(read), unit: 'none', decimals: 2, width: 60 },
      {
        title: 'Cost',
        // Those that ended before are no longer in the other columns either.
        expr: `sum ${BY_AGENT} (${increase('agent_llm_cost_usd_total')} and ${ON_AGENT} ${gauge('agent_info')})`,
        unit: 'currencyUSD',
        decimals: 2,
        width: 75,
      },
      {
        title: 'Last activity',
        expr: `max ${BY_AGENT} (time() - ${gauge('agent_last_activity_timestamp_seconds')})`,
        unit: 'dtdurations',
        width: 100,
      },
    ],
    hidden: ['job'],
    sortBy: 'To OOM',
    filterable: true,
    noValue: 'No agents',
  }),
]
