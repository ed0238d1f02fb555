import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import { AGENT_ID_PATTERN, type Agent, type AgentId } from '../agents/model.ts'
import type { Caller } from '../platform/http/caller.ts'
import { decodeCursor, PageQuery, toPage } from '../platform/http/pagination.ts'
import { reporterOf } from '../platform/http/reporter.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { answerCrash, answerIssue, answerStats } from './answer.ts'
import { relatedCrashes } from './insights.ts'
import { CRASH_CAUSES, type CrashRecord } from './model.ts'
import { causeOf, grouped } from './patterns.ts'
import { seedCause } from './report.ts'
import type { CrashFilter, CrashKey } from './repository.ts'
import type { Crashes } from './service.ts'

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

export interface CrashRoutesOptions {
  readonly crashes: Crashes
  readonly agents: {
    get(id: AgentId): Agent | undefined
    list(): Iterable<Agent>
    /** Whether what this caller says about the agent counts; also asked for agents that nobody knows. */
    mayTell(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<boolean>
  }
  readonly daemonId: string
  readonly alerts?: HealthAlerts
  readonly daemons?: () => HealthDaemons
}

const REPORT_BODY_BYTES = 64 * 1024
const DEFAULT_LIMIT = 50
/** Crashes looked through for one page of a caller who may see few of them: all that are kept, in ordinary life. */
const MOST_LOOKED_AT = 5_000
const BATCH = 500

const maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))
const Bytes = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Line = (maxLength: number) => Type.String({ maxLength })
const Name = Type.String({ minLength: 1, maxLength: 128, pattern: AGENT_ID_PATTERN })

