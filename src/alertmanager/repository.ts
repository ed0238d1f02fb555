import { createHash } from 'node:crypto'
import type { Moment } from '../platform/moment.ts'
import type { Store, Write } from '../platform/store/store.ts'
import type { Received, Source } from './model.ts'
import { SharedMap } from './shared-map.ts'
import { decodeEntry, encodeEntry } from './stored.ts'
import type { AlertTable } from './table.ts'
import type { AlertTables } from './tables.ts'

/** One notification as people are shown it later. */
export interface NotificationNote extends Received {
  readonly id: string
  readonly atMs: number
  readonly source: Source
  readonly receiver: string
  readonly groupKey: string
}

export interface AlertEpisodeRepository {
  /** What an earlier run of the daemon knew. @throws Problem AE_STORE_UNAVAILABLE */
  load(): Promise<AlertTable>
  /**
   * Everything that differs between the two and what was told, or nothing of it, in one trip; durable when it settles.
   * @throws Problem AE_STORE_UNAVAILABLE
   */
  save(before: AlertTable, after: AlertTable, told: readonly NotificationNote[], nowMs: number): Promise<void>
}

const NEXT_EPISODE = 'next_episode'
const INSTANCES = 'instances'

/** Who is gone stays in the table, emptied: one kind of write, and retention takes it. */
const GONE = 'null'

export function createAlertEpisodeRepository(
  store: Pick<Store<AlertTables>, 'db' | 'put' | 'daemonId'>,
): AlertEpisodeRepository {
  const { db, daemonId } = store

  return {
    async load() {
      const rows = await db
        .selectFrom('alert_episodes')
        .select('entry')
        .where('daemon_id', '=', daemonId)
        .where('entry', '!=', GONE)
        .execute()
      const marks = await db
        .selectFrom('alert_marks')
        .select(['name', 'value'])
        .where('daemon_id', '=', daemonId)
        .execute()
      const mark = (name: string): unknown => {
        const row = marks.find((one) => one.name === name)
        return row === undefined ? undefined : JSON.parse(row.value)
      }
      const entries = rows.map(({ entry }) => decodeEntry(entry))
      return {
        entries: new Map(entries.map((entry) => [entry.key, entry])),
        nextEpisode: (mark(NEXT_EPISODE) as number | undefined) ?? 1,
        instances: new Map((mark(INSTANCES) as [string, Moment][] | undefined) ?? []),
      }
    },

    async save(before, after, told, nowMs) {
      const updated = Math.round(nowMs)
      const writes: Write<AlertTables>[] = []
      const episodes = differences(before, after).map(({ key, agent, entry }) => ({
        ...{ daemon_id: daemonId, key: hashOf(key), agent, updated_ms: updated },
        entry: entry === undefined ? GONE : encodeEntry(entry),
      }))
      if (episodes.length > 0) {
        writes.push({ table: 'alert_episodes', rows: episodes, upsert: { key: ['daemon_id', 'key'] } })
      }
      const marks: { daemon_id: string; name: string; value: string; updated_ms: number }[] = []
      const mark = (name: string, value: unknown) =>
        marks.push({ daemon_id: daemonId, name, value: JSON.stringify(value), updated_ms: updated })
      if (before.nextEpisode !== after.nextEpisode) mark(NEXT_EPISODE, after.nextEpisode)
      if (before.instances !== after.instances) mark(INSTANCES, [...after.instances])
      if (marks.length > 0) {
        writes.push({ table: 'alert_marks', rows: marks, upsert: { key: ['daemon_id', 'name'] } })
      }
      const notifications = told.map(({ id, atMs, source, receiver, groupKey, ...received }) => ({
        ...{ daemon_id: daemonId, id, at_ms: Math.round(atMs), source, receiver, group_key: groupKey },
        alerts: received.alerts,
        truncated: received.truncatedAlerts,
        outcomes: JSON.stringify(received.outcomes),
      }))
      if (notifications.length > 0) {
        const upsert = { key: ['daemon_id', 'id'], update: [] } as const
        writes.push({ table: 'alert_notifications', rows: notifications, upsert })
      }
      if (writes.length > 0) await store.put(writes)
    },
  }
}

/** What is another entry now, is new, or is gone (`entry` undefined). */
function differences(before: AlertTable, after: AlertTable) {
  const found = SharedMap.of(after.entries).since(SharedMap.of(before.entries))
  return [...found].map(([key, entry]) => {
    const agent = entry?.agent ?? before.entries.get(key)?.agent ?? ''
    return { key, agent, entry }
  })
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}
