import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'
import type { Store } from '../platform/store/store.ts'
import type { MemoryTables } from './tables.ts'

/**
 * One time an agent left the healthy level and something was to be done about it. Its ordinal is the episode of what is
 * done: after a restart of the daemon the same excursion has the same, the next one another.
 */
export interface Excursion {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly ordinal: number
  readonly state: 'open' | 'closed'
  /** When a pause for it was verified. */
  readonly pausedAt: Moment | undefined
}

export interface ExcursionRepository {
  /** The last excursion of each agent. @throws Problem AE_STORE_UNAVAILABLE */
  load(): Promise<readonly Excursion[]>
  /** Durable when it settles. @throws Problem AE_STORE_UNAVAILABLE */
  save(excursion: Excursion, nowMs: number): Promise<void>
}

type Row = MemoryTables['memory_excursions']

export function createExcursionRepository(
  store: Pick<Store<MemoryTables>, 'db' | 'put' | 'daemonId'>,
): ExcursionRepository {
  const { db, daemonId } = store
  return {
    async load() {
      const rows = db.selectFrom('memory_excursions').selectAll().where('daemon_id', '=', daemonId)
      return (await rows.execute()).map(excursionOf)
    },
    async save(excursion, nowMs) {
      const rows = [rowOf(daemonId, excursion, nowMs)]
      await store.put([{ table: 'memory_excursions', rows, upsert: { key: ['daemon_id', 'agent'] } }])
    },
  }
}

function rowOf(daemonId: string, excursion: Excursion, nowMs: number): Row {
  const { agent, incarnation, ordinal, state, pausedAt } = excursion
  return {
    ...{ daemon_id: daemonId, agent, incarnation, ordinal, state },
    paused_boot_id: pausedAt?.bootId ?? null,
    paused_boot_ms: pausedAt?.bootMs ?? null,
    paused_ms: pausedAt === undefined ? null : Math.round(pausedAt.wallMs),
    updated_ms: Math.round(nowMs),
  }
}

function excursionOf(row: Row): Excursion {
  const { agent, incarnation, paused_boot_id: bootId, paused_boot_ms: bootMs, paused_ms: wallMs } = row
  const isPaused = bootId !== null && bootMs !== null && wallMs !== null
  return {
    ...{ agent, incarnation, ordinal: Number(row.ordinal), state: row.state === 'open' ? 'open' : 'closed' },
    pausedAt: isPaused ? { bootId, bootMs: Number(bootMs), wallMs: Number(wallMs) } : undefined,
  }
}
