import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { AgentId } from '../agents/model.ts'
import type { HealthAlerts } from '../crashes/routes.ts'
import type { AlertKey, AlertRepository } from '../memory/repository.ts'
import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import { DEFAULT_PAGE_SIZE, decodeCursor, PageQuery, toPage } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { listAlerts } from './alerts.ts'
import { answerAlert, answerLatest, answerSample, answerStats } from './answer.ts'
import { countLevels, type Fleet } from './fleet.ts'
import { sumVisible } from './health.ts'
import type { Ingest } from './ingest.ts'
import type { Local } from './local.ts'
import { OFFLINE_AFTER_MS } from './model.ts'
import type { Remotes } from './remotes.ts'
import { AlertReport, DaemonId, MetricsReport, Name } from './report.ts'
import type { MetricsRepository } from './repository.ts'

export interface MonitoringOptions {
  readonly clock: Clock
  readonly daemonId: string
  readonly local: Local
  readonly remotes: Remotes
  readonly fleet: Fleet
  readonly ingest: Ingest
  readonly metrics: Pick<MetricsRepository, 'history' | 'stats'>
  readonly alerts: AlertRepository
  readonly health: HealthAlerts
  readonly crashes24h: (visible: (agent: AgentId) => boolean) => number
}

/** A thousand agents with all that can be said of them. */
const BATCH_BODY_BYTES = 1024 * 1024
const ALERT_BODY_BYTES = 64 * 1024
const MOST_SAMPLES = 1_000
const HOUR_MS = 3_600_000
const MOST_HOURS = 7 * 24
const tags = ['monitoring']

/**
 * `POST /api/monitoring/{metrics,alert}`, `GET /api/monitoring/{overview,alerts,agents/{name}/metrics}`,
 * `POST /api/monitoring/alerts/{id}/acknowledge`.
 */
