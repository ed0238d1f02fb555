import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AGENT_ID_PATTERN, type AgentId } from '../agents/model.ts'
import type { Caller } from '../platform/http/caller.ts'
import { decodeCursor, PageQuery, toPage } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { answerCrash, answerIssue, answerStats } from './answer.ts'
import { relatedCrashes } from './insights.ts'
import { CRASH_CAUSES } from './model.ts'
import { causeOf, grouped } from './patterns.ts'
import type { CrashKey } from './repository.ts'
import type { Crashes } from './service.ts'
import { type CrashTellingOptions, crashTellingRoutes } from './telling-routes.ts'
import { visibleCrashes } from './visible.ts'

/** What the room that follows memory adds to the answers about health. */
export interface HealthAlerts {
  /** Alerts nobody has acknowledged, newest first, at most ten. */
  pending(visible: (agent: AgentId) => boolean): Promise<readonly object[]>
  count24h(visible: (agent: AgentId) => boolean): Promise<number>
}

/** Daemons that report to this one; it counts itself. */
export interface HealthDaemons {
  readonly connected: number
  readonly total: number
}

export interface CrashRoutesOptions extends CrashTellingOptions {
  readonly crashes: Crashes
  readonly alerts?: HealthAlerts
  readonly daemons?: () => HealthDaemons
}

const DEFAULT_LIMIT = 50

const Name = Type.String({ minLength: 1, maxLength: 128, pattern: AGENT_ID_PATTERN })

const ListQuery = Type.Object({
  ...PageQuery.properties,
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000, default: DEFAULT_LIMIT, description: 'Items per page' }),
  ),
  agentName: Type.Optional(Name),
  daemonId: Type.Optional(
    Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' }),
  ),
  cause: Type.Optional(Type.Union(CRASH_CAUSES.map((cause) => Type.Literal(cause)))),
})

/** `GET /api/monitoring/{crashes,crashes/{id},insights}`, `GET /api/metrics/health`, and `crashTellingRoutes`. */
export function crashRoutes(options: CrashRoutesOptions): FastifyPluginAsyncTypebox {
  const { crashes, alerts, daemons = () => ({ connected: 1, total: 1 }) } = options
  const { repository } = crashes

  return async (app) => {
    await app.register(crashTellingRoutes(options))

    app.get(
      '/api/monitoring/crashes',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: { summary: 'Crashes, newest first', tags: ['monitoring'], querystring: ListQuery },
      },
      async ({ query, caller }) => {
        const { agentName, daemonId: origin, cause, limit = DEFAULT_LIMIT } = query
        const filter = {
          ...(agentName === undefined ? {} : { agent: agentName }),
          ...(origin === undefined ? {} : { origin }),
          ...(cause === undefined ? {} : { cause }),
        }
        const rows = await visibleCrashes(repository, seenBy(caller), filter, limit + 1, keyOf(query.cursor))
        const { items, nextCursor } = toPage(rows, limit, ({ atMs, id }) => [atMs, id])
        const byCause = Object.fromEntries(
          [...grouped(items, causeOf)].map(([of, those]) => [of, those.length] as const),
        )
        return { crashes: items.map(answerCrash), nextCursor, stats: { total: items.length, byCause } }
      },
    )

    app.get(
      '/api/monitoring/crashes/:id',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'One crash with its evidence, last output and related crashes',
          tags: ['monitoring'],
          params: Type.Object({ id: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }) }),
        },
      },
      async ({ params: { id }, caller }) => {
        const record = await repository.find(id)
        // Whether there is one that the caller may not see is not said either.
        if (record === undefined || !caller.mayTouch(record.agent)) {
          throw new Problem('AE_NOT_FOUND', `There is no crash ${id}.`)
        }
        const others = crashes.list().filter(({ agent }) => caller.mayTouch(agent))
        return {
          crash: {
            ...answerCrash(record),
            lastOutput: record.lastOutput ?? null,
            relatedCrashes: relatedCrashes(record, others),
          },
          daemon: { id: record.origin, name: record.origin },
        }
      },
    )

    app.get(
      '/api/monitoring/insights',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Health score, prioritised issues, patterns and trend of crashes',
          tags: ['monitoring'],
          querystring: Type.Object({}),
        },
      },
      async ({ caller }) => {
        const visible = (id: AgentId) => caller.mayTouch(id)
        const insights = crashes.insights(visible)
        const { connected, total } = daemons()
        const { stats } = insights
        return {
          healthScore: insights.healthScore,
          summary: insights.summary,
          trend: insights.trend,
          issues: insights.issues.map(answerIssue),
          recommendations: insights.recommendations,
          stats: {
            ...answerStats(insights),
            crashes24h: stats.crashes24h,
            crashes7d: stats.crashes7d,
            pendingAlerts: (await alerts?.pending(visible))?.length ?? 0,
            connectedDaemons: connected,
            totalDaemons: total,
          },
        }
      },
    )

    app.get(
      '/api/metrics/health',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Health of the agents of this host and of those that report here',
          tags: ['monitoring'],
          querystring: Type.Object({}),
        },
      },
      async ({ caller }) => {
        const visible = (id: AgentId) => caller.mayTouch(id)
        const { healthScore, summary, issues, recommendations, stats } = crashes.insights(visible)
        return {
          healthScore,
          summary,
          issues: issues.map(answerIssue),
          recommendations,
          crashes: stats.recentCrashes.map(answerCrash),
          alerts: (await alerts?.pending(visible)) ?? [],
          stats: {
            totalCrashes24h: stats.crashes24h,
            totalAlerts24h: (await alerts?.count24h(visible)) ?? 0,
            agentCount: crashes.live(visible).agents,
          },
        }
      },
    )
  }
}

/** `undefined`: everything. */
const seenBy = (caller: Caller) => (caller.limited ? (id: AgentId) => caller.mayTouch(id) : undefined)

/** @throws Problem AE_INVALID for a cursor of another list */
function keyOf(cursor: string | undefined): CrashKey | undefined {
  const [atMs, id] = decodeCursor(cursor, 2) ?? []
  if (atMs === undefined) return undefined
  if (typeof atMs === 'number' && typeof id === 'string') return [atMs, id]
  throw new Problem('AE_INVALID', 'The cursor is not one of this list.')
}
