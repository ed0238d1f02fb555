import { stringify } from 'yaml'
import type { Mail } from './mail-server.ts'

/** What was captured, for docs/notifications.md. */
export interface Captured {
  readonly slack: Readonly<Record<'one' | 'several' | 'mixed' | 'resolved', object>>
  readonly pagerduty: Readonly<Record<'firing' | 'resolved', object>>
  readonly mail: Readonly<Record<'firing' | 'resolved', Mail>>
}

export function notificationsPage({ slack, pagerduty, mail }: Captured): string {
  return `# What people are told

Messages of [alerts/alertmanager.yml](../alerts/alertmanager.yml) and its [templates](../alerts/templates), word for word as Slack,
PagerDuty and a mail server receive them from Alertmanager 0.25. A test captures them and compares them with this page. What is JSON
on the wire is printed as YAML here, where lines are easier to read.

Where links lead is said when the rules are written: \`agent-exporter rules --set runbooks=https://wiki.example.org --set
dashboards=https://grafana.example.org\`. *State* and *What was done* are on the exporter itself, at the address in the label \`instance\`;
from other hosts they need a token with the scope \`read\` ([SECURITY.md](../SECURITY.md)). The command works on the host at once.

A silence, an inhibition or a mute interval in Alertmanager keeps an alert from the exporter as well: nothing is done about it then.

## Slack

One alert. Slack shows the time in the zone of the reader.

${yaml(slack.one)}

Two about one agent are one message, the first time it is told and whenever something of it changes:

${yaml(slack.several)}

One of them is over:

${yaml(slack.mixed)}

Both are:

${yaml(slack.resolved)}

## PagerDuty

One incident for each agent and room; \`dedup_key\` says which. Only what is critical.

${yaml(pagerduty.firing)}

${yaml(pagerduty.resolved)}

## Email

One mail for each room and host.

${letter(mail.firing)}

The same for programs that show HTML:

\`\`\`html
${mail.firing.parts.get('text/html')?.trim()}
\`\`\`

${letter(mail.resolved)}
`
}

function yaml(body: object): string {
  return `\`\`\`yaml\n${stringify(body, { lineWidth: 0 }).trim()}\n\`\`\``
}

function letter({ from, to, subject, parts }: Mail): string {
  const lines = [
    `From: ${from}`,
    `To: ${to.join(', ')}`,
    `Subject: ${subject}`,
    '',
    parts.get('text/plain')?.trim(),
  ]
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``
}
