import type { AgentId, Runtime } from '../agents/model.ts'
import type { Store } from '../platform/store/store.ts'
import type {
  Confidence,
  CrashCause,
  CrashRecord,
  MemoryEvidence,
  MemoryTrend,
  Verdict,
  Witness,
} from './model.ts'
import type { AgentCrashesTable, CrashesTables } from './tables.ts'

export interface CrashFilter {
  readonly agent?: AgentId
  readonly cause?: CrashCause
  readonly origin?: string
  readonly sinceMs?: number
}

/** Place of a crash in the list, newest first. */
export type CrashKey = readonly [atMs: number, id: string]

export interface CrashesRepository {
  /** The same id again replaces what may have changed. Durable when it settles. @throws Problem AE_STORE_UNAVAILABLE */
  save(record: CrashRecord): Promise<void>
  find(id: string): Promise<CrashRecord | undefined>
  remove(ids: readonly string[]): Promise<void>
  /** Newest first, after the crash `after`. */
  list(filter: CrashFilter, limit: number, after?: CrashKey): Promise<readonly CrashRecord[]>
}

const KEY = {
  key: ['daemon_id', 'id'],
  update: ['occurrences', 'last_ms', 'last_output', 'insight_data', 'confidence', 'summary', 'likely_cause'],
} as const

export function createCrashesRepository(
  store: Pick<Store<CrashesTables>, 'db' | 'put' | 'daemonId'>,
): CrashesRepository {
  const { db, daemonId } = store
  const own = () => db.selectFrom('agent_crashes').selectAll().where('daemon_id', '=', daemonId)
  return {
    async save(record) {
      const rows = [{ daemon_id: daemonId, ...rowOf(record) }]
      await store.put([{ table: 'agent_crashes', rows, upsert: KEY }])
    },

    async find(id) {
      const row = await own().where('id', '=', id).executeTakeFirst()
      return row && recordOf(row)
    },

    async remove(ids) {
      if (ids.length === 0) return
      await db.deleteFrom('agent_crashes').where('daemon_id', '=', daemonId).where('id', 'in', ids).execute()
    },

    async list({ agent, cause, origin, sinceMs }, limit, after) {
      let query = own()
      if (agent !== undefined) query = query.where('agent_name', '=', agent)
      if (cause !== undefined) query = query.where('likely_cause', '=', cause)
      if (origin !== undefined) query = query.where('origin', '=', origin)
      if (sinceMs !== undefined) query = query.where('crashed_ms', '>=', sinceMs)
      if (after !== undefined) {
        const [atMs, id] = after
        query = query.where(({ eb, or, and }) =>
          or([eb('crashed_ms', '<', atMs), and([eb('crashed_ms', '=', atMs), eb('id', '<', id)])]),
        )
      }
      const rows = await query.orderBy('crashed_ms', 'desc').orderBy('id', 'desc').limit(limit).execute()
      return rows.map(recordOf)
    },
  }
}

/** What no column is for. */
interface Insight {
  readonly reason: Verdict['reason']
  readonly hasCause: boolean
  readonly evidence: Verdict['evidence']
  readonly memory: MemoryEvidence | null
  readonly recommendations: readonly string[]
}

function rowOf(record: CrashRecord): Omit<AgentCrashesTable, 'daemon_id'> {
  const { verdict, memory, recommendations } = record
  const insight: Insight = {
    reason: verdict.reason,
    hasCause: verdict.cause !== undefined,
    evidence: verdict.evidence,
    memory: memory ?? null,
    recommendations,
  }
  return {
    id: record.id,
    agent_name: record.agent,
    pid: record.pid ?? null,
    exit_code: record.exitCode ?? null,
    signal: record.signal ?? null,
    reason: record.reported ?? null,
    likely_cause: verdict.cause ?? 'unknown',
    confidence: verdict.confidence,
    summary: verdict.summary,
    peak_memory: whole(memory?.peakBytes),
    last_known_memory: whole(memory?.lastBytes),
    memory_trend: (memory?.trend satisfies MemoryTrend | undefined) ?? null,
    insight_data: JSON.stringify(insight),
    last_output: record.lastOutput ?? null,
    origin: record.origin,
    witness: record.witness,
    incarnation: record.incarnation ?? null,
    runtime: record.runtime ?? null,
    role: record.role ?? null,
    occurrences: record.occurrences,
    crashed_ms: Math.round(record.atMs),
    last_ms: Math.round(record.lastAtMs),
  }
}

function whole(bytes: number | undefined): number | null {
  return bytes === undefined ? null : Math.round(bytes)
}

function recordOf(row: AgentCrashesTable): CrashRecord {
  const insight = JSON.parse(row.insight_data) as Insight
  return {
    id: row.id,
    origin: row.origin,
    witness: row.witness as Witness,
    agent: row.agent_name,
    incarnation: row.incarnation ?? undefined,
    runtime: (row.runtime as Runtime | null) ?? undefined,
    role: row.role ?? undefined,
    pid: row.pid === null ? undefined : Number(row.pid),
    atMs: Number(row.crashed_ms),
    occurrences: Number(row.occurrences),
    lastAtMs: Number(row.last_ms),
    exitCode: row.exit_code === null ? undefined : Number(row.exit_code),
    signal: row.signal ?? undefined,
    reported: row.reason ?? undefined,
    verdict: {
      reason: insight.reason,
      cause: insight.hasCause ? (row.likely_cause as CrashCause) : undefined,
      confidence: row.confidence as Confidence,
      summary: row.summary,
      evidence: insight.evidence,
    },
    memory: insight.memory ?? undefined,
    lastOutput: row.last_output ?? undefined,
    recommendations: insight.recommendations,
  }
}
