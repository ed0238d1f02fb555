import { type AlertCase, gauge, rate } from '../../support/alert-cases.ts'

const notifications = (outcome: string) => `agent_alertmanager_notifications_total{outcome="${outcome}"}`
const alerts = (outcome: string) => `agent_alertmanager_alerts_total{outcome="${outcome}"}`
const firing = 'ALERTS{alertname="AgentSomething", alertstate="firing", agent="x"}'

export const cases: readonly AlertCase[] = [
  {
    alert: 'AgentWebhookUnauthenticated',
    class: 'event',
    severity: 'warning',
    labels: { outcome: 'unauthenticated' },
    series: notifications('unauthenticated'),
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'Somebody called a without the right token',
      'Notifications of alerts to a had no token that covers them within ten minutes: Alertmanager has the wrong one, or it was not Alertmanager.',
    ],
  },
  {
    alert: 'AgentWebhookMalformed',
    class: 'event',
    severity: 'warning',
    series: notifications('too_large'),
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'Notifications to a are not understood',
      'Notifications of alerts to a were refused within ten minutes because they were malformed or too large. Nothing came of them.',
    ],
  },
  {
    alert: 'AgentWebhookNotJournalled',
    class: 'event',
    severity: 'critical',
    labels: { outcome: 'not_journalled' },
    series: notifications('not_journalled'),
    kind: 'counter',
    events: 1,
    windowSeconds: 600,
    says: [
      'a cannot write alerts down',
      'Notifications of alerts to a were answered with an error within ten minutes because they could not be written down. Alertmanager tries again.',
    ],
  },
  {
    alert: 'AgentWebhookTruncated',
    class: 'event',
    severity: 'warning',
    labels: { outcome: 'truncated' },
    series: notifications('truncated'),
    kind: 'counter',
    events: 1,
    windowSeconds: 900,
    says: [
      'a is not told of all alerts',
      'Alertmanager cut notifications to a off within a quarter of an hour (max_alerts). Nothing is done about the alerts that are missing.',
    ],
  },
  {
    alert: 'AgentAlertsForeign',
    class: 'level',
    severity: 'warning',
    labels: { outcome: 'foreign_instance' },
    courses: [
      rate(alerts('foreign_instance'), 0, 1 / 15),
      rate(alerts('repeated'), 0, 0),
      gauge(firing, undefined, 1),
    ],
    // The window forgets what was refused before only after its whole length.
    settleSeconds: 900,
    warmSeconds: 1_800,
    forSeconds: 300,
    spoilt: [[rate(alerts('repeated'), 0, 1 / 15)], [gauge(firing, undefined, undefined)]],
    says: [
      'a takes alerts about its own agents for foreign',
      'Alerts about agents of a fire, but for a quarter of an hour it has refused every alert it was told of as that of another host.',
    ],
  },
  {
    alert: 'AgentAlertsUnknown',
    class: 'level',
    severity: 'warning',
    labels: { state: 'unknown' },
    courses: [
      gauge('agent_alertmanager_active_alerts{state="unknown"}', 0, 1),
      gauge('agent_alertmanager_active_alerts{state="firing"}', 3, 3),
    ],
    forSeconds: 300,
    says: [
      'Alertmanager no longer repeats alerts to a',
      '1 alerts that a was told of have been neither repeated nor resolved. Nothing is done about them, and nobody is resumed because of them.',
    ],
  },
  {
    alert: 'AgentAlertActionsRefused',
    class: 'event',
    severity: 'warning',
    labels: { action: 'pause' },
    series: 'agent_actions_total{action="pause", trigger="alert", outcome="refused"}',
    kind: 'counter',
    events: 3,
    windowSeconds: 1_800,
    says: [
      'Alerts ask a in vain: pause',
      'At least three times within half an hour an alert asked for pause on a and was refused. agent-exporter actions --status refused',
    ],
  },
]
