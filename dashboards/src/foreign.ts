/** What boards ask of metrics that are not the exporter's: of Prometheus itself, and of Alertmanager. */
export const FOREIGN = {
  ALERTS: { type: 'gauge', labels: ['alertname', 'alertstate', 'severity', 'room', 'agent'] },
  ALERTS_FOR_STATE: { type: 'gauge', labels: ['alertname', 'severity', 'room', 'agent'] },
  alertmanager_notifications_failed_total: { type: 'counter', labels: ['integration', 'reason'] },
  alertmanager_notifications_total: { type: 'counter', labels: ['integration'] },
  up: { type: 'gauge', labels: [] },
} as const
