import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

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
    await createTable(db, 'exhaustion_events', {
      columns: {
        id: 'text',
        agent: 'text',
        incarnation: 'text',
        role: 'text?',
        epoch: 'integer',
        phase: 'text',
        previous_phase: 'text',
        counts_as: 'text?',
        triggered_by: 'text',
        action_taken: 'text',
        action_id: 'text?',
        actor: 'text',
        reason: 'text',
        metrics: 'json',
        thresholds: 'json',
        at_ms: 'time',
      },
      key: ['id'],
      indexes: { at: ['at_ms'], agent: ['agent', 'at_ms'] },
    })
    await createTable(db, 'exhaustion_states', {
      columns: {
        incarnation: 'text',
        agent: 'text',
        state: 'json',
        seen_ms: 'time',
      },
      key: ['incarnation'],
      indexes: { seen: ['seen_ms'] },
    })
    await createTable(db, 'enrolments', {
      columns: {
        incarnation: 'text',
        agent: 'text',
        enforce: 'flag',
        profile: 'text?',
        budget: 'json',
        seen_ms: 'time',
      },
      key: ['incarnation'],
      indexes: { seen: ['seen_ms'] },
    })
  },
}

const DAY_MS = 86_400_000

/** States and enrolments of live agents are seen every day, so only those of the dead grow old. All of them are read at the start. */
export const exhaustionRetention: readonly RetentionRule[] = [
  { table: 'exhaustion_events', column: 'at_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
  { table: 'exhaustion_states', column: 'seen_ms', keepMs: 30 * DAY_MS, maxRows: 10_000 },
  { table: 'enrolments', column: 'seen_ms', keepMs: 30 * DAY_MS, maxRows: 10_000 },
]
