import { createHash } from 'node:crypto'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import { AGENT_ID_PATTERN } from '../agents/model.ts'
import { ALERT_TYPES, BAD_LEVELS } from '../memory/model.ts'
import type { StoredAlert } from '../memory/record.ts'
import { cleanText } from '../platform/text.ts'
import { ALERT_LEVELS, type AlertLevel, type RemoteSample } from './model.ts'

/** A host has some hundred agents; more are told in several batches. */
const MOST_AGENTS = 1_000

const maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))
const MOST = Number.MAX_SAFE_INTEGER
const Amount = Type.Number({ minimum: 0, maximum: MOST })
const Line = (maxLength: number) => Type.String({ maxLength })
export const Name = Type.String({ minLength: 1, maxLength: 128, pattern: AGENT_ID_PATTERN })

/** Name of a token: whoever wrote the configuration chose it. */
export const DaemonId = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$',
  description: 'Of the daemon that told it',
})

const Metric = Type.Object({
  name: Name,
  pid: maybe(Type.Integer({ minimum: 0, maximum: 4_194_304 })),
  status: maybe(Line(50)),
  rssBytes: maybe(Amount),
  heapUsedBytes: maybe(Amount),
  heapTotalBytes: maybe(Amount),
  cpuPercent: maybe(Type.Number({ minimum: 0, maximum: 1_000_000 })),
  trend: maybe(Line(20)),
  trendRatePerMinute: maybe(Type.Number({ minimum: -MOST, maximum: MOST })),
  alertLevel: maybe(Line(20)),
  highWatermark: maybe(Amount),
  lowWatermark: maybe(Amount),
  averageRss: maybe(Amount),
  limitBytes: maybe(Amount),
  uptimeMs: maybe(Amount),
  startedAt: maybe(Line(64)),
  recordedAt: maybe(Line(64)),
})

/** The seed's body, and when it was taken. Unknown members are ignored: daemons are updated one after the other. */
export const MetricsReport = Type.Object({
  agents: Type.Array(Metric, { maxItems: MOST_AGENTS }),
  recordedAt: maybe(Line(64)),
})
export type MetricsReport = Static<typeof MetricsReport>

export const AlertReport = Type.Object({
  alert: Type.Object({
    agentName: Name,
    alertType: Type.Union(ALERT_TYPES.map((type) => Type.Literal(type))),
    currentRss: maybe(Amount),
    threshold: maybe(Amount),
    message: maybe(Line(2_000)),
    recommendation: maybe(Line(2_000)),
    createdAt: maybe(Line(64)),
  }),
})
export type AlertReport = Static<typeof AlertReport>

/**
 * A batch as samples, one per agent: of two the later in the batch.
 * @param nowMs wall clock. A daemon whose clock runs ahead must not be the newest for hours.
 */
export function readMetrics({ agents, recordedAt }: MetricsReport, nowMs: number): readonly RemoteSample[] {
  const samples = agents.map((said): RemoteSample => {
    const toldAtMs = timeOf(said.recordedAt) ?? timeOf(recordedAt) ?? nowMs
    return {
      agent: said.name,
      toldAtMs,
      atMs: Math.min(toldAtMs, nowMs),
      status: wordOf(said.status, 50),
      pid: said.pid ?? undefined,
      // No process that lives has no memory: the seed's daemons say 0 when they could not read it.
      rssBytes: said.rssBytes || undefined,
      heapUsedBytes: said.heapUsedBytes || undefined,
      heapTotalBytes: said.heapTotalBytes || undefined,
      cpuPercent: said.cpuPercent ?? undefined,
      trend: wordOf(said.trend, 20),
      trendRatePerMinute: said.trendRatePerMinute ?? undefined,
      alertLevel: levelOf(said.alertLevel),
      highWatermark: said.highWatermark || undefined,
      lowWatermark: said.lowWatermark || undefined,
      averageRss: said.averageRss || undefined,
      limitBytes: said.limitBytes || undefined,
      uptimeMs: said.uptimeMs ?? undefined,
      startedAtMs: timeOf(said.startedAt),
    }
  })
  return [...new Map(samples.map((sample) => [sample.agent, sample])).values()]
}

/** An alert of another daemon. The same told twice with its time is the same: its id is made of what it says. */
export function readAlert({ alert }: AlertReport, origin: string, nowMs: number): StoredAlert {
  const { agentName: agent, alertType: type, message, recommendation } = alert
  const toldAtMs = timeOf(alert.createdAt) ?? nowMs
  const hash = createHash('sha256')
    .update(JSON.stringify([origin, alert, toldAtMs]))
    .digest('hex')
  return {
    id: `alert-${hash.slice(0, 20)}`,
    agent,
    origin,
    incarnation: undefined,
    type,
    level: BAD_LEVELS.find((level) => level === type) ?? (type === 'recovered' ? 'healthy' : 'warning'),
    bytes: alert.currentRss || undefined,
    thresholdBytes: alert.threshold ?? undefined,
    message: cleanText(message ?? `${agent}: ${type}`, 2_000),
    recommendation: cleanText(recommendation ?? '', 2_000),
    atMs: Math.min(toldAtMs, nowMs),
    acknowledgedAtMs: undefined,
  }
}

/** A time with its day. What is no time was not said. */
function timeOf(text: string | null | undefined): number | undefined {
  if (text == null) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

function wordOf(text: string | null | undefined, length: number): string | undefined {
  return text == null || text === '' ? undefined : cleanText(text, length)
}

function levelOf(text: string | null | undefined): AlertLevel | undefined {
  return text === 'healthy' ? 'normal' : ALERT_LEVELS.find((level) => level === text)
}
