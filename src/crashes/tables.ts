import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** Columns of the seed under its names, then what it did not have. */
export interface AgentCrashesTable {
  daemon_id: string
  id: string
  agent_name: string
  pid: number | null
  exit_code: number | null
  signal: string | null
  reason: string | null
  likely_cause: string
  confidence: string
  summary: string
  peak_memory: number | null
  last_known_memory: number | null
  memory_trend: string | null
  /** Judgement with its evidence, memory, recommendations. */
  insight_data: string
  last_output: string | null
  /** Who reported it; the same as `daemon_id` for what we saw ourselves. */
  origin: string
  /** See `Witness`. */
  witness: string
  incarnation: string | null
  runtime: string | null
  role: string | null
  occurrences: number
  crashed_ms: number
  last_ms: number
}

export interface CrashesTables {
  agent_crashes: AgentCrashesTable
}

export const crashesMigration: Migration = {
  name: '0006_crashes',
  async up(db) {
    await createTable(db, 'agent_crashes', {
      columns: {
        id: 'text',
        agent_name: 'text',
        pid: 'integer?',
        exit_code: 'integer?',
        signal: 'text?',
        reason: 'text?',
        likely_cause: 'text',
        confidence: 'text',
        summary: 'text',
        peak_memory: 'integer?',
        last_known_memory: 'integer?',
        memory_trend: 'text?',
        insight_data: 'json',
        last_output: 'text?',
        origin: 'text',
        witness: 'text',
        incarnation: 'text?',
        runtime: 'text?',
        role: 'text?',
        occurrences: 'integer',
        crashed_ms: 'time',
        last_ms: 'time',
      },
      key: ['id'],
      indexes: {
        at: ['crashed_ms', 'id'],
        agent: ['agent_name', 'crashed_ms'],
        cause: ['likely_cause', 'crashed_ms'],
      },
    })
  },
}

const DAY_MS = 86_400_000

/** @param retain `crashes.retain`, asked at every pass: the configuration may have been loaded again */
export function crashesRetention(retain: () => number): RetentionRule {
  return {
    table: 'agent_crashes',
    column: 'crashed_ms',
    keepMs: 90 * DAY_MS,
    get maxRows() {
      return retain()
    },
  }
}
