import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Log } from '../platform/log.ts'
import type { Store, Write } from '../platform/store/store.ts'
import type { JudgeState } from './judge.ts'
import type { ActionTaken, Enrolment, ExhaustionEvent, Phase, ResourceLabel, Thresholds } from './model.ts'
import type { ExhaustionTables } from './tables.ts'

/** What is kept of one life of an agent. */
export interface StoredState {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly judged: JudgeState
  readonly epoch: number
  /** Event of the open intervention. */
  readonly eventId: string | undefined
  /** Whether the agent was enforced when its pause was asked for. */
  readonly asked: 'enforced' | 'observed' | undefined
  /** What a resume granted, and to which epoch. */
  readonly extra: { readonly epoch: number; readonly budget: Thresholds } | undefined
  /** The last resume and pause of the journal that were heard: both may be told again. */
  readonly heard: { readonly resume?: string; readonly pause?: string }
}

/** Which total an event counts for. */
export type CountsAs = 'warning' | 'intervention' | 'termination'

export interface EventFilter {
  readonly agent?: AgentId
  readonly phase?: Phase
  readonly sinceMs?: number
}

/** Place of an event in the list, newest first. */
export type EventKey = readonly [atMs: number, id: string]

export interface Totals {
  readonly agent: AgentId
  readonly countsAs: CountsAs
  readonly count: number
}

export interface ExhaustionRepository {
  enrolments(): Promise<readonly Enrolment[]>
  restore(): Promise<{
    readonly states: ReadonlyMap<Incarnation, StoredState>
    readonly enrolments: readonly Enrolment[]
    /** Events of interventions that are still open. */
    readonly events: ReadonlyMap<string, ExhaustionEvent>
  }>
  /** Both are written together with whatever else waits; the newest version of each wins. */
  saveEvent(event: ExhaustionEvent, countsAs: CountsAs | undefined): void
  saveState(state: StoredState): void
  /** Settles when what was saved before is on disk, or waits for the store to come back. */
  flushed(): Promise<void>
  /** Durable when it settles. @throws Problem AE_STORE_UNAVAILABLE */
  saveEnrolment(enrolment: Enrolment): Promise<void>
  /** Newest first, after the event `after`. */
  events(filter: EventFilter, limit: number, after?: EventKey): Promise<readonly ExhaustionEvent[]>
  totals(sinceMs: number | undefined): Promise<readonly Totals[]>
}

type Row<Table extends keyof ExhaustionTables> = ExhaustionTables[Table]
type RoomStore = Pick<Store<ExhaustionTables>, 'db' | 'put' | 'enqueue' | 'daemonId'>

const EVENT_KEY = { key: ['daemon_id', 'id'] } as const
const LIFE_KEY = { key: ['daemon_id', 'incarnation'] } as const
/** Ids in one query: far below the limit of bound values of both databases. */
const CHUNK = 500

