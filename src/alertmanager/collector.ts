import type { Collector } from '../platform/feature.ts'
import {
  activeAlerts,
  alertmanagerFamilies,
  alertsTotal,
  NOTIFICATION_OUTCOMES,
  type NotificationOutcome,
  notificationsTotal,
} from './families.ts'
import { ALERT_OUTCOMES, type AlertOutcome } from './verdict.ts'

/** Counts since the daemon started. */
export interface AlertTallies {
  notification(outcome: NotificationOutcome): void
  /** Alerts of one notification by what became of them. */
  alerts(outcomes: Readonly<Partial<Record<AlertOutcome, number>>>): void
  readonly collector: Collector
}

/**
 * The collector `alerts`. Every outcome is there from the start, so that the first is an increase.
 * @param active asked at each scrape
 */
export function createAlertTallies(
  active: () => { readonly firing: number; readonly unknown: number },
): AlertTallies {
  const notifications = new Map(NOTIFICATION_OUTCOMES.map((outcome) => [outcome, 0]))
  const alerts = new Map(ALERT_OUTCOMES.map((outcome) => [outcome, 0]))
  return {
    notification: (outcome) => void notifications.set(outcome, (notifications.get(outcome) ?? 0) + 1),
    alerts(outcomes) {
      for (const [outcome, count] of alerts) alerts.set(outcome, count + (outcomes[outcome] ?? 0))
    },
    collector: {
      name: 'alerts',
      families: alertmanagerFamilies,
      collect(out) {
        for (const [outcome, count] of notifications) out.set(notificationsTotal, { outcome }, count)
        for (const [outcome, count] of alerts) out.set(alertsTotal, { outcome }, count)
        const { firing, unknown } = active()
        out.set(activeAlerts, { state: 'firing' }, firing)
        out.set(activeAlerts, { state: 'unknown' }, unknown)
      },
    },
  }
}
