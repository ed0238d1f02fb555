import type { AgentId } from '../agents/model.ts'
import type { Store } from '../platform/store/store.ts'
import type { AlertType, Level } from './model.ts'
import type { StoredAlert } from './record.ts'
import type { MemoryTables } from './tables.ts'

export interface AlertFilter {
  readonly agent?: AgentId
  readonly origin?: string
  readonly type?: AlertType
  /** Any type but this one. */
  readonly but?: AlertType
  readonly acknowledged?: 'acknowledged' | 'open'
  readonly sinceMs?: number
}

/** Place of an alert in the list, newest first. */
export type AlertKey = readonly [atMs: number, id: string]

/** An alert as it is found again: who raised it is always known. */
export type KeptAlert = StoredAlert & { readonly origin: string }

export interface AlertRepository {
  /** Written soon, together with others. The loss of an alert with the machine is no loss of a measurement. */
  save(alert: StoredAlert): void
  /** Durable when it settles; one that is there already stays as it is. @throws Problem AE_STORE_UNAVAILABLE */
  keep(alert: StoredAlert): Promise<void>
  /** Newest first, after the alert `after`; also what was saved just before. */
  list(filter: AlertFilter, limit: number, after?: AlertKey): Promise<readonly KeptAlert[]>
  /** How many there are of each agent that has any. */
  counts(filter: AlertFilter): Promise<ReadonlyMap<AgentId, number>>
  find(id: string): Promise<KeptAlert | undefined>
  /** Durable when it settles; the first acknowledgement stays. @throws Problem AE_STORE_UNAVAILABLE */
  acknowledge(alert: KeptAlert, atMs: number): Promise<KeptAlert>
}

type Row = MemoryTables['memory_alerts']

/** A batch may be written twice, so an alert that is there is left alone: somebody may have acknowledged it. */
const ONCE = { key: ['daemon_id', 'id'], update: [] } as const
const ACKNOWLEDGE = { key: ['daemon_id', 'id'], update: ['acknowledged_ms'] } as const

export function createAlertRepository(
  store: Pick<Store<MemoryTables>, 'db' | 'put' | 'enqueue' | 'flush' | 'daemonId'>,
): AlertRepository {
  const { db, daemonId } = store
  const rows = () => db.selectFrom('memory_alerts').where('daemon_id', '=', daemonId)

  /** What cannot be written now is missing from an answer, which is no reason to give none. */
  const settled = () => store.flush().catch(() => {})

  function matching({ agent, origin, type, but, acknowledged, sinceMs }: AlertFilter) {
    let query = rows()
    if (agent !== undefined) query = query.where('agent', '=', agent)
    if (origin !== undefined) query = query.where('origin', '=', origin)
    if (type !== undefined) query = query.where('alert_type', '=', type)
    if (but !== undefined) query = query.where('alert_type', '!=', but)
    if (acknowledged === 'acknowledged') query = query.where('acknowledged_ms', 'is not', null)
    if (acknowledged === 'open') query = query.where('acknowledged_ms', 'is', null)
    if (sinceMs !== undefined) query = query.where('at_ms', '>=', sinceMs)
    return query
  }

  return {
    save(alert) {
      store.enqueue('memory_alerts', rowOf(daemonId, alert), ONCE)
    },

    async keep(alert) {
      await store.put([{ table: 'memory_alerts', rows: [rowOf(daemonId, alert)], upsert: ONCE }])
    },

    async list(filter, limit, after) {
      await settled()
      let query = matching(filter).selectAll()
      if (after !== undefined) {
        const [atMs, id] = after
        query = query.where(({ eb, or, and }) =>
          or([eb('at_ms', '<', atMs), and([eb('at_ms', '=', atMs), eb('id', '<', id)])]),
        )
      }
      const found = await query.orderBy('at_ms', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return found.map(alertOf)
    },

    async counts(filter) {
      await settled()
      const found = await matching(filter)
        .select(({ fn }) => ['agent', fn.countAll().as('count')])
        .groupBy('agent')
        .execute()
      return new Map(found.map(({ agent, count }) => [agent, Number(count)]))
    },

    async find(id) {
      await settled()
      const row = await rows().selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : alertOf(row)
    },

    async acknowledge(alert, atMs) {
      if (alert.acknowledgedAtMs !== undefined) return alert
      const acknowledged = { ...alert, acknowledgedAtMs: atMs }
      await store.put([
        { table: 'memory_alerts', rows: [rowOf(daemonId, acknowledged)], upsert: ACKNOWLEDGE },
      ])
      return acknowledged
    },
  }
}

function rowOf(daemonId: string, alert: StoredAlert): Row {
  const whole = (bytes: number | undefined) => (bytes === undefined ? null : Math.round(bytes))
  return {
    daemon_id: daemonId,
    id: alert.id,
    agent: alert.agent,
    origin: alert.origin ?? daemonId,
    incarnation: alert.incarnation ?? null,
    alert_type: alert.type,
    level: alert.level,
    current_bytes: whole(alert.bytes),
    threshold_bytes: whole(alert.thresholdBytes),
    message: alert.message,
    recommendation: alert.recommendation,
    acknowledged_ms: whole(alert.acknowledgedAtMs),
    at_ms: Math.round(alert.atMs),
  }
}

function alertOf(row: Row): KeptAlert {
  const number = (value: number | null) => (value === null ? undefined : Number(value))
  return {
    id: row.id,
    agent: row.agent,
    origin: row.origin,
    incarnation: row.incarnation ?? undefined,
    type: row.alert_type as AlertType,
    level: row.level as Level,
    bytes: number(row.current_bytes),
    thresholdBytes: number(row.threshold_bytes),
    message: row.message,
    recommendation: row.recommendation,
    atMs: Number(row.at_ms),
    acknowledgedAtMs: number(row.acknowledged_ms),
  }
}
