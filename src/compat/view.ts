import type { AlertLevel, KeptSample, Measured, MemoryStats } from './model.ts'
import type { RemoteAgent } from './remotes.ts'

/** One agent, of this host or another, as the tables of people show it. `undefined`: not known, never 0. */
export interface AgentView extends Measured {
  readonly name: string
  /** Daemon of another host. */
  readonly host: string | undefined
  /** When this was so; wall clock, milliseconds. */
  readonly atMs: number
  readonly status: string
  readonly timeToLimit: { readonly lowSeconds: number; readonly midSeconds: number } | undefined
  readonly runtime: string | undefined
}

export interface HistoryView {
  readonly samples: readonly (Pick<KeptSample, 'atMs'> & Partial<KeptSample>)[]
  readonly stats: MemoryStats
  readonly latestTrend: string | undefined
  readonly latestAlertLevel: AlertLevel | undefined
}

/** An agent of another host. Of one whose daemon is silent nothing is known but that it was there. */
export function remoteView({ newest, status }: RemoteAgent): AgentView {
  const isKnown = status === 'online'
  const now = <Value>(value: Value): Value | undefined => (isKnown ? value : undefined)
  return {
    name: newest.agent,
    host: newest.origin,
    atMs: newest.atMs,
    pid: now(newest.pid),
    status: isKnown ? (newest.status ?? 'unknown') : 'offline',
    rssBytes: now(newest.rssBytes),
    heapUsedBytes: now(newest.heapUsedBytes),
    cpuPercent: now(newest.cpuPercent),
    trend: now(newest.trend),
    trendRatePerMinute: now(newest.trendRatePerMinute),
    alertLevel: now(newest.alertLevel),
    highWatermark: newest.highWatermark,
    lowWatermark: newest.lowWatermark,
    averageRss: newest.averageRss,
    limitBytes: newest.limitBytes,
    timeToLimit: undefined,
    uptimeMs: now(newest.uptimeMs),
    startedAtMs: newest.startedAtMs,
    runtime: undefined,
  }
}
