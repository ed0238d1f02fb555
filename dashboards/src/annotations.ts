import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard'
import { LATE, NOW, STOPPED } from './colours.ts'
import { by, readings } from './promql.ts'
import { type Choice, DATASOURCE } from './variables.ts'

/** Alerts of the exporter's rules, but the one that always fires. */
export const OUR_ALERTS = 'alertname=~"Agent.+", alertname!="AgentDeadMansSwitch"'
/** Alerts about other programs (Alertmanager, Prometheus) or about what is absent have not both labels. */
const ANY_TARGET = 'job=~"$job|", instance=~"$instance|"'

/** What happened, on every graph: alerts that fired, and what was done. On the board of one agent only what concerns it. */
export function annotationsFor(choice: Choice): AnnotationQuery[] {
  const agent = choice === 'agent' ? 'agent="$agent"' : undefined
  const { gauge, steps } = readings(agent === undefined ? 'none' : 'one')
  const firing = [
    `alertstate="firing"`,
    OUR_ALERTS,
    // Of a whole fleet something is always firing: only what cannot wait is worth a line across every graph.
    ...(agent === undefined
      ? ['severity="critical"', ANY_TARGET]
      : [`job=~"$job", instance=~"$instance", ${agent}`]),
  ]
  return [
    annotation(agent === undefined ? 'Critical alerts' : 'Alerts', LATE, `ALERTS{${firing.join(', ')}}`, {
      titleFormat: '{{alertname}}',
      textFormat: '{{severity}} {{agent}} {{instance}}',
      tagKeys: 'severity,room',
    }),
    ...(agent === undefined
      ? [
          annotation(
            'Actions',
            NOW,
            `sum ${by('instance', 'action', 'trigger')} (${steps('agent_actions_total', { outcome: 'done' })}) > 0`,
            {
              titleFormat: '{{action}} ({{trigger}})',
              textFormat: '{{instance}}',
              tagKeys: 'action,trigger',
            },
          ),
        ]
      : [
          annotation('Paused', STOPPED, `${gauge('agent_paused_since_timestamp_seconds')} > 0`, {
            titleFormat: 'Paused',
            textFormat: '{{agent}} {{instance}}',
            tagKeys: 'instance',
          }),
        ]),
  ]
}

/** The marks that people set in Grafana themselves; without this entry they cannot. */
export const OWN_MARKS: AnnotationQuery = {
  name: 'Annotations & Alerts',
  datasource: { type: 'grafana', uid: '-- Grafana --' },
  builtIn: 1,
  enable: true,
  hide: true,
  iconColor: STOPPED,
  type: 'dashboard',
}

/** Steps of several scrapes: an increase needs two samples. */
const STEP_OF_COUNTERS = '5m'
const STEP_OF_GAUGES = '1m'

function annotation(
  name: string,
  iconColor: string,
  expr: string,
  texts: Required<Pick<AnnotationQuery, 'titleFormat' | 'textFormat' | 'tagKeys'>>,
): AnnotationQuery {
  const step = expr.includes('increase(') ? STEP_OF_COUNTERS : STEP_OF_GAUGES
  return {
    name,
    datasource: DATASOURCE,
    enable: true,
    iconColor,
    expr,
    step,
    useValueForTime: false,
    ...texts,
  }
}