export function monitoringRoutes(options: MonitoringOptions): FastifyPluginAsyncTypebox {
  const { clock, daemonId, local, remotes, fleet, ingest, metrics, alerts, health } = options
  const visibleTo = (caller: Caller) => (id: AgentId) => caller.mayTouch(id)

  return async (app) => {
    app.post(
      '/api/monitoring/metrics',
      {
        bodyLimit: BATCH_BODY_BYTES,
        config: { scope: 'ingest', subject: 'handler' },
        schema: {
          summary: 'Tell how agents of another host are',
          description:
            'Recorded under the name of the token. A sample of the same agent and time is recorded once, so name the time (recordedAt) or use an Idempotency-Key when you may tell it twice. One agent that the token does not cover refuses the batch.',
          tags,
          body: MetricsReport,
        },
      },
      async ({ body, caller }) => ({ success: true, recorded: await ingest.metrics(caller, body) }),
    )

    app.post(
      '/api/monitoring/alert',
      {
        bodyLimit: ALERT_BODY_BYTES,
        config: { scope: 'ingest', subject: 'handler' },
        schema: {
          summary: 'Tell an alert about an agent of another host',
          description: 'The same alert with its time (createdAt) told again is the same alert.',
          tags,
          body: AlertReport,
        },
      },
      async ({ body, caller }) => ({ success: true, alertId: await ingest.alert(caller, body) }),
    )

    app.get(
      '/api/monitoring/overview',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Daemons that report here, and how their agents and those of this host are',
          description: `A daemon is offline after ${OFFLINE_AFTER_MS / 1_000} s of silence; of its agents nothing is known then.`,
          tags,
          querystring: Type.Object({}),
        },
      },
      async ({ caller }) => {
        const visible = visibleTo(caller)
        const views = fleet.views(visible)
        const levels = countLevels(views)
        const criticalAgents = levels.critical + levels.oom_imminent
        return {
          daemons: [
            daemonAnswer({ id: daemonId, status: 'online', lastSeenAtMs: clock.now() }),
            ...fleet.daemons(caller.limited ? visible : undefined).map(daemonAnswer),
          ],
          summary: {
            totalAgents: views.length,
            healthyAgents: levels.normal,
            warningAgents: levels.warning,
            criticalAgents,
            unknownAgents: views.length - levels.normal - levels.warning - criticalAgents,
            totalCrashes24h: options.crashes24h(visible),
            totalAlerts24h: await health.count24h(visible),
          },
          latestMetrics: views.map((view) => answerLatest(view, daemonId)),
        }
      },
    )

    app.get(
      '/api/monitoring/agents/:name/metrics',
      {
        config: { scope: 'read', subject: { param: 'name' } },
        schema: {
          summary: 'How one agent was in the last hours, newest first',
          description:
            'Of an agent of this host up to two hours, in steps of 1 s, 10 s or 60 s; of another host what its daemon told, at most a thousand samples. The statistics are over all of them.',
          tags,
          params: Type.Object({ name: Name }),
          querystring: Type.Object({
            hours: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: MOST_HOURS, default: 24 })),
            daemonId: Type.Optional(DaemonId),
          }),
        },
      },
      async ({ params: { name }, query }) => {
        const sinceMs = clock.now() - (query.hours ?? 24) * HOUR_MS
        const agent = local.get(name)
        if (agent !== undefined && (query.daemonId ?? daemonId) === daemonId) {
          const { samples, stats, latestTrend, latestAlertLevel } = local.history(agent, sinceMs)
          return {
            agentName: name,
            metrics: samples.map((sample) => answerSample(sample, daemonId)),
            stats: answerStats(stats, latestTrend, latestAlertLevel),
          }
        }
        const origin = query.daemonId ?? remotes.originOf(name)
        const samples = origin === undefined ? [] : await metrics.history(origin, name, sinceMs, MOST_SAMPLES)
        if (origin === undefined || (samples.length === 0 && remotes.originOf(name) === undefined)) {
          throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${name}.`)
        }
        const stats = await metrics.stats(origin, name, sinceMs)
        return {
          agentName: name,
          metrics: samples.map((sample) => answerSample(sample, sample.origin)),
          stats: answerStats(stats, samples[0]?.trend, samples[0]?.alertLevel),
        }
      },
    )

    app.get(
      '/api/monitoring/alerts',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Memory alerts of this daemon and of those that report here, newest first',
          tags,
          querystring: Type.Object({
            ...PageQuery.properties,
            acknowledged: Type.Optional(Type.Boolean()),
            agentName: Type.Optional(Name),
            daemonId: Type.Optional(DaemonId),
          }),
        },
      },
      async ({ query, caller }) => {
        const { acknowledged, agentName, daemonId: origin, limit = DEFAULT_PAGE_SIZE } = query
        const visible = visibleTo(caller)
        const of = {
          ...(agentName === undefined ? {} : { agent: agentName }),
          ...(origin === undefined ? {} : { origin }),
        }
        const state = acknowledged ? ('acknowledged' as const) : ('open' as const)
        const filter = { ...of, ...(acknowledged === undefined ? {} : { acknowledged: state }) }
        const after = keyOf(query.cursor)
        const rows = await listAlerts(alerts, filter, limit + 1, after, caller.limited ? visible : undefined)
        const { items, nextCursor } = toPage(rows, limit, ({ atMs, id }) => [atMs, id])
        const open = await alerts.counts({ ...of, acknowledged: 'open' })
        return {
          alerts: items.map(answerAlert),
          nextCursor,
          unacknowledgedCount: sumVisible(open, visible),
        }
      },
    )

    app.post(
      '/api/monitoring/alerts/:id/acknowledge',
      {
        config: { scope: 'control', subject: 'handler' },
        schema: {
          summary: 'Say that somebody has seen an alert',
          tags,
          params: Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }) }),
        },
      },
      async ({ params: { id }, caller }) => {
        const alert = await alerts.find(id)
        // Whether there is one that the caller may not see is not said either.
        if (alert === undefined || !caller.mayTouch(alert.agent)) {
          throw new Problem('AE_NOT_FOUND', `There is no alert ${id}.`)
        }
        await alerts.acknowledge(alert, clock.now())
        return { success: true }
      },
    )
  }
}

function daemonAnswer({ id, status, lastSeenAtMs }: ReturnType<Remotes['daemons']>[number]) {
  return { id, name: id, machineId: null, status, lastSeenAt: new Date(lastSeenAtMs).toISOString() }
}

/** @throws Problem AE_INVALID for a cursor of another list */
function keyOf(cursor: string | undefined): AlertKey | undefined {
  const [atMs, id] = decodeCursor(cursor, 2) ?? []
  if (atMs === undefined) return undefined
  if (typeof atMs === 'number' && typeof id === 'string') return [atMs, id]
  throw new Problem('AE_INVALID', 'The cursor is not one of this list.')
}
