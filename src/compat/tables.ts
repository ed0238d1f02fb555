import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** Columns of the seed under its names, then what it did not have. One row per agent and sample of another daemon. */
export interface AgentMetricsTable {
  daemon_id: string
  origin: string
  agent_name: string
  told_ms: number
  recorded_ms: number
  status: string | null
  pid: number | null
  rss_bytes: number | null
  heap_used_bytes: number | null
  heap_total_bytes: number | null
  cpu_percent: number | null
  trend: string | null
  trend_rate_per_minute: number | null
  alert_level: string | null
  high_watermark: number | null
  low_watermark: number | null
  average_rss: number | null
  limit_bytes: number | null
  uptime_ms: number | null
  started_ms: number | null
}

export interface CompatTables {
  agent_metrics: AgentMetricsTable
}

export const compatMigration: Migration = {
  name: '0021_compat',
  async up(db) {
    await createTable(db, 'agent_metrics', {
      columns: {
        origin: 'text',
        agent_name: 'text',
        told_ms: 'time',
        recorded_ms: 'time',
        status: 'text?',
        pid: 'integer?',
        rss_bytes: 'integer?',
        heap_used_bytes: 'integer?',
        heap_total_bytes: 'integer?',
        cpu_percent: 'real?',
        trend: 'text?',
        trend_rate_per_minute: 'integer?',
        alert_level: 'text?',
        high_watermark: 'integer?',
        low_watermark: 'integer?',
        average_rss: 'integer?',
        limit_bytes: 'integer?',
        uptime_ms: 'integer?',
        started_ms: 'time?',
      },
      key: ['origin', 'agent_name', 'told_ms'],
      indexes: { at: ['recorded_ms'], agent: ['agent_name', 'origin', 'recorded_ms'] },
    })
  },
}

const DAY_MS = 86_400_000

/** How long samples of other daemons are kept. */
export const METRICS_KEPT_MS = 7 * DAY_MS

/** Fifty agents at the seed's pace of ten seconds reach the number of rows in a day: some 100 MB on disk. */
export const compatRetention: readonly RetentionRule[] = [
  { table: 'agent_metrics', column: 'recorded_ms', keepMs: METRICS_KEPT_MS, maxRows: 500_000 },
]
