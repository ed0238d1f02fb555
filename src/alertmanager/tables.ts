import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** What is known of one alert about one agent. */
interface AlertEpisodesTable {
  daemon_id: string
  /** Hash of the key of the entry: names of alerts are longer than what PostgreSQL keeps in an index. */
  key: string
  agent: string
  /** The whole `Entry` as JSON. */
  entry: string
  updated_ms: number
}

/** Single facts that outlive the daemon. */
interface AlertMarksTable {
  daemon_id: string
  name: string
  value: string
  updated_ms: number
}

/** What was told to us, for people who ask later. */
interface AlertNotificationsTable {
  daemon_id: string
  id: string
  at_ms: number
  source: string
  receiver: string
  group_key: string
  alerts: number
  truncated: number
  /** How many of its alerts came to what, as JSON. */
  outcomes: string
}

export interface AlertTables {
  alert_episodes: AlertEpisodesTable
  alert_marks: AlertMarksTable
  alert_notifications: AlertNotificationsTable
}

export const alertsMigration: Migration = {
  name: '0030_alerts',
  async up(db) {
    await createTable(db, 'alert_episodes', {
      columns: { key: 'text', agent: 'text', entry: 'json', updated_ms: 'time' },
      key: ['key'],
      indexes: { updated: ['updated_ms'] },
    })
    await createTable(db, 'alert_marks', {
      columns: { name: 'text', value: 'json', updated_ms: 'time' },
      key: ['name'],
      indexes: { updated: ['updated_ms'] },
    })
    await createTable(db, 'alert_notifications', {
      columns: {
        id: 'text',
        at_ms: 'time',
        source: 'text',
        receiver: 'text',
        group_key: 'text',
        alerts: 'integer',
        truncated: 'integer',
        outcomes: 'json',
      },
      key: ['id'],
      indexes: { at: ['at_ms'] },
    })
  },
}

const DAY_MS = 86_400_000
/** Longer than the journal remembers what was done in them: an episode that had the name of another would find it done. */
const KEEP_MS = 400 * DAY_MS

export const alertsRetention: readonly RetentionRule[] = [
  { table: 'alert_episodes', column: 'updated_ms', keepMs: KEEP_MS, maxRows: 100_000 },
  { table: 'alert_marks', column: 'updated_ms', keepMs: KEEP_MS },
  // Heartbeats come every few minutes for each agent.
  { table: 'alert_notifications', column: 'at_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
]
