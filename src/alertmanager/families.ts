import { counter, type Family, gauge } from '../platform/exposition/family.ts'

/** What became of one notification; label `outcome` of `agent_alertmanager_notifications_total`. */
export const NOTIFICATION_OUTCOMES = [
  'accepted',
  'truncated',
  'malformed',
  'too_large',
  'unauthenticated',
  'not_journalled',
] as const
export type NotificationOutcome = (typeof NOTIFICATION_OUTCOMES)[number]

export const notificationsTotal = counter('agent_alertmanager_notifications_total', {
  labels: ['outcome'],
  help: 'Notifications of Alertmanager and Grafana by what became of them; truncated ones did not tell all alerts.',
})
export const alertsTotal = counter('agent_alertmanager_alerts_total', {
  labels: ['outcome'],
  help: 'Alerts in notifications by what became of them, each time they were told.',
})
export const activeAlerts = gauge('agent_alertmanager_active_alerts', {
  labels: ['state'],
  help: 'Alerts about agents that have a rule: firing, or no longer repeated and therefore unknown.',
})

export const alertmanagerFamilies: readonly Family[] = [notificationsTotal, alertsTotal, activeAlerts]
