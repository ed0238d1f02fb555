import type { Moment } from '../platform/moment.ts'
import type { NotifiedAlert } from './payload.ts'
import type { Policy } from './policy.ts'
import {
  type AlertedAgent,
  type Entry,
  type EpisodeConfig,
  episodeName,
  type Series,
  type Surroundings,
  withSeries,
} from './table.ts'
import type { AlertOutcome, AlertVerdict } from './verdict.ts'

/** One alert with all that is known where it is judged. */
export interface Scene {
  readonly alert: NotifiedAlert
  readonly policy: Policy
  readonly agent: AlertedAgent
  readonly key: string
  readonly known: Entry | undefined
  readonly config: EpisodeConfig
  readonly around: Surroundings
  readonly now: Moment
  /** Ordinal of the next episode. */
  readonly nextEpisode: number
}

/** What comes of it. */
export interface Heard {
  readonly entry: Entry
  readonly outcome: AlertOutcome
  readonly verdicts: readonly AlertVerdict[]
}

/** A start so far ahead of our clock says nothing about who lived then. */
export const FUTURE_MS = 60_000

/** Nothing was done yet. */
export const FRESH = {
  state: 'firing',
  endsAtMs: undefined,
  crowded: false,
  action: undefined,
  progress: 'none',
  resume: 'none',
  resumeTries: 0,
  resumeRefusedAt: undefined,
  answer: undefined,
  heldAt: undefined,
  muted: false,
  overdue: false,
  withheld: undefined,
  echoAt: undefined,
} as const

/** A new episode; `before` is the one before it. */
export function opened(
  { alert, policy, agent, key, nextEpisode, now }: Scene,
  before: Entry | undefined,
): Entry {
  const told = seriesOf(alert, now)
  return {
    ...FRESH,
    key,
    alertname: alert.alertname,
    policy: policy.id,
    agent: agent.id,
    incarnation: agent.incarnation,
    episode: episodeName(alert.alertname, nextEpisode),
    since: now,
    startsAtMs: alert.startsAtMs,
    // What had ended before is known to have ended.
    series:
      before === undefined ? [told] : withSeries({ series: before.series, crowded: false }, told).series,
    actedAt: before?.resume === 'asking' ? now : before?.actedAt,
  }
}

/** Of one that has resolved. A sender whose clock is far ahead could otherwise make all that follows look old. */
export function endOf({ startsAtMs, endsAtMs }: NotifiedAlert, now: Moment): number {
  return Math.min(endsAtMs ?? startsAtMs + 1, now.wallMs + FUTURE_MS)
}

export function seriesOf(
  { fingerprint, status, startsAtMs, endsAtMs }: NotifiedAlert,
  heardAt: Moment,
): Series {
  return { fingerprint, status, startsAtMs, endsAtMs, heardAt }
}
