import type { Migration } from '../../../src/platform/store/migration.ts'
import { column, required } from '../../../src/platform/store/migration-types.ts'

/** The tables of two imaginary rooms: an upserted one and an append-only one. */
export interface AgentsTables {
  readonly agents: {
    readonly daemon_id: string
    readonly id: string
    readonly state: string
    readonly seen_ms: number
    readonly labels: string | null
  }
}

export interface SamplesTables {
  readonly samples: {
    readonly daemon_id: string
    readonly seq: number
    readonly at_ms: number
    readonly text: string
  }
}

export type TestTables = AgentsTables & SamplesTables

const agents: Migration = {
  name: '0001_agents',
  async up(db) {
    await db.schema
      .createTable('agents')
      .addColumn('daemon_id', column.text, required)
      .addColumn('id', column.text, required)
      .addColumn('state', column.text, required)
      .addColumn('seen_ms', column.time, required)
      .addColumn('labels', column.json)
      .addPrimaryKeyConstraint('agents_pk', ['daemon_id', 'id'])
      .execute()
  },
}

const samples: Migration = {
  name: '0002_samples',
  async up(db) {
    await db.schema
      .createTable('samples')
      .addColumn('daemon_id', column.text, required)
      .addColumn('seq', column.integer, required)
      .addColumn('at_ms', column.time, required)
      .addColumn('text', column.text, required)
      .execute()
    await db.schema.createIndex('samples_at').on('samples').columns(['daemon_id', 'at_ms']).execute()
  },
}

export const testMigrations: readonly Migration[] = [samples, agents]

export const DAEMON = '11111111-2222-4333-8444-555555555555'

export function agent(id: string, state = 'running', seen_ms = 1): TestTables['agents'] {
  return { daemon_id: DAEMON, id, state, seen_ms, labels: null }
}

export function sample(seq: number, at_ms = seq, text = `sample ${seq}`): TestTables['samples'] {
  return { daemon_id: DAEMON, seq, at_ms, text }
}
