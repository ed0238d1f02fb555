import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Store } from '../platform/store/store.ts'
import type { Ledger } from './ledger.ts'
import type { Deliverable, DeliverableType, EpochUsage } from './model.ts'
import type { UsageTables } from './tables.ts'

/** One use of an `Idempotency-Key`: of this caller, about this agent. */
export interface KeyUse {
  readonly caller: string
  readonly agent: AgentId
  readonly key: string
  readonly bodyHash: string
  readonly answer: unknown
}

/** A closed epoch as it is kept. */
export interface ClosedEpoch {
  readonly usage: EpochUsage
  readonly role: string | undefined
  readonly closedAtMs: number
}

/** What becomes durable together. */
export interface UsageBatch {
  readonly ledgers: readonly Ledger[]
  readonly epochs: readonly ClosedEpoch[]
  readonly keys: readonly KeyUse[]
  readonly deliverables: readonly Deliverable[]
}

export interface UsageRepository {
  /** All or nothing, durable when it settles. @throws Problem AE_STORE_UNAVAILABLE */
  put(batch: UsageBatch): Promise<void>
  /** Ledgers of all lives that have not ended. */
  openLedgers(): Promise<readonly Ledger[]>
  ledger(agent: AgentId, incarnation: Incarnation): Promise<Ledger | undefined>
  findKey(caller: string, agent: AgentId, key: string): Promise<KeyUse | undefined>
  /** Newest first, older than `before`. */
  deliverables(agent: AgentId, limit: number, before?: DeliverablePlace): Promise<readonly Deliverable[]>
}

/** Where a page of deliverables ended. */
export interface DeliverablePlace {
  readonly atMs: number
  readonly id: string
}

const LEDGER_KEY = { key: ['daemon_id', 'agent', 'incarnation'] } as const
const EPOCH_KEY = { key: ['daemon_id', 'agent', 'incarnation', 'epoch'] } as const
/** The first answer stays. */
const KEY_KEY = { key: ['daemon_id', 'caller', 'agent', 'idempotency_key'], update: [] } as const
const DELIVERABLE_KEY = { key: ['daemon_id', 'id'], update: [] } as const

export function createUsageRepository(
  store: Pick<Store<UsageTables>, 'db' | 'put' | 'daemonId'>,
  now: () => number,
): UsageRepository {
  const { db, daemonId } = store

  return {
    put: ({ ledgers, epochs, keys, deliverables }) =>
      store.put([
        { table: 'usage_ledgers', rows: ledgers.map(ledgerRow), upsert: LEDGER_KEY },
        { table: 'usage_epochs', rows: epochs.map(epochRow), upsert: EPOCH_KEY },
        { table: 'usage_keys', rows: keys.map(keyRow), upsert: KEY_KEY },
        { table: 'deliverables', rows: deliverables.map(deliverableRow), upsert: DELIVERABLE_KEY },
      ]),

    async openLedgers() {
      const rows = await db
        .selectFrom('usage_ledgers')
        .select('state')
        .where('daemon_id', '=', daemonId)
        .where('ended_ms', 'is', null)
        .execute()
      return rows.map(({ state }) => parseLedger(state))
    },

    async ledger(agent, incarnation) {
      const row = await db
        .selectFrom('usage_ledgers')
        .select('state')
        .where('daemon_id', '=', daemonId)
        .where('agent', '=', agent)
        .where('incarnation', '=', incarnation)
        .executeTakeFirst()
      return row && parseLedger(row.state)
    },

    async findKey(caller, agent, key) {
      const row = await db
        .selectFrom('usage_keys')
        .select(['body_hash', 'answer'])
        .where('daemon_id', '=', daemonId)
        .where('caller', '=', caller)
        .where('agent', '=', agent)
        .where('idempotency_key', '=', key)
        .executeTakeFirst()
      return row && { caller, agent, key, bodyHash: row.body_hash, answer: JSON.parse(row.answer) }
    },

    async deliverables(agent, limit, before) {
      let query = db
        .selectFrom('deliverables')
        .selectAll()
        .where('daemon_id', '=', daemonId)
        .where('agent', '=', agent)
      if (before !== undefined) {
        query = query.where(({ and, eb, or }) =>
          or([eb('at_ms', '<', before.atMs), and([eb('at_ms', '=', before.atMs), eb('id', '<', before.id)])]),
        )
      }
      const rows = await query.orderBy('at_ms', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return rows.map((row) => ({
        id: row.id,
        agent: row.agent,
        incarnation: row.incarnation,
        epoch: Number(row.epoch),
        type: row.type as DeliverableType,
        description: row.description ?? undefined,
        artifacts: JSON.parse(row.artifacts) as string[],
        verified: row.verified === null ? undefined : Number(row.verified) === 1,
        atMs: Number(row.at_ms),
      }))
    },
  }

  function ledgerRow(ledger: Ledger): UsageTables['usage_ledgers'] {
    const { agent, incarnation, endedAtMs } = ledger
    return {
      daemon_id: daemonId,
      agent,
      incarnation,
      updated_ms: Math.round(now()),
      ended_ms: endedAtMs === undefined ? null : Math.round(endedAtMs),
      state: JSON.stringify(ledger),
    }
  }

  function epochRow({ usage, role, closedAtMs }: ClosedEpoch): UsageTables['usage_epochs'] {
    return {
      daemon_id: daemonId,
      agent: usage.agent,
      incarnation: usage.incarnation,
      epoch: usage.epoch,
      role: role ?? null,
      opened_by: usage.openedBy ?? null,
      opened_ms: Math.round(usage.openedAtMs),
      closed_ms: Math.round(closedAtMs),
      active_ms: Math.round(usage.wallClockMs),
      totals: JSON.stringify(usage.totals),
    }
  }

  function keyRow({ caller, agent, key, bodyHash, answer }: KeyUse): UsageTables['usage_keys'] {
    return {
      daemon_id: daemonId,
      caller,
      agent,
      idempotency_key: key,
      at_ms: Math.round(now()),
      body_hash: bodyHash,
      answer: JSON.stringify(answer),
    }
  }

  function deliverableRow(deliverable: Deliverable): UsageTables['deliverables'] {
    const { id, agent, incarnation, epoch, type, description, artifacts, verified, atMs } = deliverable
    return {
      daemon_id: daemonId,
      id,
      agent,
      incarnation,
      epoch,
      type,
      description: description ?? null,
      artifacts: JSON.stringify(artifacts),
      verified: verified === undefined ? null : Number(verified),
      at_ms: Math.round(atMs),
    }
  }
}

/** JSON leaves out what is undefined; reading a missing key gives it back. */
function parseLedger(state: string): Ledger {
  return JSON.parse(state) as Ledger
}
