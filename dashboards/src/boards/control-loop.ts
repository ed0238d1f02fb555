import { OUR_ALERTS } from '../annotations.ts'
import { LATE, NOW, PLAIN, QUIET, SEVERITY_COLOURS, SOON, STOPPED, WELL } from '../colours.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { by, legend, readings } from '../promql.ts'

const { gauge, quantile, steps } = readings('none')
const SIZE = { width: 8, height: 8 } as const
const WIDE = { width: 12, height: 8 } as const
const COUNT = { unit: 'none', decimals: 0, min: 0 } as const
const EVENTS = { ...COUNT, style: 'events' } as const

/** What asks for action. */
export const ALERTS_IN: readonly PanelPlan[] = [
  graph({
    key: 'alerts-firing',
    title: 'Alerts firing',
    description:
      'Firing alerts of the rules of agent-exporter by severity, without the one that always fires.',
    whenRed: 'the Fleet board lists them.',
    runbooks: ['AgentAlertFlood'],
    ...SIZE,
    ...COUNT,
    expect: 'alerts',
    queries: [
      {
        expr: `count ${by('severity')} (ALERTS{alertstate="firing", ${OUR_ALERTS}})`,
        legend: legend`${'severity'}`,
      },
    ],
    style: 'parts',
    colours: SEVERITY_COLOURS,
    legend: 'names',
    noValue: 'Nothing fires',
  }),
  graph({
    key: 'crossings',
    title: 'Limits crossed',
    description: 'Agents that reached a warning, a limit or their termination, in each step of time.',
    runbooks: ['AgentBudgetExceeded'],
    ...SIZE,
    ...EVENTS,
    expect: 'always',
    queries: [
      { expr: `sum(${steps('resource_exhaustion_warnings_total')})`, legend: 'warning', colour: SOON },
      {
        expr: `sum(${steps('resource_exhaustion_interventions_total')})`,
        legend: 'intervention',
        colour: NOW,
      },
      {
        expr: `sum(${steps('resource_exhaustion_terminations_total')})`,
        legend: 'termination',
        colour: LATE,
      },
    ],
    noValue: 'None',
  }),
  graph({
    key: 'active',
    title: 'Alerts at the exporters',
    description:
      'Alerts about agents for which the configuration has a rule: firing, or unknown because Alertmanager no longer repeats them. For unknown ones nothing is done.',
    whenRed: 'Alertmanager is gone, or its repeat_interval is longer than `alertmanager.repeatInterval`.',
    ...SIZE,
    ...COUNT,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('state')} (${gauge('agent_alertmanager_active_alerts')})`,
        legend: legend`${'state'}`,
      },
    ],
    style: 'parts',
    colours: { firing: NOW, unknown: LATE },
    noValue: 'Unknown',
  }),
  graph({
    key: 'received',
    title: 'What arrived',
    description: 'Notifications that the exporters received, by what became of them, and the alerts in them.',
    whenRed:
      'malformed, unauthenticated and not_journalled ones led to nothing: see the log of the exporter.',
    runbooks: ['AgentWebhookPathBroken'],
    ...WIDE,
    ...EVENTS,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('outcome')} (${steps('agent_alertmanager_notifications_total')})`,
        legend: legend`notifications ${'outcome'}`,
      },
      {
        expr: `sum ${by('outcome')} (${steps('agent_alertmanager_alerts_total')})`,
        legend: legend`alerts ${'outcome'}`,
      },
    ],
    noValue: 'None',
  }),
  graph({
    key: 'webhook',
    title: 'Notifications of Alertmanager',
    description:
      'Notifications that Alertmanager sent and that failed, by integration; `webhook` is the way to the exporter.',
    whenRed: 'alerts do not arrive: see the log of Alertmanager, its receiver and its token.',
    runbooks: ['AgentWebhookPathBroken', 'AgentNotificationsFailing'],
    ...WIDE,
    ...EVENTS,
    expect: 'alertmanager',
    queries: [
      {
        expr: `sum ${by('integration')} (increase(alertmanager_notifications_total[$__interval])) > 0`,
        legend: legend`${'integration'}`,
      },
      {
        expr: `sum ${by('integration')} (increase(alertmanager_notifications_failed_total[$__interval])) > 0`,
        legend: legend`${'integration'} failed`,
        colour: LATE,
      },
    ],
    noValue: 'Alertmanager is not scraped',
  }),
]

