import type { Migration } from '../platform/store/migration.ts'
import { column, required } from '../platform/store/migration-types.ts'
import type { RetentionRule } from '../platform/store/retention.ts'

/** Changes of phase and what was done about them. */
interface ExhaustionEventsTable {
  daemon_id: string
  id: string
  agent: string
  incarnation: string
  role: string | null
  epoch: number
  phase: string
  previous_phase: string
  /** `warning`, `intervention` or `termination`: which total it counts for; null for what ends one. */
  counts_as: string | null
  triggered_by: string
  action_taken: string
  action_id: string | null
  actor: string
  reason: string
  metrics: string
  thresholds: string
  at_ms: number
}

/** Where each life of an agent stands, so that a restart neither forgets an excursion nor tells it twice. */
interface ExhaustionStatesTable {
  daemon_id: string
  incarnation: string
  agent: string
  state: string
  seen_ms: number
}

/** What a person chose for one life of an agent. */
interface EnrolmentsTable {
  daemon_id: string
  incarnation: string
  agent: string
  enforce: number
  profile: string | null
  budget: string
  seen_ms: number
}

export interface ExhaustionTables {
  exhaustion_events: ExhaustionEventsTable
  exhaustion_states: ExhaustionStatesTable
  enrolments: EnrolmentsTable
}

export const exhaustionMigration: Migration = {
  name: '0003_exhaustion',
  async up(db) {
    await db.schema
      .createTable('exhaustion_events')
      .addColumn('daemon_id', column.text, required)
      .addColumn('id', column.text, required)
      .addColumn('agent', column.text, required)
      .addColumn('incarnation', column.text, required)
      .addColumn('role', column.text)
      .addColumn('epoch', column.integer, required)
      .addColumn('phase', column.text, required)
      .addColumn('previous_phase', column.text, required)
      .addColumn('counts_as', column.text)
      .addColumn('triggered_by', column.text, required)
      .addColumn('action_taken', column.text, required)
      .addColumn('action_id', column.text)
      .addColumn('actor', column.text, required)
      .addColumn('reason', column.text, required)
      .addColumn('metrics', column.json, required)
      .addColumn('thresholds', column.json, required)
      .addColumn('at_ms', column.time, required)
      .addPrimaryKeyConstraint('exhaustion_events_pk', ['daemon_id', 'id'])
      .execute()
    for (const [name, columns] of [
      ['exhaustion_events_at', ['daemon_id', 'at_ms']],
      ['exhaustion_events_agent', ['daemon_id', 'agent', 'at_ms']],
    ] as const) {
      await db.schema
        .createIndex(name)
        .on('exhaustion_events')
        .columns([...columns])
        .execute()
    }
    await db.schema
      .createTable('exhaustion_states')
      .addColumn('daemon_id', column.text, required)
      .addColumn('incarnation', column.text, required)
      .addColumn('agent', column.text, required)
      .addColumn('state', column.json, required)
      .addColumn('seen_ms', column.time, required)
      .addPrimaryKeyConstraint('exhaustion_states_pk', ['daemon_id', 'incarnation'])
      .execute()
    await db.schema
      .createTable('enrolments')
      .addColumn('daemon_id', column.text, required)
      .addColumn('incarnation', column.text, required)
      .addColumn('agent', column.text, required)
      .addColumn('enforce', column.flag, required)
      .addColumn('profile', column.text)
      .addColumn('budget', column.json, required)
      .addColumn('seen_ms', column.time, required)
      .addPrimaryKeyConstraint('enrolments_pk', ['daemon_id', 'incarnation'])
      .execute()
    for (const table of ['exhaustion_states', 'enrolments']) {
      await db.schema.createIndex(`${table}_seen`).on(table).columns(['daemon_id', 'seen_ms']).execute()
    }
  },
}

const DAY_MS = 86_400_000

/** States and enrolments of live agents are seen every day, so only those of the dead grow old. All of them are read at the start. */
export const exhaustionRetention: readonly RetentionRule[] = [
  { table: 'exhaustion_events', column: 'at_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
  { table: 'exhaustion_states', column: 'seen_ms', keepMs: 30 * DAY_MS, maxRows: 10_000 },
  { table: 'enrolments', column: 'seen_ms', keepMs: 30 * DAY_MS, maxRows: 10_000 },
]
