import { OUR_ALERTS } from '../annotations.ts'
import { LATE, NOW, SOON, STOPPED, steps, WELL } from '../colours.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { stat } from '../panels/stat.ts'
import { readings } from '../promql.ts'

const { gauge, increase } = readings('none')
const HOUR = '* 3600 / $__range_s'

/** The numbers on top. */
export const CHIPS: readonly PanelPlan[] = [
  stat({
    key: 'health',
    title: 'Health',
    description:
      'The lowest fleet health of the selected exporters: crashes of the last 7 days, halved every day, and agents near their memory limit.',
    whenRed: 'look below who crashed and who is out of memory.',
    runbooks: ['AgentFleetHealthLow'],
    width: 4,
    height: 4,
    expect: 'always',
    queries: [{ expr: `min(${gauge('agent_fleet_health_ratio')})`, legend: 'Health' }],
    unit: 'percentunit',
    decimals: 0,
    min: 0,
    max: 1,
    noValue: 'No exporter',
    thresholds: steps([0, LATE], [0.5, SOON], [0.8, WELL]),
  }),
  stat({
    key: 'exporters',
    title: 'Exporters down',
    description: 'Exporters that were there within the shown time and that Prometheus does not reach now.',
    whenRed:
      'nothing is known of the agents of these hosts, and nothing is guarded: look at the Exporter board.',
    runbooks: ['AgentExporterDown', 'AgentExporterAbsent'],
    width: 4,
    height: 4,
    expect: 'always',
    queries: [
      {
        expr: `count(${gauge('up')} == 0) or vector(0)`,
        legend: 'down',
      },
    ],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: steps([0, WELL], [1, LATE]),
  }),
  stat({
    key: 'alerts',
    title: 'Alerts firing',
    description:
      'Firing alerts of the rules of agent-exporter by severity, without the one that always fires.',
    whenRed: 'the list below names them; each has a runbook.',
    width: 4,
    height: 4,
    expect: 'always',
    queries: [
      {
        expr: `count(ALERTS{alertstate="firing", severity="critical", ${OUR_ALERTS}}) or vector(0)`,
        legend: 'critical',
      },
      {
        expr: `count(ALERTS{alertstate="firing", severity="warning", ${OUR_ALERTS}}) or vector(0)`,
        legend: 'warning',
        thresholds: steps([0, WELL], [1, NOW]),
      },
    ],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: steps([0, WELL], [1, LATE]),
  }),
  stat({
    key: 'agents',
    title: 'Agents alive',
    description: 'Agents that live now, by the exporters that see them. Those that ended are left out.',
    width: 4,
    height: 4,
    expect: 'always',
    queries: [
      { expr: `sum(${gauge('agent_state', { state: { not: ['exited'] } })}) or vector(0)`, legend: 'Agents' },
    ],
    unit: 'none',
    noValue: 'None',
  }),
  stat({
    key: 'waiting',
    title: 'Waiting for a person',
    description:
      'Agents that are paused, and actions that are not settled: under way, or waiting for approval.',
    whenRed: 'resume or end the paused ones on their control page; approve or reject what waits there.',
    runbooks: ['AgentPausedTooLong', 'AgentActionPending'],
    width: 4,
    height: 4,
    expect: 'always',
    queries: [
      { expr: `sum(${gauge('agents_paused_current')})`, legend: 'paused' },
      { expr: `sum(${gauge('agent_actions_pending')})`, legend: 'pending' },
    ],
    unit: 'none',
    noValue: 'Unknown',
    thresholds: steps([0, WELL], [1, STOPPED], [10, NOW]),
  }),
  stat({
    key: 'cost-rate',
    title: 'Money and tokens per hour',
    description:
      'US dollars and tokens per hour, averaged over the shown time, as reported for the agents. Tokens read from a cache are left out.',
    runbooks: ['AgentFleetCostHigh', 'AgentCostRateHigh', 'AgentTokenRateHigh'],
    width: 4,
    height: 4,
    expect: 'usage',
    queries: [
      {
        expr: `sum(${increase('agent_llm_cost_usd_total')}) ${HOUR}`,
        legend: 'US dollars',
        unit: 'currencyUSD',
      },
      {
        expr: `sum(${increase('agent_llm_tokens_total', { token_type: { not: ['cache_read'] } })}) ${HOUR}`,
        legend: 'tokens',
        decimals: 0,
      },
    ],
    unit: 'short',
    decimals: 2,
    noValue: 'Nothing reported',
  }),
]