/** What became of it. */
export const OUTCOMES: readonly PanelPlan[] = [
  graph({
    key: 'outcomes',
    title: 'Actions by outcome',
    description:
      'failed: also what was only done in part. dry_run: what enforcement would have done. noop: it was so already.',
    whenRed: '`agent-exporter actions --status failed` says why.',
    runbooks: ['AgentActionFailing'],
    ...SIZE,
    ...EVENTS,
    expect: 'always',
    queries: [
      { expr: `sum ${by('outcome')} (${steps('agent_actions_total')})`, legend: legend`${'outcome'}` },
    ],
    colours: { done: WELL, failed: LATE, refused: NOW, dry_run: STOPPED, noop: QUIET },
    noValue: 'None',
  }),
  graph({
    key: 'triggers',
    title: 'Actions by who asked',
    description: 'Actions that were done, by what asked for them: a budget, memory, an alert, a person.',
    ...SIZE,
    ...EVENTS,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('action', 'trigger')} (${steps('agent_actions_total', { outcome: 'done' })}) > 0`,
        legend: legend`${'action'} (${'trigger'})`,
      },
    ],
    noValue: 'None',
  }),
  graph({
    key: 'refusals',
    title: 'Refusals by reason',
    description: 'Requests to act that were refused or only rehearsed, by the rule that objected.',
    whenRed: 'docs/control.md explains every reason.',
    runbooks: ['AgentActionsRefused', 'AgentEnforcementBlocked'],
    ...SIZE,
    ...EVENTS,
    expect: 'refused',
    queries: [
      {
        expr: `sum ${by('action', 'reason')} (${steps('agent_action_refusals_total')}) > 0`,
        legend: legend`${'action'}: ${'reason'}`,
      },
    ],
    noValue: 'None',
  }),
]

/** How long it took. */
export const ANSWERS: readonly PanelPlan[] = [
  graph({
    key: 'reaction',
    title: 'Reaction',
    description:
      'From the crossing of a limit, or the start of an alert, to the verified effect: the 99th percentile by trigger.',
    whenRed: 'see whether actions are slow (beside) or alerts arrive late.',
    runbooks: ['AgentActionSlow'],
    ...SIZE,
    unit: 's',
    min: 0,
    style: 'points',
    expect: 'reaction',
    queries: [
      {
        expr: quantile(0.5, 'agent_reaction_duration_seconds', ['trigger']),
        legend: legend`median ${'trigger'}`,
      },
      {
        expr: quantile(0.99, 'agent_reaction_duration_seconds', ['trigger']),
        legend: legend`99 % ${'trigger'}`,
      },
    ],
    noValue: 'Nothing was answered',
  }),
  graph({
    key: 'duration',
    title: 'Duration of actions',
    description:
      'From the request to the verified effect: the 99th percentile by action and by the way it was done.',
    whenRed: 'the engine or the processes do not obey: `agent-exporter actions`.',
    runbooks: ['AgentActionSlow'],
    ...SIZE,
    unit: 's',
    min: 0,
    style: 'points',
    expect: 'actions',
    queries: [
      {
        expr: quantile(0.99, 'agent_action_duration_seconds', ['action', 'rung']),
        legend: legend`${'action'} by ${'rung'}`,
      },
    ],
    noValue: 'Nothing was done',
  }),
  graph({
    key: 'held',
    title: 'Held agents and pending actions',
    description: 'Live agents that are held, and actions that are not settled, on each exporter.',
    runbooks: ['AgentPausedTooLong', 'AgentActionPending'],
    ...SIZE,
    ...COUNT,
    expect: 'always',
    queries: [
      { expr: gauge('agents_paused_current'), legend: legend`held @ ${'instance'}`, colour: STOPPED },
      {
        expr: `sum ${by('instance')} (${gauge('agent_actions_pending')})`,
        legend: legend`pending @ ${'instance'}`,
        colour: PLAIN,
      },
    ],
    noValue: 'Unknown',
  }),
]