/** The seed's body, and what we can judge by. Unknown members are ignored: daemons are updated one after the other. */
const Report = Type.Object({
  crash: Type.Object({
    agentName: Name,
    pid: maybe(Type.Integer({ minimum: 0, maximum: 4_194_304 })),
    exitCode: maybe(Type.Integer({ minimum: -255, maximum: 4_294_967_295 })),
    signal: maybe(Line(32)),
    reason: maybe(Line(4_000)),
    likelyCause: maybe(Line(50)),
    confidence: maybe(Line(20)),
    summary: maybe(Line(1_000)),
    details: Type.Optional(Type.Unknown()),
    recommendations: maybe(Type.Array(Line(1_000), { maxItems: 50 })),
    peakMemory: maybe(Bytes),
    lastKnownMemory: maybe(Bytes),
    averageMemory: maybe(Bytes),
    memoryLimit: maybe(Bytes),
    memoryTrend: maybe(Line(20)),
    lastOutput: maybe(Line(32 * 1024)),
    oomKilled: maybe(Type.Boolean()),
    cgroupOomKills: maybe(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    killedByUs: maybe(Type.Boolean()),
    crashedAt: maybe(Line(64)),
  }),
})

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

const ExitBody = Type.Object(
  {
    exitCode: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
    signal: Type.Optional(Type.String({ pattern: '^SIG[A-Z0-9+-]{2,12}$' })),
    incarnation: Type.Optional(Line(256)),
    lastOutput: Type.Optional(Line(32 * 1024)),
  },
  { additionalProperties: false },
)

/**
 * `POST /api/monitoring/crash`, `GET /api/monitoring/{crashes,crashes/{id},insights}`, `GET /api/metrics/health`,
 * `POST /api/v1/agents/{id}/exit`.
 */
export function crashRoutes(options: CrashRoutesOptions): FastifyPluginAsyncTypebox {
  const { crashes, agents, daemonId, alerts, daemons = () => ({ connected: 1, total: 1 }) } = options
  const { repository } = crashes

  async function admit(caller: Caller, id: AgentId): Promise<void> {
    const agent = agents.get(id)
    if (await agents.mayTell(caller, agent ?? { id, uid: undefined })) return
    throw new Problem('AE_FORBIDDEN', 'That agent belongs to another user, or is not known here.')
  }

  async function visibleCrashes(
    caller: Caller,
    filter: CrashFilter,
    limit: number,
    after: CrashKey | undefined,
  ): Promise<readonly CrashRecord[]> {
    if (!caller.limited) return repository.list(filter, limit, after)
    const found: CrashRecord[] = []
    let from = after
    for (let seen = 0; found.length < limit && seen < MOST_LOOKED_AT; seen += BATCH) {
      const batch = await repository.list(filter, BATCH, from)
      found.push(...batch.filter(({ agent }) => caller.mayTouch(agent)))
      const last = batch.at(-1)
      if (batch.length < BATCH || last === undefined) break
      from = [last.atMs, last.id]
    }
    return found.slice(0, limit)
  }

  return async (app) => {
    app.post(
      '/api/monitoring/crash',
      {
        bodyLimit: REPORT_BODY_BYTES,
        config: { scope: 'ingest', subject: 'handler' },
        schema: {
          summary: 'Report a crash',
          description:
            'The cause is judged from exitCode, signal, oomKilled, cgroupOomKills, killedByUs, memory and lastOutput; likelyCause counts where they prove nothing. The same report again is the same crash.',
          tags: ['monitoring'],
          body: Report,
        },
      },
      async ({ body: { crash }, caller }) => {
        await admit(caller, crash.agentName)
        const { record, verdict } = await crashes.report(crash, reporterOf(caller, daemonId))
        return {
          success: true,
          crashId: record?.id ?? null,
          ...(record === undefined ? { end: verdict.reason } : {}),
          cause: verdict.cause ?? null,
          likelyCause: seedCause(verdict.cause),
          confidence: verdict.confidence,
          evidence: verdict.evidence,
        }
      },
    )

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
        const rows = await visibleCrashes(caller, filter, limit + 1, keyOf(query.cursor))
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
          summary: 'Health of the agents of this host',
          tags: ['monitoring'],
          querystring: Type.Object({}),
        },
      },
      async ({ caller }) => {
        const visible = (id: AgentId) => caller.mayTouch(id)
        const { healthScore, summary, issues, recommendations, stats } = crashes.insights(visible)
        const live = [...agents.list()].filter(({ id, endedAtMs }) => endedAtMs === undefined && visible(id))
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
            agentCount: live.length,
          },
        }
      },
    )

    app.post(
      '/api/v1/agents/:id/exit',
      {
        bodyLimit: REPORT_BODY_BYTES,
        config: { scope: 'ingest', subject: { param: 'id' } },
        schema: {
          summary: 'Tell how an agent ended, by who waited for it',
          tags: ['agents'],
          params: Type.Object({ id: Type.String({ pattern: AGENT_ID_PATTERN }) }),
          body: ExitBody,
        },
      },
      async ({ params: { id }, body, caller }, reply) => {
        const { exitCode, signal, incarnation, lastOutput } = body
        if ((exitCode === undefined) === (signal === undefined)) {
          throw new Problem('AE_INVALID', 'Exactly one of exitCode and signal must be given.')
        }
        const agent = agents.get(id)
        if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
        await admit(caller, id)
        // The next life of the agent did not end like this one.
        if (incarnation === undefined || incarnation === agent.incarnation) {
          crashes.tellExit(agent, {
            ...(exitCode === undefined ? {} : { exitCode }),
            ...(signal === undefined ? {} : { signal }),
            ...(lastOutput === undefined ? {} : { lastOutput }),
          })
        }
        return reply.code(204).send()
      },
    )
  }
}

/** @throws Problem AE_INVALID for a cursor of another list */
function keyOf(cursor: string | undefined): CrashKey | undefined {
  const [atMs, id] = decodeCursor(cursor, 2) ?? []
  if (atMs === undefined) return undefined
  if (typeof atMs === 'number' && typeof id === 'string') return [atMs, id]
  throw new Problem('AE_INVALID', 'The cursor is not one of this list.')
}
