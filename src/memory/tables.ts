import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** Alerts of this daemon, and of those that send theirs here. */
interface MemoryAlertsTable {
  daemon_id: string
  id: string
  agent: string
  /** Who raised it; the same as `daemon_id` for our own. */
  origin: string
  incarnation: string | null
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
    await createTable(db, 'memory_alerts', {
      columns: {
        id: 'text',
        agent: 'text',
        origin: 'text',
        incarnation: 'text?',
        alert_type: 'text',
        level: 'text',
        current_bytes: 'integer?',
        threshold_bytes: 'integer?',
        message: 'text',
        recommendation: 'text',
        acknowledged_ms: 'time?',
        at_ms: 'time',
      },
      key: ['id'],
      indexes: { at: ['at_ms'], agent: ['agent', 'at_ms'] },
    })
  },
}

const DAY_MS = 86_400_000

export const memoryRetention: readonly RetentionRule[] = [
  { table: 'memory_alerts', column: 'at_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
]
