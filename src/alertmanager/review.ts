import { elapsedMs, type Moment } from '../platform/moment.ts'
import {
  type AlertTable,
  type Entry,
  type EpisodeConfig,
  FORGET_MS,
  holdOf,
  isStale,
  type Surroundings,
  type Withheld,
  withEntries,
} from './table.ts'
import type { AlertVerdict } from './verdict.ts'

/**
 * What time alone changes: alerts that are no longer repeated, pauses that may end, pauses that have lasted too long,
 * and what is so old that nobody will speak of it again. Of all of them every second or so.
 * @param only keys of those to look at: after a notification, what it was about
 */
export function review(
  table: AlertTable,
  config: EpisodeConfig,
  around: Surroundings,
  now: Moment,
  only: Iterable<string> = table.entries.keys(),
): readonly [AlertTable, readonly AlertVerdict[]] {
  const verdicts: AlertVerdict[] = []
  const changes = new Map<string, Entry | undefined>()
  for (const key of only) {
    const entry = table.entries.get(key)
    if (entry === undefined) continue
    const [next, said] = reviewEntry(entry, config, around, now)
    if (next !== entry) changes.set(entry.key, next)
    verdicts.push(...said)
  }
  return [withEntries(table, changes), verdicts]
}

const FIRST_AGAIN_MS = 5_000
const LAST_AGAIN_MS = 600_000

type Reviewed = readonly [Entry | undefined, readonly AlertVerdict[]]

function reviewEntry(entry: Entry, config: EpisodeConfig, around: Surroundings, now: Moment): Reviewed {
  const agent = around.agent(entry.agent)
  const lives = agent?.incarnation === entry.incarnation && agent.endedAtMs === undefined
  const hold = lives ? around.holds(entry.agent).get(holdOf(entry)) : undefined
  if (entry.state === 'firing' && isSilent(entry, config, now)) {
    if (!lives) return [undefined, [{ kind: 'forgotten', entry }]]
    const next: Entry = { ...entry, state: 'unknown', since: now }
    return [next, [{ kind: 'unknown', entry: next }]]
  }
  if (entry.state !== 'firing' && hold === undefined && elapsedMs(entry.since, now) >= FORGET_MS) {
    return [undefined, entry.state === 'unknown' ? [{ kind: 'forgotten', entry }] : []]
  }
  if (hold === undefined) return [entry, []]
  // After a restart only the hold may know since when.
  const heldMs = entry.heldAt === undefined ? now.wallMs - hold.sinceMs : elapsedMs(entry.heldAt, now)
  const [overdue, told] = judgeDeadline(entry, config, heldMs)
  const [next, said] = judgeResume(overdue, config, around, heldMs, now)
  return [next, [...told, ...said]]
}

/** One series that is repeated is enough to know that the alert fires. */
function isSilent({ series }: Entry, config: EpisodeConfig, now: Moment): boolean {
  return !series.some((one) => one.status === 'firing' && !isStale(one, config, now))
}

function judgeDeadline(
  entry: Entry,
  { policies }: EpisodeConfig,
  heldMs: number,
): readonly [Entry, AlertVerdict[]] {
  const rule = policies.byId(entry.policy)?.rule
  if (rule === undefined || entry.overdue || heldMs < rule.deadline) return [entry, []]
  const next: Entry = { ...entry, overdue: true }
  return [next, [{ kind: 'overdue', entry: next }]]
}

/**
 * Resolved is not healthy: Alertmanager also resolves what Prometheus, being dead, no longer tells it of. So our own
 * measurement has the last word, and only what this episode paused goes on. How often an agent may be resumed without a
 * person is the guard's business (`control.maxAutoResumesPerHour`).
 */
function judgeResume(
  entry: Entry,
  { policies }: EpisodeConfig,
  around: Surroundings,
  heldMs: number,
  now: Moment,
): readonly [Entry, AlertVerdict[]] {
  const rule = policies.byId(entry.policy)?.rule
  if (rule === undefined || rule.action !== 'pause' || rule.onResolved !== 'resume' || !rule.curedByPause) {
    return [entry, []]
  }
  if (entry.state !== 'closed' || entry.muted || heldMs < rule.minHold) return [entry, []]
  // That the hold is there says that the pause was done, also when its answer got lost.
  if (entry.progress === 'asking' || (entry.resume !== 'none' && entry.resume !== 'owed')) return [entry, []]
  if (isTooSoon(entry, now)) return [entry, []]
  const withheld = objectionTo(entry, around)
  if (withheld !== undefined) {
    if (withheld === entry.withheld) return [entry, []]
    const next: Entry = { ...entry, withheld }
    return [next, [{ kind: 'withheld', entry: next, why: withheld }]]
  }
  const next: Entry = { ...entry, resume: 'asking', withheld: undefined }
  return [
    next,
    [
      {
        kind: 'resume',
        entry: next,
        request: {
          action: 'resume',
          agent: entry.agent,
          incarnation: entry.incarnation,
          trigger: 'alert',
          episode: entry.episode,
          actor: entry.alertname,
          reason: `${entry.alertname} has resolved and what we measure agrees`,
          hold: holdOf(entry),
        },
      },
    ],
  ]
}

/** What was refused a moment ago would be refused again: each time it takes twice as long until it is asked again. */
function isTooSoon({ resume, resumeTries, resumeRefusedAt }: Entry, now: Moment): boolean {
  if (resume !== 'owed' || resumeRefusedAt === undefined) return false
  const waitMs = Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** (resumeTries - 1))
  return elapsedMs(resumeRefusedAt, now) < waitMs
}

function objectionTo(entry: Entry, around: Surroundings): Withheld | undefined {
  if (entry.crowded) return 'too_many_series'
  if (around.holds(entry.agent).size > 1) return 'other_hold'
  const isOver = around.isOver(entry)
  if (isOver === undefined) return 'not_measured'
  return isOver ? undefined : 'still_measured'
}
