import type { Migration } from '../platform/store/migration.ts'
import { column } from '../platform/store/migration-types.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** Registrations survive a restart of the daemon. */
interface AgentsTable {
  daemon_id: string
  id: string
  incarnation: string
  runtime: string
  role: string | null
  vendor: string | null
  workspace: string | null
  started_ms: number
  registered_ms: number
  /** User of an agent without a runtime; those of the others are read anew. */
  uid: number | null
}

/** Lives of agents with the totals reached, so that counters do not fall when the daemon restarts. */
interface AgentIncarnationsTable {
  daemon_id: string
  incarnation: string
  agent: string
  runtime: string
  origin: string
  started_ms: number
  seen_ms: number
  ended_ms: number | null
  counters: string
}

export interface AgentsTables {
  agents: AgentsTable
  agent_incarnations: AgentIncarnationsTable
}

export const agentsMigration: Migration = {
  name: '0001_agents',
  async up(db) {
    await createTable(db, 'agents', {
      columns: {
        id: 'text',
        incarnation: 'text',
        runtime: 'text',
        role: 'text?',
        vendor: 'text?',
        workspace: 'text?',
        started_ms: 'time',
        registered_ms: 'time',
      },
      key: ['id'],
    })
    await createTable(db, 'agent_incarnations', {
      columns: {
        incarnation: 'text',
        agent: 'text',
        runtime: 'text',
        origin: 'text',
        started_ms: 'time',
        seen_ms: 'time',
        ended_ms: 'time?',
        counters: 'json',
      },
      key: ['incarnation', 'agent'],
      indexes: { seen: ['seen_ms'] },
    })
  },
}

/** Whoever registered an agent without a runtime may tell about it also after a restart. */
export const agentUidMigration: Migration = {
  name: '0004_agent_uid',
  async up(db) {
    await db.schema.alterTable('agents').addColumn('uid', column.integer).execute()
  },
}

const DAY_MS = 86_400_000

/** `seen_ms` moves while an incarnation lives, so only ended ones grow old. */
export const agentsRetention: RetentionRule = {
  table: 'agent_incarnations',
  column: 'seen_ms',
  keepMs: 30 * DAY_MS,
  maxRows: 100_000,
}
