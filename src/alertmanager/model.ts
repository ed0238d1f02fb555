import type { AgentId } from '../agents/model.ts'
import type { NotificationOutcome } from './families.ts'
import type { Notification } from './payload.ts'
import type { Entry } from './table.ts'
import type { AlertOutcome } from './verdict.ts'

const SOURCES = ['alertmanager', 'grafana'] as const
export type Source = (typeof SOURCES)[number]

/** What became of one notification; the answer to it. */
export interface Received {
  readonly alerts: number
  /** Alerts of the group that were not in it. */
  readonly truncatedAlerts: number
  readonly outcomes: Readonly<Partial<Record<AlertOutcome, number>>>
}

/** One alert of Alertmanager's own list (`GET /api/v2/alerts`): it fires, and is neither silenced nor inhibited. */
export interface ActiveAlert {
  readonly labels: ReadonlyMap<string, string>
  readonly fingerprint: string
  readonly startsAtMs: number
}

/** Alertmanager itself, asked. */
export interface AlertmanagerApi {
  /** All alerts that fire now. @throws Error when it cannot be asked or says something else */
  active(signal?: AbortSignal): Promise<readonly ActiveAlert[]>
}

/** The room as its routes see it. */
export interface AlertReceiver {
  /**
   * Judges a notification and writes down what it means; resolves when that is durable. What is to be done is done
   * later.
   * @throws Problem AE_STORE_UNAVAILABLE when it could not be written down; nothing of it counts then
   */
  receive(source: Source, notification: Notification): Promise<Received>
  /** Counts a request that never became a notification. */
  refused(outcome: Exclude<NotificationOutcome, 'accepted' | 'truncated'>): void
  /** What is known of the alerts about one agent or all, open ones first. */
  list(agent?: AgentId): readonly Entry[]
}
