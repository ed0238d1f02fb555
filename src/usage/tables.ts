import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** What was told about each life of an agent, as absolute totals. */
interface UsageLedgersTable {
  daemon_id: string
  agent: string
  incarnation: string
  updated_ms: number
  ended_ms: number | null
  state: string
}

/** Closed epochs. */
interface UsageEpochsTable {
  daemon_id: string
  agent: string
  incarnation: string
  epoch: number
  role: string | null
  opened_by: string | null
  opened_ms: number
  closed_ms: number
  active_ms: number
  totals: string
}

/** Idempotency keys with the answer that was given. */
interface UsageKeysTable {
  daemon_id: string
  caller: string
  agent: string
  idempotency_key: string
  at_ms: number
  body_hash: string
  answer: string
}

interface DeliverablesTable {
  daemon_id: string
  id: string
  agent: string
  incarnation: string
  epoch: number
  type: string
  description: string | null
  artifacts: string
  verified: number | null
  at_ms: number
}

export interface UsageTables {
  usage_ledgers: UsageLedgersTable
  usage_epochs: UsageEpochsTable
  usage_keys: UsageKeysTable
  deliverables: DeliverablesTable
}

export const usageMigration: Migration = {
  name: '0002_usage',
  async up(db) {
    await createTable(db, 'usage_ledgers', {
      columns: {
        agent: 'text',
        incarnation: 'text',
        updated_ms: 'time',
        ended_ms: 'time?',
        state: 'json',
      },
      key: ['agent', 'incarnation'],
      indexes: { updated_ms: ['updated_ms'] },
    })
    await createTable(db, 'usage_epochs', {
      columns: {
        agent: 'text',
        incarnation: 'text',
        epoch: 'integer',
        role: 'text?',
        opened_by: 'text?',
        opened_ms: 'time',
        closed_ms: 'time',
        active_ms: 'integer',
        totals: 'json',
      },
      key: ['agent', 'incarnation', 'epoch'],
      indexes: { closed_ms: ['closed_ms'] },
    })
    await createTable(db, 'usage_keys', {
      columns: {
        caller: 'text',
        agent: 'text',
        idempotency_key: 'text',
        at_ms: 'time',
        body_hash: 'text',
        answer: 'json',
      },
      key: ['caller', 'agent', 'idempotency_key'],
      indexes: { at_ms: ['at_ms'] },
    })
    await createTable(db, 'deliverables', {
      columns: {
        id: 'text',
        agent: 'text',
        incarnation: 'text',
        epoch: 'integer',
        type: 'text',
        description: 'text?',
        artifacts: 'json',
        verified: 'flag?',
        at_ms: 'time',
      },
      key: ['id'],
      indexes: { at_ms: ['at_ms'], agent: ['agent', 'at_ms', 'id'] },
    })
  },
}

const DAY_MS = 86_400_000

/** Live ledgers are written again every few hours, so only those of ended agents grow old. */
export const usageRetention: readonly RetentionRule[] = [
  { table: 'usage_ledgers', column: 'updated_ms', keepMs: 30 * DAY_MS, maxRows: 100_000 },
  { table: 'usage_epochs', column: 'closed_ms', keepMs: 30 * DAY_MS, maxRows: 500_000 },
  { table: 'usage_keys', column: 'at_ms', keepMs: DAY_MS, maxRows: 200_000 },
  // What an agent delivered is asked for long after it is gone.
  { table: 'deliverables', column: 'at_ms', keepMs: 365 * DAY_MS, maxRows: 500_000 },
]
