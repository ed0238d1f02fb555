import { elapsedMs, type Moment } from '../platform/moment.ts'
import { isForeign } from './instances.ts'
import type { ActiveAlert } from './model.ts'
import type { NotifiedAlert } from './payload.ts'
import { type AlertTable, type Entry, type EpisodeConfig, keyOf, withEntries } from './table.ts'
import type { AlertVerdict } from './verdict.ts'

/** The entry that an alert of Alertmanager's own list belongs to, if it is one of ours. */
function keyIn(table: AlertTable, { labels }: ActiveAlert, config: EpisodeConfig): string | undefined {
  const policy = config.policies.of(labels)
  const agent = labels.get('agent') ?? ''
  const alertname = labels.get('alertname') ?? ''
  if (policy === 'none' || agent === '' || alertname === '') return undefined
  return isForeign(labels.get('instance'), table.instances, config)
    ? undefined
    : keyOf(alertname, policy.id, agent)
}

/** Whether the list says that this one fires: by name, agent, rule and host, not by fingerprints, which replicas differ in. */
export function isAmong(
  entry: Entry,
  active: readonly ActiveAlert[],
  table: AlertTable,
  config: EpisodeConfig,
): boolean {
  return active.some((alert) => keyIn(table, alert, config) === entry.key)
}

/**
 * What the list says of alerts that we believe to fire, as if it had been told again: a heartbeat. It opens nothing,
 * because a list says nothing of what Alertmanager's routes send here, and it closes nothing.
 */
export function heartbeats(
  active: readonly ActiveAlert[],
  table: AlertTable,
  config: EpisodeConfig,
): readonly NotifiedAlert[] {
  return active.flatMap((alert) => {
    const key = keyIn(table, alert, config)
    const entry = key === undefined ? undefined : table.entries.get(key)
    if (entry === undefined || entry.state === 'closed') return []
    const { labels, fingerprint, startsAtMs } = alert
    return {
      ...{ status: 'firing', alertname: entry.alertname, labels, fingerprint, startsAtMs },
      ...{ endsAtMs: undefined, summary: undefined },
    }
  })
}

/** Alerts that we believe to fire, that the list does not have, and that nobody told us of for a whole repeat. */
export function missingIn(
  active: readonly ActiveAlert[],
  table: AlertTable,
  config: EpisodeConfig,
  now: Moment,
): ReadonlySet<string> {
  const there = new Set(active.map((alert) => keyIn(table, alert, config)))
  const missing = new Set<string>()
  for (const { key, state, series } of table.entries.values()) {
    if (state !== 'firing' || there.has(key)) continue
    const isFresh = series.some(({ heardAt }) => elapsedMs(heardAt, now) < config.repeatIntervalMs)
    if (!isFresh) missing.add(key)
  }
  return missing
}

/**
 * What two lists in a row do not have is not known to fire any more: it may have resolved while nobody could tell us,
 * or be silenced. Unknown means that nothing is done for it, neither an action nor a resume, until it is told again.
 */
export function doubt(
  table: AlertTable,
  missing: ReadonlySet<string>,
  now: Moment,
): readonly [AlertTable, readonly AlertVerdict[]] {
  const verdicts: AlertVerdict[] = []
  const changes = new Map<string, Entry>()
  for (const key of missing) {
    const entry = table.entries.get(key)
    if (entry?.state !== 'firing') continue
    const next: Entry = { ...entry, state: 'unknown', since: now }
    changes.set(key, next)
    verdicts.push({ kind: 'unknown', entry: next })
  }
  return [withEntries(table, changes), verdicts]
}
