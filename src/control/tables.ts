import { sql } from 'kysely'
import type { Migration } from '../platform/store/migration.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import { createTable } from '../platform/store/table.ts'

/** One row per action, and one per kind of refusal and hour. */
interface ControlActionsTable {
  daemon_id: string
  id: string
  key: string
  /** 1: nobody else may have this key. */
  claims_key: number
  agent: string
  incarnation: string | null
  action: string
  trigger_name: string
  status: string
  at_ms: number
  changed_ms: number
  /** The whole `ActionEntry` as JSON; the columns beside it are what is searched. */
  entry: string
  /** What only this room needs: moments, result, holds released. */
  trail: string
}

/** One row per life of an agent that was ever held. */
interface ControlHoldsTable {
  daemon_id: string
  incarnation: string
  agent: string
  holds: string
  stopped: string
  others: string
  /** `OPEN_MS` while it is held. */
  until_ms: number
}

/** Single facts that outlive the daemon. */
interface ControlMarksTable {
  daemon_id: string
  name: string
  value: string
}

export interface ControlTables {
  control_actions: ControlActionsTable
  control_holds: ControlHoldsTable
  control_marks: ControlMarksTable
}

/** In a database of many hosts. Without the unique index: what is right was decided where it was done. */
export interface ControlCopyTables {
  control_actions_copy: ControlActionsTable
}

function actionsTable(name: string): Migration['up'] {
  return async (db) => {
    await createTable(db, name, {
      columns: {
        id: 'text',
        key: 'text',
        claims_key: 'flag',
        agent: 'text',
        incarnation: 'text?',
        action: 'text',
        trigger_name: 'text',
        status: 'text',
        at_ms: 'time',
        changed_ms: 'time',
        entry: 'json',
        trail: 'json',
      },
      key: ['id'],
      indexes: { changed: ['changed_ms'], agent: ['agent', 'id'] },
    })
  }
}

export const controlMigration: Migration = {
  name: '0010_control',
  async up(db) {
    await actionsTable('control_actions')(db)
    await db.schema
      .createIndex('control_actions_key')
      .unique()
      .on('control_actions')
      .columns(['daemon_id', 'key'])
      .where(sql.ref('claims_key'), '=', 1)
      .execute()
    await db.schema
      .createIndex('control_actions_status')
      .on('control_actions')
      .columns(['daemon_id', 'status', 'id'])
      .execute()
    await createTable(db, 'control_holds', {
      columns: {
        incarnation: 'text',
        agent: 'text',
        holds: 'json',
        stopped: 'json',
        others: 'json',
        until_ms: 'time',
      },
      key: ['incarnation'],
      indexes: { until: ['until_ms'] },
    })
    await createTable(db, 'control_marks', {
      columns: {
        name: 'text',
        value: 'json',
      },
      key: ['name'],
    })
  },
}

export const controlCopyMigration: Migration = {
  name: '0011_control_copy',
  up: actionsTable('control_actions_copy'),
}

const KEEP_MS = 30 * 86_400_000
const MOST_ACTIONS = 100_000

export const controlRetention: readonly RetentionRule[] = [
  { table: 'control_actions', column: 'changed_ms', keepMs: KEEP_MS, maxRows: MOST_ACTIONS },
  { table: 'control_holds', column: 'until_ms', keepMs: KEEP_MS, maxRows: MOST_ACTIONS },
]
export const controlCopyRetention: readonly RetentionRule[] = [
  { table: 'control_actions_copy', column: 'changed_ms', keepMs: KEEP_MS, maxRows: MOST_ACTIONS },
]
