import { elapsedMs } from '../platform/moment.ts'
import { follow } from './follow.ts'
import type { NotifiedAlert } from './payload.ts'
import { FRESH, type Heard, opened, type Scene, seriesOf } from './scene.ts'
import { type Entry, type EpisodeConfig, holdOf, type Series, withSeries } from './table.ts'

/** An alert is told to fire: whether that is news, and what is done about it. */
export function hearFiring(scene: Scene): Heard {
  const { alert, known, now } = scene
  if (known === undefined) return follow(scene, opened(scene, undefined), 'opened')
  const series = known.series.find(({ fingerprint }) => fingerprint === alert.fingerprint)
  const isOver = series?.status === 'resolved' && isBefore(alert, series)
  if (known.state !== 'closed') {
    if (isOver) return { entry: known, outcome: 'late', verdicts: [] }
    const firing: Entry = known.state === 'firing' ? known : { ...known, state: 'firing', since: now }
    return follow(scene, heardAgain(firing, scene), undefined)
  }
  const isHeld = standsStill(known, scene)
  if ((isHeld ? isOver : isBefore(alert, known)) && !isHeartbeat(known, scene)) {
    return { entry: { ...known, echoAt: known.echoAt ?? now }, outcome: 'late', verdicts: [] }
  }
  if (!isHeld) return follow(scene, opened(scene, known), 'opened')
  // Nothing has to be done again, and one hold is what a resume will release once every series has ended.
  const { resume, resumeTries, resumeRefusedAt, withheld, echoAt } = FRESH
  const again: Entry = {
    ...{ ...known, state: 'firing', since: now, withheld, echoAt },
    ...{ resume, resumeTries, resumeRefusedAt },
  }
  return follow(scene, heardAgain(again, scene), 'refired')
}

/** Whether it began before the end that is known. */
function isBefore({ startsAtMs }: NotifiedAlert, { endsAtMs }: Pick<Series, 'endsAtMs'>): boolean {
  return startsAtMs < (endsAtMs ?? Number.POSITIVE_INFINITY)
}

/**
 * A firing that had ended before is a late copy. Heard again and again, at the pace of repeats and longer than anything
 * we did can echo, it is an alert whose end was wrong: Alertmanager resolves what Prometheus stopped telling it of, and
 * after the interruption the start is the old one.
 */
function isHeartbeat({ echoAt, since }: Entry, { policy, config, now }: Scene): boolean {
  if (echoAt === undefined || elapsedMs(echoAt, now) < config.repeatIntervalMs / 2) return false
  return elapsedMs(since, now) >= Math.max(policy.rule.deafFor, 2 * config.repeatIntervalMs)
}

/** By our pause for this episode, or it is about to. One that is about to go on is left to the next episode. */
function standsStill(entry: Entry, { around }: Scene): boolean {
  if (entry.action !== 'pause' || entry.resume === 'asking') return false
  return entry.progress === 'asking' || around.holds(entry.agent).has(holdOf(entry))
}

function heardAgain(entry: Entry, { alert, config, now }: Scene): Entry {
  const before = entry.series.find(({ fingerprint }) => fingerprint === alert.fingerprint)
  const next = seriesOf(alert, now)
  if (before !== undefined && entry.startsAtMs <= next.startsAtMs && isCopy(before, next, config))
    return entry
  const startsAtMs =
    before?.status === 'firing' ? Math.max(before.startsAtMs, next.startsAtMs) : next.startsAtMs
  return {
    ...entry,
    ...withSeries(entry, { ...next, startsAtMs }),
    startsAtMs: Math.min(entry.startsAtMs, alert.startsAtMs),
  }
}

/**
 * The same again, long before a repeat is due: duplicates and groups to which another alert was added tell nothing that
 * is worth a write. What is forgotten is a part of the time after which an alert would be unknown.
 */
function isCopy(before: Series, next: Series, { repeatIntervalMs }: EpisodeConfig): boolean {
  const isSame = before.status === 'firing' && next.startsAtMs <= before.startsAtMs
  return isSame && elapsedMs(before.heardAt, next.heardAt) < repeatIntervalMs / 4
}
