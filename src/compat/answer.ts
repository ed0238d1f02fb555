import type { KeptAlert } from '../memory/repository.ts'
import type { KeptSample, MemoryStats } from './model.ts'
import type { AgentView } from './view.ts'

/** The answers in the names of the seed. What is not known is null. */

const whole = (value: number | undefined) => (value === undefined ? null : Math.round(value))
const tenths = (value: number | undefined) => (value === undefined ? null : Math.round(10 * value) / 10)
const iso = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString())

/** A line of `GET /api/metrics/agents`. */
export function answerView(view: AgentView) {
  const { timeToLimit } = view
  return {
    name: view.name,
    pid: view.pid ?? null,
    status: view.status,
    rssBytes: whole(view.rssBytes),
    heapUsedBytes: whole(view.heapUsedBytes),
    cpuPercent: tenths(view.cpuPercent),
    trend: view.trend ?? 'unknown',
    trendRatePerMinute: whole(view.trendRatePerMinute),
    alertLevel: view.alertLevel ?? null,
    highWatermark: whole(view.highWatermark),
    lowWatermark: whole(view.lowWatermark),
    averageRss: whole(view.averageRss),
    limitBytes: whole(view.limitBytes),
    timeToLimitSeconds:
      timeToLimit === undefined
        ? null
        : { low: Math.round(timeToLimit.lowSeconds), mid: Math.round(timeToLimit.midSeconds) },
    uptimeMs: whole(view.uptimeMs),
    startedAt: iso(view.startedAtMs),
    runtime: view.runtime ?? null,
    host: view.host ?? null,
  }
}

/** A line of `latestMetrics` in the overview. */
export function answerLatest(view: AgentView, daemonId: string) {
  const { name, host, ...shown } = answerView(view)
  return { agentName: name, daemonId: host ?? daemonId, recordedAt: iso(view.atMs), ...shown }
}

/** A line of the history of one agent. */
export function answerSample(sample: Pick<KeptSample, 'atMs'> & Partial<KeptSample>, daemonId: string) {
  return {
    daemonId,
    recordedAt: iso(sample.atMs),
    pid: sample.pid ?? null,
    status: sample.status ?? null,
    rssBytes: whole(sample.rssBytes),
    heapUsedBytes: whole(sample.heapUsedBytes),
    heapTotalBytes: whole(sample.heapTotalBytes),
    cpuPercent: tenths(sample.cpuPercent),
    trend: sample.trend ?? null,
    trendRatePerMinute: whole(sample.trendRatePerMinute),
    alertLevel: sample.alertLevel ?? null,
    highWatermark: whole(sample.highWatermark),
    averageRss: whole(sample.averageRss),
    uptimeMs: whole(sample.uptimeMs),
  }
}

export function answerStats(stats: MemoryStats, trend: string | undefined, level: string | undefined) {
  return {
    count: stats.count,
    avgRss: whole(stats.avgRss),
    maxRss: whole(stats.maxRss),
    minRss: whole(stats.minRss),
    latestTrend: trend ?? 'unknown',
    latestAlertLevel: level ?? null,
  }
}

export function answerAlert(alert: KeptAlert) {
  return {
    id: alert.id,
    agentName: alert.agent,
    alertType: alert.type,
    currentRss: alert.bytes ?? null,
    threshold: alert.thresholdBytes ?? null,
    message: alert.message,
    recommendation: alert.recommendation,
    acknowledged: alert.acknowledgedAtMs !== undefined,
    acknowledgedAt: iso(alert.acknowledgedAtMs),
    createdAt: iso(alert.atMs),
    daemonId: alert.origin,
  }
}
