import type { AgentId } from '../agents/model.ts'
import type { Entry, Withheld } from './table.ts'
import type { AlertOutcome } from './verdict.ts'

/** One alert about one agent, as the others are told of it. */
export type ToldEpisode = Pick<Entry, 'alertname' | 'agent' | 'incarnation' | 'episode' | 'state' | 'action'>

/** What the room tells the others on the bus. */
export type AlertmanagerEvents = {
  /** A notification was written down. `outcomes`: how many of its alerts came to what. */
  'alert.received': {
    readonly source: 'alertmanager' | 'grafana'
    readonly receiver: string
    readonly alerts: number
    readonly truncatedAlerts: number
    readonly outcomes: Readonly<Partial<Record<AlertOutcome, number>>>
  }
  /** It was told before, and nothing more is done about it. */
  'alert.deduplicated': { readonly episode: ToldEpisode }
  /** Nothing is done about it; `outcome` says why. Told once for each reason and episode. */
  'alert.refused': {
    readonly alertname: string
    readonly agent: AgentId | undefined
    readonly outcome: AlertOutcome
  }
  /** Asked for by a rule with the action notify. */
  'alert.notified': { readonly episode: ToldEpisode; readonly summary: string | undefined }
  /** `refired`: again, while the agent stands still for it. `forgotten`: never heard of again. */
  'alert.episode_changed': {
    readonly episode: ToldEpisode
    readonly change: 'opened' | 'closed' | 'unknown' | 'refired' | 'forgotten'
  }
  /** It has resolved and the agent would go on by its rule, but for this. */
  'alert.resume_withheld': { readonly episode: ToldEpisode; readonly why: Withheld }
  /** It was paused for an alert and nobody has decided. */
  'alert.pause_overdue': { readonly episode: ToldEpisode; readonly pausedMs: number }
}
