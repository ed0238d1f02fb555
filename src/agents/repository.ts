import type { Store } from '../platform/store/store.ts'
import type { Agent, AgentId, Incarnation, Origin, Runtime } from './model.ts'
import { type Counters, countersOf } from './reading.ts'
import type { AgentsTables } from './tables.ts'

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
