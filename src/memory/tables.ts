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

/** The last time each agent left the healthy level and something was to be done about it. */
interface MemoryExcursionsTable {
  daemon_id: string
  agent: string
  incarnation: string
  /** Counts up within an incarnation. */
  ordinal: number
  state: string
  paused_boot_id: string | null
  paused_boot_ms: number | null
  paused_ms: number | null
  updated_ms: number
}

export interface MemoryTables {
  memory_alerts: MemoryAlertsTable
  memory_excursions: MemoryExcursionsTable
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

export const memoryExcursionsMigration: Migration = {
  name: '0022_memory_excursions',
  async up(db) {
    await createTable(db, 'memory_excursions', {
      columns: {
        agent: 'text',
        incarnation: 'text',
        ordinal: 'integer',
        state: 'text',
        paused_boot_id: 'text?',
        paused_boot_ms: 'real?',
        paused_ms: 'time?',
        updated_ms: 'time',
      },
      key: ['agent'],
      indexes: { updated: ['updated_ms'] },
    })
  },
}

const DAY_MS = 86_400_000

export const memoryRetention: readonly RetentionRule[] = [
  { table: 'memory_alerts', column: 'at_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
  // Longer than the journal remembers what was done in them, or one would count anew and find its number taken.
  { table: 'memory_excursions', column: 'updated_ms', keepMs: 400 * DAY_MS, maxRows: 100_000 },
]
