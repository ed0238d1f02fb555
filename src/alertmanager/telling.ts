import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import { elapsedMs, type Moment } from '../platform/moment.ts'
import { cleanText } from '../platform/text.ts'
import type { AlertmanagerEvents, ToldEpisode } from './record.ts'
import { type Entry, MOST_ENTRIES } from './table.ts'
import type { AlertJudgement, AlertOutcome, AlertVerdict } from './verdict.ts'

export interface TellingOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly moment: () => Moment
  readonly bus: Pick<Bus<AlertmanagerEvents>, 'emit'>
}

/** Tells the others what was heard and what is meant to follow, as seldom as it is news. */
export interface Telling {
  heard(judgement: AlertJudgement): void
  said(verdict: AlertVerdict): void
}

/** Of these something is done, or nothing was expected. */
const NO_REFUSAL: ReadonlySet<AlertOutcome> = new Set(['asked', 'repeated', 'resolved', 'late', 'unmatched'])
/** What repeats every few minutes is told as often; ten thousand copies in a second are one piece of news. */
const SAME_NEWS_MS = 60_000
/** With fewer than there may be entries each would push another out, and all would be news again. */
const MOST_NEWS = 2 * MOST_ENTRIES

export function createTelling({ clock, moment, bus }: TellingOptions): Telling {
  const told = new Map<string, number>()

  function isNews(what: string, forMs: number): boolean {
    const atMs = told.get(what)
    if (atMs !== undefined && clock.monotonic() - atMs < forMs) return false
    told.delete(what)
    told.set(what, clock.monotonic())
    if (told.size > MOST_NEWS) told.delete(told.keys().next().value!)
    return true
  }

  return {
    heard({ alert, outcome, entry }) {
      if (outcome === 'repeated' && entry !== undefined) {
        if (isNews(`again ${entry.episode}`, SAME_NEWS_MS)) {
          bus.emit('alert.deduplicated', { episode: episodeOf(entry) })
        }
        return
      }
      if (NO_REFUSAL.has(outcome)) return
      const agent = entry?.agent ?? alert.labels.get('agent')
      const about = entry?.episode ?? JSON.stringify([alert.alertname, agent])
      if (!isNews(`${outcome} ${about}`, Number.POSITIVE_INFINITY)) return
      bus.emit('alert.refused', {
        alertname: cleanText(alert.alertname),
        agent: agent === undefined ? undefined : cleanText(agent),
        outcome,
      })
    },

    said(verdict) {
      const episode = episodeOf(verdict.entry)
      switch (verdict.kind) {
        case 'opened':
        case 'closed':
        case 'unknown':
        case 'refired':
        case 'forgotten':
          bus.emit('alert.episode_changed', { episode, change: verdict.kind })
          break
        case 'notify':
          bus.emit('alert.notified', { episode, summary: verdict.summary })
          break
        case 'withheld':
          bus.emit('alert.resume_withheld', { episode, why: verdict.why })
          break
        case 'overdue': {
          const { heldAt, since } = verdict.entry
          bus.emit('alert.pause_overdue', { episode, pausedMs: elapsedMs(heldAt ?? since, moment()) })
          break
        }
        case 'act':
        case 'resume':
        case 'unsupported':
          // The journal tells of what is asked for, and the outcome of the alert of what cannot be.
          break
      }
    },
  }
}

function episodeOf({ alertname, agent, incarnation, episode, state, action }: Entry): ToldEpisode {
  return {
    ...{ alertname: cleanText(alertname), episode: cleanText(episode) },
    ...{ agent, incarnation, state, action },
  }
}
