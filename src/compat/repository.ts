import type { AgentId } from '../agents/model.ts'
import type { Store } from '../platform/store/store.ts'
import {
  ALERT_LEVELS,
  type AlertLevel,
  type KeptSample,
  type MemoryStats,
  type RemoteSample,
} from './model.ts'
import type { AgentMetricsTable, CompatTables } from './tables.ts'

/** Samples that other daemons tell. */
export interface MetricsRepository {
  /**
   * All in one transaction, durable when it settles. What is there already (same origin, agent and time told) stays as
   * it is. Agents must differ. @throws Problem AE_STORE_UNAVAILABLE
   */
  save(origin: string, samples: readonly RemoteSample[]): Promise<void>
  /** The newest sample of every agent of every origin since then. */
  newest(sinceMs: number): Promise<readonly KeptSample[]>
  /** Newest first. */
  history(origin: string, agent: AgentId, sinceMs: number, limit: number): Promise<readonly KeptSample[]>
  /** Over all samples since then. */
  stats(origin: string, agent: AgentId, sinceMs: number): Promise<MemoryStats>
}

const ONCE = { key: ['daemon_id', 'origin', 'agent_name', 'told_ms'], update: [] } as const

export function createMetricsRepository(
  store: Pick<Store<CompatTables>, 'db' | 'put' | 'daemonId'>,
): MetricsRepository {
  const { db, daemonId } = store
  const own = () => db.selectFrom('agent_metrics').where('agent_metrics.daemon_id', '=', daemonId)
  const of = (origin: string, agent: AgentId, sinceMs: number) =>
    own().where('origin', '=', origin).where('agent_name', '=', agent).where('recorded_ms', '>=', sinceMs)
  return {
    async save(origin, samples) {
      if (samples.length === 0) return
      const rows = samples.map((sample) => ({ daemon_id: daemonId, origin, ...rowOf(sample) }))
      await store.put([{ table: 'agent_metrics', rows, upsert: ONCE }])
    },

    async newest(sinceMs) {
      const last = own()
        .where('recorded_ms', '>=', sinceMs)
        .select(({ fn }) => ['origin', 'agent_name', fn.max('recorded_ms').as('at_ms')])
        .groupBy(['origin', 'agent_name'])
        .as('last')
      const rows = await own()
        .innerJoin(last, (join) =>
          join
            .onRef('last.origin', '=', 'agent_metrics.origin')
            .onRef('last.agent_name', '=', 'agent_metrics.agent_name')
            .onRef('last.at_ms', '=', 'agent_metrics.recorded_ms'),
        )
        .selectAll('agent_metrics')
        .execute()
      // Two samples of one moment: either is the newest.
      const newest = new Map(rows.map((row) => [JSON.stringify([row.origin, row.agent_name]), row]))
      return [...newest.values()].map(sampleOf)
    },

    async history(origin, agent, sinceMs, limit) {
      const rows = await of(origin, agent, sinceMs)
        .selectAll()
        .orderBy('recorded_ms', 'desc')
        .orderBy('told_ms', 'desc')
        .limit(limit)
        .execute()
      return rows.map(sampleOf)
    },

    async stats(origin, agent, sinceMs) {
      const { count, avg, max, min } = await of(origin, agent, sinceMs)
        .select(({ fn }) => [
          fn.countAll().as('count'),
          fn.avg('rss_bytes').as('avg'),
          fn.max('rss_bytes').as('max'),
          fn.min('rss_bytes').as('min'),
        ])
        .executeTakeFirstOrThrow()
      return { count: Number(count), avgRss: number(avg), maxRss: number(max), minRss: number(min) }
    },
  }
}

function rowOf(sample: RemoteSample): Omit<AgentMetricsTable, 'daemon_id' | 'origin'> {
  return {
    agent_name: sample.agent,
    told_ms: Math.round(sample.toldAtMs),
    recorded_ms: Math.round(sample.atMs),
    status: sample.status ?? null,
    pid: whole(sample.pid),
    rss_bytes: whole(sample.rssBytes),
    heap_used_bytes: whole(sample.heapUsedBytes),
    heap_total_bytes: whole(sample.heapTotalBytes),
    cpu_percent: sample.cpuPercent ?? null,
    trend: sample.trend ?? null,
    trend_rate_per_minute: whole(sample.trendRatePerMinute),
    alert_level: sample.alertLevel ?? null,
    high_watermark: whole(sample.highWatermark),
    low_watermark: whole(sample.lowWatermark),
    average_rss: whole(sample.averageRss),
    limit_bytes: whole(sample.limitBytes),
    uptime_ms: whole(sample.uptimeMs),
    started_ms: whole(sample.startedAtMs),
  }
}

function sampleOf(row: AgentMetricsTable): KeptSample {
  return {
    origin: row.origin,
    agent: row.agent_name,
    toldAtMs: Number(row.told_ms),
    atMs: Number(row.recorded_ms),
    status: row.status ?? undefined,
    pid: number(row.pid),
    rssBytes: number(row.rss_bytes),
    heapUsedBytes: number(row.heap_used_bytes),
    heapTotalBytes: number(row.heap_total_bytes),
    cpuPercent: number(row.cpu_percent),
    trend: row.trend ?? undefined,
    trendRatePerMinute: number(row.trend_rate_per_minute),
    alertLevel: levelOf(row.alert_level),
    highWatermark: number(row.high_watermark),
    lowWatermark: number(row.low_watermark),
    averageRss: number(row.average_rss),
    limitBytes: number(row.limit_bytes),
    uptimeMs: number(row.uptime_ms),
    startedAtMs: number(row.started_ms),
  }
}

function whole(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value)
}

/** PostgreSQL gives averages and 64-bit numbers as text. */
function number(value: string | number | bigint | null): number | undefined {
  return value === null ? undefined : Number(value)
}

function levelOf(text: string | null): AlertLevel | undefined {
  return ALERT_LEVELS.find((level) => level === text)
}
