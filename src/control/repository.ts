import { sql } from 'kysely'
import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Store, Write } from '../platform/store/store.ts'
import type { Held, Hold } from './holds.ts'
import type { Action, ActionEntry, ActionFilter } from './model.ts'
import type { ActionRecord } from './record.ts'
import type { ControlCopyTables, ControlTables } from './tables.ts'

/** `reset`: moment of the last reset by a person. `damaged`: since when acting waits for one, or for time to pass. `copied`: where the outbox is. */
export type MarkName = 'reset' | 'damaged' | 'copied'

export type ControlStore = Pick<Store<ControlTables>, 'db' | 'put' | 'enqueue' | 'daemonId'>

/** Later than any release, so that no age makes an open row old (largest time of ECMAScript). */
const OPEN_MS = 8_640_000_000_000_000

/** Rows read at start: what the guard and the keys need of the last hour, with much room. */
const RECENT_ROWS = 5_000
/** Waiting for approval or under way when the daemon ended. */
const MOST_OPEN = 10_000

export interface ControlRepository {
  readonly daemonId: string
  put(writes: readonly Write<ControlTables>[]): Promise<void>
  /** Fails on a key that is taken. */
  inserted(record: ActionRecord, nowMs: number): Write<ControlTables>
  saved(records: readonly ActionRecord[], nowMs: number): Write<ControlTables>
  held(held: readonly Held[], nowMs: number): Write<ControlTables>
  mark(name: MarkName, value: unknown): Write<ControlTables>
  copyRow(record: ActionRecord, nowMs: number): ControlCopyTables['control_actions_copy']

  find(id: string): Promise<ActionRecord | undefined>
  byKey(key: string): Promise<ActionRecord | undefined>
  /** The newest that a person asked for under this episode and that was begun, of whichever life. */
  byEpisode(agent: AgentId, action: Action, episode: string): Promise<ActionRecord | undefined>
  /** Newest first. */
  page(filter: ActionFilter, limit: number, before: string | undefined): Promise<readonly ActionEntry[]>
  unsettled(): Promise<readonly ActionRecord[]>
  /** Actions without refusals and dry runs, oldest first. */
  recent(): Promise<readonly ActionRecord[]>
  changedSince(ms: number, after: string, limit: number): Promise<readonly ActionRecord[]>
  openHolds(): Promise<readonly Held[]>
  marks(): Promise<ReadonlyMap<MarkName, unknown>>
  newestId(): Promise<string | undefined>
}

