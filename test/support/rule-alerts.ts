import { parse } from 'yaml'
import { RULE_DEFAULTS, withParameters } from '../../src/rules/parameters.ts'
import { type AlertRule, alertFiles } from './rule-files.ts'

/** An alert as `POST /api/v2/alerts` of Alertmanager takes it. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: string
  readonly endsAt?: string
}

export interface Firing {
  readonly alert: string
  /** Labels of the series, such as agent and instance. */
  readonly labels: Readonly<Record<string, string>>
  /** What the template says of the value, such as `1.02Gi`. */
  readonly value?: string
  readonly startsAt: string
  readonly endsAt?: string
}

const PLACES = {
  ...RULE_DEFAULTS,
  runbooks: 'https://wiki.example.org/',
  dashboards: 'https://grafana.example.org',
}

/** The alert that Prometheus makes of a shipped rule. @throws Error when a template is left */
export function alertOf({ alert, labels, value, startsAt, endsAt }: Firing): PostedAlert {
  const rule = rules.find((one) => one.alert === alert)
  if (rule === undefined) throw new Error(`there is no rule ${alert}`)
  const all = { job: 'agent-exporter', ...labels, ...rule.labels, alertname: alert }
  const fill = (text: string) =>
    text.replaceAll(
      /\{\{ *\$(labels\.(\w+)|value)( *\| *urlquery)?[^}]*\}\}/g,
      (whole, what, name, encode) => {
        const filled = what === 'value' ? value : (all as Record<string, string>)[name]
        if (filled === undefined) throw new Error(`${alert}: nothing for ${whole}`)
        return encode ? encodeURIComponent(filled) : filled
      },
    )
  const annotations = Object.entries(rule.annotations).map(([name, text]) => [name, fill(text)])
  return {
    labels: all,
    annotations: Object.fromEntries(annotations),
    startsAt,
    ...(endsAt !== undefined && { endsAt }),
  }
}

const rules: readonly AlertRule[] = alertFiles.flatMap(({ text }) => {
  const { groups } = parse(withParameters(text, PLACES)) as { groups: { rules: AlertRule[] }[] }
  return groups.flatMap((group) => group.rules)
})

/** Tells Alertmanager, as Prometheus does. */
export async function postAlerts(alertmanager: string, alerts: readonly PostedAlert[]): Promise<void> {
  const answer = await fetch(`http://${alertmanager}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(alerts),
  })
  if (!answer.ok) throw new Error(`Alertmanager answered ${answer.status}: ${await answer.text()}`)
}
