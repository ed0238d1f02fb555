import type { Migration } from '../platform/store/migration.ts'
import { column, required } from '../platform/store/migration-types.ts'
import type { RetentionRule } from '../platform/store/retention.ts'

/** Alerts of this daemon, and of those that send theirs here. */
interface MemoryAlertsTable {
  daemon_id: string
  id: string
  agent: string
  incarnation: string
  alert_type: string
  level: string
  current_bytes: number | null
  threshold_bytes: number | null
  message: string
  recommendation: string
  acknowledged_ms: number | null
  at_ms: number
}

export interface MemoryTables {
  memory_alerts: MemoryAlertsTable
}

export const memoryMigration: Migration = {
  name: '0020_memory',
  async up(db) {
    await db.schema
      .createTable('memory_alerts')
      .addColumn('daemon_id', column.text, required)
      .addColumn('id', column.text, required)
      .addColumn('agent', column.text, required)
      .addColumn('incarnation', column.text, required)
      .addColumn('alert_type', column.text, required)
      .addColumn('level', column.text, required)
      .addColumn('current_bytes', column.integer)
      .addColumn('threshold_bytes', column.integer)
      .addColumn('message', column.text, required)
      .addColumn('recommendation', column.text, required)
      .addColumn('acknowledged_ms', column.time)
      .addColumn('at_ms', column.time, required)
      .addPrimaryKeyConstraint('memory_alerts_pk', ['daemon_id', 'id'])
      .execute()
    for (const [name, columns] of [
      ['memory_alerts_at', ['daemon_id', 'at_ms']],
      ['memory_alerts_agent', ['daemon_id', 'agent', 'at_ms']],
    ] as const) {
      await db.schema
        .createIndex(name)
        .on('memory_alerts')
        .columns([...columns])
        .execute()
    }
  },
}

const DAY_MS = 86_400_000

export const memoryRetention: readonly RetentionRule[] = [
  { table: 'memory_alerts', column: 'at_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
]