export function createControlRepository(store: ControlStore): ControlRepository {
  const { db, daemonId } = store
  const actions = () =>
    db
      .selectFrom('control_actions')
      .select(['key', 'claims_key', 'entry', 'trail'])
      .where('daemon_id', '=', daemonId)

  function rowOf(record: ActionRecord, nowMs: number): ControlTables['control_actions'] {
    const { entry, key, claimsKey, ...rest } = record
    const { admitted, started, ended, result, graceMs, optIn, released, stoppedBefore, processes } = rest
    return {
      daemon_id: daemonId,
      id: entry.id,
      key,
      claims_key: claimsKey ? 1 : 0,
      agent: entry.agent,
      incarnation: entry.incarnation ?? null,
      action: entry.action,
      trigger_name: entry.trigger,
      status: entry.status,
      at_ms: Math.round(entry.at),
      changed_ms: Math.round(nowMs),
      entry: JSON.stringify(entry),
      trail: JSON.stringify({
        ...{ admitted, started, ended, result, graceMs, optIn, released, stoppedBefore, processes },
      } satisfies Trail),
    }
  }

  return {
    daemonId,
    put: (writes) => store.put(writes),
    inserted: (record, nowMs) => ({ table: 'control_actions', rows: [rowOf(record, nowMs)] }),
    saved: (records, nowMs) => ({
      table: 'control_actions',
      rows: records.map((record) => rowOf(record, nowMs)),
      upsert: { key: ['daemon_id', 'id'] },
    }),
    held: (all, nowMs) => ({
      table: 'control_holds',
      rows: all.map(({ agent, incarnation, holds, stopped, stoppedByOthers }) => ({
        daemon_id: daemonId,
        incarnation,
        agent,
        holds: JSON.stringify([...holds.values()]),
        stopped: JSON.stringify(stopped),
        others: JSON.stringify(stoppedByOthers),
        until_ms: holds.size > 0 ? OPEN_MS : Math.round(nowMs),
      })),
      upsert: { key: ['daemon_id', 'incarnation'] },
    }),
    mark: (name, value) => ({
      table: 'control_marks',
      rows: [{ daemon_id: daemonId, name, value: JSON.stringify(value) }],
      upsert: { key: ['daemon_id', 'name'] },
    }),
    copyRow: rowOf,

    async find(id) {
      const row = await actions().where('id', '=', id).executeTakeFirst()
      return row && recordOf(row)
    },
    async byKey(key) {
      const row = await actions().where('key', '=', key).where('claims_key', '=', 1).executeTakeFirst()
      return row && recordOf(row)
    },
    async byEpisode(agent, action, episode) {
      const suffix = `|${action}|${episode}`
      const row = await actions()
        .where('agent', '=', agent)
        .where('action', '=', action)
        .where('trigger_name', '=', 'human')
        .where('status', 'not in', ['refused', 'dry_run'])
        .where(sql`substr(key, ${-suffix.length})`, '=', suffix)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && recordOf(row)
    },
    async page({ agent, action, status, sinceMs }, limit, before) {
      let query = actions()
      if (agent !== undefined) query = query.where('agent', '=', agent)
      if (action !== undefined) query = query.where('action', '=', action)
      if (status !== undefined) query = query.where('status', '=', status)
      if (sinceMs !== undefined) query = query.where('at_ms', '>=', sinceMs)
      if (before !== undefined) query = query.where('id', '<', before)
      const rows = await query.orderBy('id', 'desc').limit(limit).execute()
      return rows.map((row) => recordOf(row).entry)
    },
    async unsettled() {
      const rows = await actions()
        .where('status', 'in', ['intended', 'pending_approval'])
        .orderBy('id')
        .limit(MOST_OPEN)
        .execute()
      return rows.map(recordOf)
    },
    async recent() {
      const rows = await actions()
        .where('status', 'not in', ['refused', 'dry_run'])
        .orderBy('id', 'desc')
        .limit(RECENT_ROWS)
        .execute()
      return rows.map(recordOf).reverse()
    },
    async changedSince(ms, after, limit) {
      const rows = await actions()
        .where('changed_ms', '>=', ms)
        .where('id', '>', after)
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(recordOf)
    },
    async openHolds() {
      const rows = await db
        .selectFrom('control_holds')
        .selectAll()
        .where('daemon_id', '=', daemonId)
        .where('until_ms', '=', OPEN_MS)
        .limit(MOST_OPEN)
        .execute()
      return rows.map((row) => ({
        agent: row.agent,
        incarnation: row.incarnation as Incarnation,
        holds: new Map((JSON.parse(row.holds) as Hold[]).map((hold) => [hold.cause, hold])),
        stopped: JSON.parse(row.stopped) as ProcessKey[],
        stoppedByOthers: JSON.parse(row.others) as ProcessKey[],
      }))
    },
    async marks() {
      const rows = await db
        .selectFrom('control_marks')
        .select(['name', 'value'])
        .where('daemon_id', '=', daemonId)
        .execute()
      return new Map(rows.map(({ name, value }) => [name as MarkName, JSON.parse(value) as unknown]))
    },
    async newestId() {
      const row = await db
        .selectFrom('control_actions')
        .select('id')
        .where('daemon_id', '=', daemonId)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.id
    },
  }
}

type Trail = Omit<ActionRecord, 'entry' | 'key' | 'claimsKey' | 'crossedAtMs'>

function recordOf(
  row: Pick<ControlTables['control_actions'], 'key' | 'claims_key' | 'entry' | 'trail'>,
): ActionRecord {
  const trail = JSON.parse(row.trail) as Partial<Trail> & { readonly admitted: Moment }
  return {
    entry: revivedEntry(JSON.parse(row.entry) as ActionEntry),
    key: row.key,
    claimsKey: Number(row.claims_key) === 1,
    admitted: trail.admitted,
    started: trail.started,
    ended: trail.ended,
    result: trail.result,
    graceMs: trail.graceMs,
    optIn: trail.optIn ?? false,
    released: trail.released ?? [],
    stoppedBefore: trail.stoppedBefore,
    processes: trail.processes,
    crossedAtMs: undefined,
  }
}

/** JSON leaves out what is undefined; an entry has all its fields. */
export function revivedEntry(entry: ActionEntry): ActionEntry {
  const { incarnation, refusal, detail, rung, verifiedAt, durationMs, size, extraBudget } = entry
  return { ...entry, incarnation, refusal, detail, rung, verifiedAt, durationMs, size, extraBudget }
}
