import type { Migration } from '../platform/store/migration.ts'
import { column, required } from '../platform/store/migration-types.ts'
import type { RetentionRule } from '../platform/store/retention.ts'
import type { Store } from '../platform/store/store.ts'
import type { Agent, AgentId, Incarnation, Origin, Runtime } from './model.ts'
import { type Counters, countersOf } from './reading.ts'

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
    await db.schema
      .createTable('agents')
      .addColumn('daemon_id', column.text, required)
      .addColumn('id', column.text, required)
      .addColumn('incarnation', column.text, required)
      .addColumn('runtime', column.text, required)
      .addColumn('role', column.text)
      .addColumn('vendor', column.text)
      .addColumn('workspace', column.text)
      .addColumn('started_ms', column.time, required)
      .addColumn('registered_ms', column.time, required)
      .addPrimaryKeyConstraint('agents_pk', ['daemon_id', 'id'])
      .execute()
    await db.schema
      .createTable('agent_incarnations')
      .addColumn('daemon_id', column.text, required)
      .addColumn('incarnation', column.text, required)
      .addColumn('agent', column.text, required)
      .addColumn('runtime', column.text, required)
      .addColumn('origin', column.text, required)
      .addColumn('started_ms', column.time, required)
      .addColumn('seen_ms', column.time, required)
      .addColumn('ended_ms', column.time)
      .addColumn('counters', column.json, required)
      .addPrimaryKeyConstraint('agent_incarnations_pk', ['daemon_id', 'incarnation', 'agent'])
      .execute()
    await db.schema
      .createIndex('agent_incarnations_seen')
      .on('agent_incarnations')
      .columns(['daemon_id', 'seen_ms'])
      .execute()
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

export interface StoredRegistration {
  readonly id: AgentId
  readonly incarnation: Incarnation
  readonly runtime: Runtime
  readonly role: string | undefined
  readonly vendor: string | undefined
  readonly workspace: string | undefined
  readonly startedAtMs: number
  readonly uid: number | undefined
}

/** Agents as they are kept between two runs of the daemon. */
export interface AgentsRepository {
  registrations(): Promise<readonly StoredRegistration[]>
  /** Totals of every incarnation that had not ended when it was last seen. */
  checkpoints(): Promise<ReadonlyMap<Incarnation, Counters>>
  /** Durable when it settles. @throws Problem AE_STORE_UNAVAILABLE */
  saveRegistration(agent: Agent): Promise<void>
  /** @param incarnation only if this life is registered, so that a later one stays. */
  deleteRegistration(id: AgentId, incarnation?: Incarnation): Promise<void>
  /** Closes incarnations that ended while no daemon looked: none of them was seen since `beforeMs`. */
  closeUnseen(beforeMs: number): Promise<void>
  /** Written within 100 ms in a batch; the last ones may be lost at a power cut. */
  checkpoint(agent: Agent): void
}

export function createAgentsRepository(
  store: Pick<Store<AgentsTables>, 'db' | 'enqueue' | 'daemonId'>,
  now: () => number,
): AgentsRepository {
  const { db, daemonId } = store
  return {
    async registrations() {
      const rows = await db.selectFrom('agents').selectAll().where('daemon_id', '=', daemonId).execute()
      return rows.map((row) => ({
        id: row.id,
        incarnation: row.incarnation,
        runtime: row.runtime as Runtime,
        role: row.role ?? undefined,
        vendor: row.vendor ?? undefined,
        workspace: row.workspace ?? undefined,
        startedAtMs: Number(row.started_ms),
        uid: row.uid === null ? undefined : Number(row.uid),
      }))
    },

    async checkpoints() {
      const rows = await db
        .selectFrom('agent_incarnations')
        .select(['incarnation', 'counters'])
        .where('daemon_id', '=', daemonId)
        .where('ended_ms', 'is', null)
        .execute()
      return new Map(rows.map((row) => [row.incarnation, JSON.parse(row.counters) as Counters]))
    },

    async saveRegistration({ id, incarnation, runtime, info, startedAtMs, uid }) {
      const values = {
        incarnation,
        runtime,
        role: info.role ?? null,
        vendor: info.vendor ?? null,
        workspace: info.workspace ?? null,
        started_ms: Math.round(startedAtMs),
        registered_ms: now(),
        uid: runtime === 'cooperative' ? (uid ?? null) : null,
      }
      await db
        .insertInto('agents')
        .values({ daemon_id: daemonId, id, ...values })
        .onConflict((conflict) => conflict.columns(['daemon_id', 'id']).doUpdateSet(values))
        .execute()
    },

    async deleteRegistration(id, incarnation) {
      const rows = db.deleteFrom('agents').where('daemon_id', '=', daemonId).where('id', '=', id)
      await (incarnation === undefined ? rows : rows.where('incarnation', '=', incarnation)).execute()
    },

    async closeUnseen(beforeMs) {
      await db
        .updateTable('agent_incarnations')
        .set((row) => ({ ended_ms: row.ref('seen_ms') }))
        .where('daemon_id', '=', daemonId)
        .where('ended_ms', 'is', null)
        .where('seen_ms', '<', beforeMs)
        .execute()
    },

    checkpoint({ id, incarnation, runtime, origin, startedAtMs, endedAtMs, reading }) {
      const row = {
        daemon_id: daemonId,
        incarnation,
        agent: id,
        runtime,
        origin: origin satisfies Origin,
        started_ms: Math.round(startedAtMs),
        seen_ms: now(),
        ended_ms: endedAtMs ?? null,
        counters: JSON.stringify(countersOf(reading)),
      }
      store.enqueue('agent_incarnations', row, {
        key: ['daemon_id', 'incarnation', 'agent'],
        update: ['seen_ms', 'ended_ms', 'counters', 'origin'],
      })
    },
  }
}
