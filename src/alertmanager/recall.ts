import type { Moment } from '../platform/moment.ts'
import { follow } from './follow.ts'
import type { NotifiedAlert } from './payload.ts'
import {
  type AlertTable,
  type Entry,
  type EpisodeConfig,
  isStale,
  type Surroundings,
  withEntries,
} from './table.ts'
import type { AlertVerdict } from './verdict.ts'

/**
 * After a restart of the daemon: an acknowledged alert is not sent again for minutes, so what is owed for those that
 * fire is asked for now. What was done before the end is found by the keys of the journal and done no second time.
 */
export function recall(
  table: AlertTable,
  config: EpisodeConfig,
  around: Surroundings,
  now: Moment,
): readonly [AlertTable, readonly AlertVerdict[]] {
  const verdicts: AlertVerdict[] = []
  const changes = new Map<string, Entry>()
  for (const entry of table.entries.values()) {
    if (entry.progress !== 'owed' || entry.state !== 'firing') continue
    const last = entry.series.find((one) => one.status === 'firing' && !isStale(one, config, now))
    const agent = around.agent(entry.agent)
    const policy = config.policies.byId(entry.policy)
    if (last === undefined || policy === undefined || agent?.incarnation !== entry.incarnation) continue
    if (agent.endedAtMs !== undefined) continue
    const { alertname, key } = entry
    const { fingerprint, startsAtMs } = last
    const alert: NotifiedAlert = {
      ...{ status: 'firing', alertname, fingerprint, startsAtMs },
      ...{ labels: new Map(), endsAtMs: undefined, summary: undefined },
    }
    const { nextEpisode } = table
    const scene = { alert, policy, agent, key, known: entry, config, around, now, nextEpisode }
    const heard = follow(scene, entry, undefined)
    changes.set(key, heard.entry)
    verdicts.push(...heard.verdicts)
  }
  return [withEntries(table, changes), verdicts]
}
