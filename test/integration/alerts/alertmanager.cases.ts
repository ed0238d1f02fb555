import { type AlertCase, gauge, gone, growing, rate, steady } from '../../support/alert-cases.ts'

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
    only: ['outcome'],
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
    only: ['outcome'],
    each: { outcome: ['malformed'] },
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
    only: ['outcome'],
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
    only: ['outcome'],
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
      growing(alerts('repeated'), 0),
      gauge(firing, undefined, 1),
    ],
    rangeSeconds: 900,
    forSeconds: 300,
    spoilt: [
      [growing(alerts('repeated'), 1 / 15)],
      [gone(firing)],
      [gone(firing), steady(firing.replace('firing', 'pending'), 1)],
      [gone(firing), steady(firing.replace(', agent="x"', ''), 1)],
    ],
    times: 'in stories',
    stories: [
      {
        what: 'as long as alerts fire',
        stages: [
          { at: 0, courses: [growing(alerts('foreign_instance'), 0), growing(alerts('repeated'), 0)] },
          { at: 1_200, courses: [growing(alerts('foreign_instance'), 1 / 15), steady(firing, 1)] },
          { at: 1_560, courses: [gone(firing)] },
        ],
        looks: [
          [1_185, 'quiet'],
          [1_200, 'pending'],
          [1_485, 'pending'],
          [1_500, 'fires'],
          [1_590, 'fires'],
          [1_620, 'quiet'],
        ],
      },
      {
        what: 'one was refused',
        stages: [
          { at: 0, courses: [steady(alerts('foreign_instance'), 7), steady(firing, 1)] },
          { at: 1_200, courses: [steady(alerts('foreign_instance'), 8)] },
        ],
        looks: [
          [1_185, 'quiet'],
          [1_200, 'pending'],
          [2_070, 'fires'],
          [2_100, 'quiet'],
        ],
      },
      {
        what: 'one was taken',
        stages: [
          {
            at: 0,
            courses: [
              growing(alerts('foreign_instance'), 1 / 15),
              steady(alerts('repeated'), 7),
              steady(firing, 1),
            ],
          },
          { at: 1_200, courses: [steady(alerts('repeated'), 8)] },
        ],
        looks: [
          [1_185, 'fires'],
          [1_200, 'quiet'],
          [2_070, 'quiet'],
          [2_100, 'pending'],
        ],
      },
    ],
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
    courses: [gauge('agent_alertmanager_active_alerts{state="unknown"}', 0, 1)],
    beside: [steady('agent_alertmanager_active_alerts{state="firing"}', 3)],
    only: ['state'],
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
    only: ['trigger', 'outcome'],
    kind: 'counter',
    events: 3,
    windowSeconds: 1_800,
    says: [
      'Alerts ask a in vain: pause',
      'At least three times within half an hour an alert asked for pause on a and was refused. agent-exporter actions --status refused',
    ],
  },
]