export function createExhaustionRepository(
  store: RoomStore,
  now: () => number,
  log: Log,
): ExhaustionRepository {
  const { db, daemonId } = store
  const events = new Map<string, Row<'exhaustion_events'>>()
  const states = new Map<Incarnation, Row<'exhaustion_states'>>()
  let writing: Promise<void> | undefined

  /** One trip at a time, with everything that gathered meanwhile: a thousand agents at their limit are one write. */
  async function write(): Promise<void> {
    while (events.size + states.size > 0) {
      const writes: Write<ExhaustionTables>[] = []
      if (events.size > 0) {
        writes.push({ table: 'exhaustion_events', rows: [...events.values()], upsert: EVENT_KEY })
      }
      if (states.size > 0) {
        writes.push({ table: 'exhaustion_states', rows: [...states.values()], upsert: LIFE_KEY })
      }
      events.clear()
      states.clear()
      try {
        await store.put(writes)
      } catch (error) {
        log.warn('budget events wait for the store', { error: String(error) })
        for (const { table, rows, upsert } of writes) store.enqueue(table, rows as never, upsert as never)
      }
    }
    // In the same turn as the last look: what is saved afterwards begins another trip.
    writing = undefined
  }

  function schedule(): void {
    // Deferred by one turn, so that the state goes with its event.
    writing ??= Promise.resolve().then(write)
  }

  async function eventsById(ids: readonly string[]): Promise<ReadonlyMap<string, ExhaustionEvent>> {
    const found = new Map<string, ExhaustionEvent>()
    for (let at = 0; at < ids.length; at += CHUNK) {
      const rows = await db
        .selectFrom('exhaustion_events')
        .selectAll()
        .where('daemon_id', '=', daemonId)
        .where('id', 'in', ids.slice(at, at + CHUNK))
        .execute()
      for (const row of rows) found.set(row.id, eventOf(row))
    }
    return found
  }

  async function enrolments(): Promise<readonly Enrolment[]> {
    const rows = await db.selectFrom('enrolments').selectAll().where('daemon_id', '=', daemonId).execute()
    return rows.map(enrolmentOf)
  }

  return {
    enrolments,

    async restore() {
      const stateRows = await db
        .selectFrom('exhaustion_states')
        .selectAll()
        .where('daemon_id', '=', daemonId)
        .execute()
      const restored = stateRows.map(stateOf)
      const ids = restored.flatMap(({ eventId }) => (eventId === undefined ? [] : [eventId]))
      return {
        states: new Map(restored.map((state) => [state.incarnation, state])),
        enrolments: await enrolments(),
        events: await eventsById(ids),
      }
    },

    saveEvent(event, countsAs) {
      events.set(event.id, { daemon_id: daemonId, ...eventRow(event, countsAs) })
      schedule()
    },

    saveState(state) {
      const { agent, incarnation, ...rest } = state
      states.set(incarnation, {
        daemon_id: daemonId,
        incarnation,
        agent,
        state: JSON.stringify(rest),
        seen_ms: now(),
      })
      schedule()
    },

    async flushed() {
      while (writing !== undefined) await writing
    },

    async saveEnrolment({ agent, incarnation, enforce, profile, budget }) {
      const row = {
        daemon_id: daemonId,
        incarnation,
        agent,
        enforce: enforce ? 1 : 0,
        profile: profile ?? null,
        budget: JSON.stringify(budget),
        seen_ms: now(),
      }
      await store.put([{ table: 'enrolments', rows: [row], upsert: LIFE_KEY }])
    },

    async events({ agent, phase, sinceMs }, limit, after) {
      let query = db.selectFrom('exhaustion_events').selectAll().where('daemon_id', '=', daemonId)
      if (agent !== undefined) query = query.where('agent', '=', agent)
      if (phase !== undefined) query = query.where('phase', '=', phase)
      if (sinceMs !== undefined) query = query.where('at_ms', '>=', sinceMs)
      if (after !== undefined) {
        const [atMs, id] = after
        query = query.where(({ eb, or, and }) =>
          or([eb('at_ms', '<', atMs), and([eb('at_ms', '=', atMs), eb('id', '<', id)])]),
        )
      }
      const rows = await query.orderBy('at_ms', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return rows.map(eventOf)
    },

    async totals(sinceMs) {
      let query = db
        .selectFrom('exhaustion_events')
        .select(({ fn }) => ['agent', 'counts_as', fn.countAll().as('count')])
        .where('daemon_id', '=', daemonId)
        .where('counts_as', 'is not', null)
        .groupBy(['agent', 'counts_as'])
      if (sinceMs !== undefined) query = query.where('at_ms', '>=', sinceMs)
      const rows = await query.execute()
      return rows.map(({ agent, counts_as, count }) => ({
        agent,
        countsAs: counts_as as CountsAs,
        count: Number(count),
      }))
    },
  }
}

function eventRow(
  event: ExhaustionEvent,
  countsAs: CountsAs | undefined,
): Omit<Row<'exhaustion_events'>, 'daemon_id'> {
  return {
    id: event.id,
    agent: event.agent,
    incarnation: event.incarnation,
    role: event.role ?? null,
    epoch: event.epoch,
    phase: event.phase,
    previous_phase: event.previousPhase,
    counts_as: countsAs ?? null,
    triggered_by: event.triggeredBy,
    action_taken: event.actionTaken,
    action_id: event.actionId ?? null,
    actor: event.actor,
    reason: event.reason,
    metrics: JSON.stringify(event.metrics),
    thresholds: JSON.stringify(event.thresholds),
    at_ms: Math.round(event.atMs),
  }
}

function eventOf(row: Row<'exhaustion_events'>): ExhaustionEvent {
  return {
    id: row.id,
    agent: row.agent,
    incarnation: row.incarnation,
    role: row.role ?? undefined,
    epoch: Number(row.epoch),
    phase: row.phase as Phase,
    previousPhase: row.previous_phase as Phase,
    triggeredBy: row.triggered_by as ResourceLabel,
    actionTaken: row.action_taken as ActionTaken,
    actionId: row.action_id ?? undefined,
    actor: row.actor,
    reason: row.reason,
    metrics: JSON.parse(row.metrics) as ExhaustionEvent['metrics'],
    thresholds: JSON.parse(row.thresholds) as Thresholds,
    atMs: Number(row.at_ms),
  }
}

function stateOf({ agent, incarnation, state }: Row<'exhaustion_states'>): StoredState {
  const rest = JSON.parse(state) as Omit<StoredState, 'agent' | 'incarnation'>
  return { agent, incarnation, ...rest }
}

function enrolmentOf(row: Row<'enrolments'>): Enrolment {
  return {
    agent: row.agent,
    incarnation: row.incarnation,
    enforce: Number(row.enforce) === 1,
    profile: row.profile ?? undefined,
    budget: JSON.parse(row.budget) as Thresholds,
  }
}
