import type { AgentId } from '../agents/model.ts'
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
} from './table.ts'
import type { AlertVerdict, Answer } from './verdict.ts'

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
  return [changes.size === 0 ? table : { ...table, entries: changed(table.entries, changes) }, verdicts]
}

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
  const [next, said] = judgeResume(overdue, config, around, heldMs)
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
): readonly [Entry, AlertVerdict[]] {
  const rule = policies.byId(entry.policy)?.rule
  if (rule === undefined || rule.action !== 'pause' || rule.onResolved !== 'resume' || !rule.curedByPause) {
    return [entry, []]
  }
  if (entry.state !== 'closed' || entry.muted || heldMs < rule.minHold) return [entry, []]
  // That the hold is there says that the pause was done, also when its answer got lost.
  if (entry.progress === 'asking' || (entry.resume !== 'none' && entry.resume !== 'owed')) return [entry, []]
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

function objectionTo(entry: Entry, around: Surroundings): Withheld | undefined {
  if (entry.crowded) return 'too_many_series'
  if (around.holds(entry.agent).size > 1) return 'other_hold'
  const isOver = around.isOver(entry)
  if (isOver === undefined) return 'not_measured'
  return isOver ? undefined : 'still_measured'
}

/** What the action plane answered. An answer for an episode that is no longer the latest changes nothing. */
export function settle(table: AlertTable, { key, episode, deed, result, at }: Answer): AlertTable {
  const entry = table.entries.get(key)
  if (entry === undefined || entry.episode !== episode) return table
  const actedAt = result === 'done' ? at : entry.actedAt
  const next: Entry =
    deed === 'resume'
      ? { ...entry, actedAt, resume: result }
      : {
          ...entry,
          actedAt,
          progress: result,
          heldAt: result === 'done' && entry.action === 'pause' ? at : entry.heldAt,
        }
  return { ...table, entries: changed(table.entries, new Map([[key, next]])) }
}

/** A person let the agent go on: the episodes that are open do nothing more to it. */
export function mute(table: AlertTable, agent: AgentId): AlertTable {
  const changes = new Map<string, Entry>()
  for (const entry of table.entries.values()) {
    if (entry.agent === agent && entry.state !== 'closed' && !entry.muted) {
      changes.set(entry.key, { ...entry, muted: true })
    }
  }
  return changes.size === 0 ? table : { ...table, entries: changed(table.entries, changes) }
}

/** After a restart of the daemon nobody waits for the answers any more: what was asked for is asked for again. */
export function revive(table: AlertTable): AlertTable {
  const again = (progress: Entry['progress']) => (progress === 'asking' ? 'owed' : progress)
  const entries = [...table.entries].map(
    ([key, entry]) =>
      [key, { ...entry, progress: again(entry.progress), resume: again(entry.resume) }] as const,
  )
  return { ...table, entries: new Map(entries) }
}

/** How many alerts that have a rule fire, and of how many that is no longer known. */
export function countActive({ entries }: AlertTable): { readonly firing: number; readonly unknown: number } {
  const counts = { firing: 0, unknown: 0 }
  for (const { state } of entries.values()) if (state !== 'closed') counts[state]++
  return counts
}

function changed(
  entries: AlertTable['entries'],
  changes: ReadonlyMap<string, Entry | undefined>,
): AlertTable['entries'] {
  const next = new Map(entries)
  for (const [key, entry] of changes) {
    if (entry === undefined) next.delete(key)
    else next.set(key, entry)
  }
  return next
}
