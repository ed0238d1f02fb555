import type { AgentId } from '../agents/model.ts'
import type { Store } from '../platform/store/store.ts'
import type { AlertType, Level } from './model.ts'
import type { StoredAlert } from './record.ts'
import type { MemoryTables } from './tables.ts'

export interface AlertFilter {
  readonly agent?: AgentId
  readonly type?: AlertType
  readonly acknowledged?: 'acknowledged' | 'open'
  readonly sinceMs?: number
}

/** Place of an alert in the list, newest first. */
export type AlertKey = readonly [atMs: number, id: string]

export interface AlertRepository {
  /** Written soon, together with others. The loss of an alert with the machine is no loss of a measurement. */
  save(alert: StoredAlert): void
  /** Newest first, after the alert `after`. */
  list(filter: AlertFilter, limit: number, after?: AlertKey): Promise<readonly StoredAlert[]>
  find(id: string): Promise<StoredAlert | undefined>
  /** Durable when it settles; the first acknowledgement stays. @throws Problem AE_STORE_UNAVAILABLE */
  acknowledge(alert: StoredAlert, atMs: number): Promise<StoredAlert>
}

type Row = MemoryTables['memory_alerts']

const KEY = { key: ['daemon_id', 'id'] } as const

export function createAlertRepository(
  store: Pick<Store<MemoryTables>, 'db' | 'put' | 'enqueue' | 'daemonId'>,
): AlertRepository {
  const { db, daemonId } = store
  const rows = () => db.selectFrom('memory_alerts').selectAll().where('daemon_id', '=', daemonId)
  return {
    save(alert) {
      store.enqueue('memory_alerts', rowOf(daemonId, alert), KEY)
    },

    async list({ agent, type, acknowledged, sinceMs }, limit, after) {
      let query = rows()
      if (agent !== undefined) query = query.where('agent', '=', agent)
      if (type !== undefined) query = query.where('alert_type', '=', type)
      if (acknowledged === 'acknowledged') query = query.where('acknowledged_ms', 'is not', null)
      if (acknowledged === 'open') query = query.where('acknowledged_ms', 'is', null)
      if (sinceMs !== undefined) query = query.where('at_ms', '>=', sinceMs)
      if (after !== undefined) {
        const [atMs, id] = after
        query = query.where(({ eb, or, and }) =>
          or([eb('at_ms', '<', atMs), and([eb('at_ms', '=', atMs), eb('id', '<', id)])]),
        )
      }
      const found = await query.orderBy('at_ms', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return found.map(alertOf)
    },

    async find(id) {
      const row = await rows().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : alertOf(row)
    },

    async acknowledge(alert, atMs) {
      if (alert.acknowledgedAtMs !== undefined) return alert
      const acknowledged = { ...alert, acknowledgedAtMs: atMs }
      await store.put([{ table: 'memory_alerts', rows: [rowOf(daemonId, acknowledged)], upsert: KEY }])
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
    incarnation: alert.incarnation,
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

function alertOf(row: Row): StoredAlert {
  const number = (value: number | null) => (value === null ? undefined : Number(value))
  return {
    id: row.id,
    agent: row.agent,
    incarnation: row.incarnation,
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
