import type { ActionRequest } from '../control/model.ts'
import type { Moment } from '../platform/moment.ts'
import type { NotifiedAlert, Rejection } from './payload.ts'
import type { Entry, Withheld } from './table.ts'

/** What became of one alert of a notification; label `outcome` of `agent_alertmanager_alerts_total`. */
export const ALERT_OUTCOMES = [
  'asked',
  'repeated',
  'resolved',
  'late',
  'unmatched',
  'deaf',
  'muted',
  'no_policy',
  'no_agent',
  'unknown_agent',
  'foreign_instance',
  'stale_alert',
  'conflict',
  'unsupported',
  'rejected',
] as const
export type AlertOutcome = (typeof ALERT_OUTCOMES)[number]

export interface AlertJudgement {
  readonly alert: NotifiedAlert
  readonly outcome: AlertOutcome
  /** The episode it belongs to, where there is one. */
  readonly entry: Entry | undefined
}

export type AlertVerdict =
  | {
      readonly kind: 'opened' | 'closed' | 'unknown' | 'refired' | 'forgotten' | 'overdue'
      readonly entry: Entry
    }
  /** To be asked of the action plane; `crossedAtMs` is left to whoever has the clock. */
  | { readonly kind: 'act' | 'resume'; readonly entry: Entry; readonly request: ActionRequest }
  | { readonly kind: 'notify'; readonly entry: Entry; readonly summary: string | undefined }
  | { readonly kind: 'unsupported'; readonly entry: Entry }
  | { readonly kind: 'withheld'; readonly entry: Entry; readonly why: Withheld }

export interface Judged {
  readonly alerts: readonly AlertJudgement[]
  readonly rejected: readonly Rejection[]
  readonly verdicts: readonly AlertVerdict[]
}

/** How the action plane answered. `owed`: not now; `over`: never in this episode. */
export interface Answer {
  readonly key: string
  readonly episode: string
  readonly deed: 'action' | 'resume'
  readonly result: 'done' | 'owed' | 'over'
  /** Why, in words. */
  readonly detail?: string
  readonly at: Moment
}
