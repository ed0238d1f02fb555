import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AGENT_ID_PATTERN, type AgentId } from '../agents/model.ts'
import type { Caller } from '../platform/http/caller.ts'
import { decodeCursor, PageQuery, toPage } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import type { Census } from './census.ts'
import type { ExhaustionConfig } from './limits.ts'
import { BUILTIN_THRESHOLDS, triggerName } from './limits.ts'
import { type ExhaustionEvent, PHASES } from './model.ts'
import type { EventFilter, EventKey, ExhaustionRepository } from './repository.ts'

export interface ExhaustionRoutesOptions {
  readonly repository: Pick<ExhaustionRepository, 'events' | 'totals' | 'flushed'>
  readonly census: (visible: (id: AgentId) => boolean) => Census
  readonly config: () => ExhaustionConfig
}

const RECENT_EVENTS = 10
const DEFAULT_LIMIT = 100
/** Events looked through for one page of a caller who may see few of them. */
const MOST_LOOKED_AT = 20_000
const BATCH = 1_000

const Since = Type.Optional(
  Type.String({ maxLength: 64, description: 'ISO 8601: only what happened since then' }),
)
const EventsQuery = Type.Object({
  ...PageQuery.properties,
  agent: Type.Optional(Type.String({ pattern: AGENT_ID_PATTERN })),
  phase: Type.Optional(Type.Union(PHASES.map((phase) => Type.Literal(phase)))),
  since: Since,
})

/** `GET /api/v1/resources`, `GET /api/v1/resources/events`. */
export function exhaustionRoutes(options: ExhaustionRoutesOptions): FastifyPluginAsyncTypebox {
  const { repository, census, config } = options

  /** Newest first, only what the caller may see. */
  async function visibleEvents(
    caller: Caller,
    filter: EventFilter,
    limit: number,
    after: EventKey | undefined,
  ): Promise<readonly ExhaustionEvent[]> {
    if (!caller.limited) return repository.events(filter, limit, after)
    const found: ExhaustionEvent[] = []
    let from = after
    for (let seen = 0; found.length < limit && seen < MOST_LOOKED_AT; seen += BATCH) {
      const batch = await repository.events(filter, BATCH, from)
      found.push(...batch.filter(({ agent }) => caller.mayTouch(agent)))
      const last = batch.at(-1)
      if (batch.length < BATCH || last === undefined) break
      from = [last.atMs, last.id]
    }
    return found.slice(0, limit)
  }

  async function totalsFor(caller: Caller, sinceMs: number | undefined) {
    const totals = { warning: 0, intervention: 0, termination: 0 }
    for (const { agent, countsAs, count } of await repository.totals(sinceMs)) {
      if (!caller.limited || caller.mayTouch(agent)) totals[countsAs] += count
    }
    return totals
  }

  return async (app) => {
    app.get(
      '/api/v1/resources',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Budgets of all agents: phases, totals and the last events',
          tags: ['resources'],
          querystring: Type.Object({ since: Since }),
        },
      },
      async ({ query, caller }) => {
        const sinceMs = momentOf(query.since)
        await repository.flushed()
        const { agentsTracked, agentsByPhase, pausedAgents } = census((id) => caller.mayTouch(id))
        const totals = await totalsFor(caller, sinceMs)
        const filter = sinceMs === undefined ? {} : { sinceMs }
        const recent = await visibleEvents(caller, filter, RECENT_EVENTS, undefined)
        const { enabled, ...section } = config()
        return {
          enabled,
          config: configAnswer(section),
          metrics: {
            totalAgentsTracked: agentsTracked,
            agentsByPhase,
            pausedAgents,
            totalWarnings: totals.warning,
            totalInterventions: totals.intervention,
            totalTerminations: totals.termination,
            recentEvents: recent.map(eventAnswer),
          },
        }
      },
    )

    app.get(
      '/api/v1/resources/events',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Changes of phase and what was done about them, newest first',
          tags: ['resources'],
          querystring: EventsQuery,
        },
      },
      async ({ query, caller }) => {
        const { agent, phase, limit = DEFAULT_LIMIT } = query
        const sinceMs = momentOf(query.since)
        const after = keyOf(query.cursor)
        await repository.flushed()
        const filter = {
          ...(agent === undefined ? {} : { agent }),
          ...(phase === undefined ? {} : { phase }),
          ...(sinceMs === undefined ? {} : { sinceMs }),
        }
        const rows = await visibleEvents(caller, filter, limit + 1, after)
        const { items, nextCursor } = toPage(rows, limit, ({ atMs, id }) => [atMs, id])
        return { items: items.map(eventAnswer), nextCursor }
      },
    )
  }
}

/** Limits in force for an agent of which nobody said anything, and which of them only warn. */
function configAnswer(section: Omit<ExhaustionConfig, 'enabled'>): object {
  const { thresholds, profiles, roles, tokenTypes, ...rest } = section
  return {
    warningThresholdPercent: rest.warningThresholdPercent,
    checkIntervalMs: rest.checkIntervalMs,
    pauseOnIntervention: rest.pauseOnIntervention,
    autoTerminate: rest.autoTerminate,
    terminateAfterMs: rest.terminateAfterMs,
    requireConfirmationOnIntervention: rest.requireConfirmationOnIntervention,
    tokenTypes,
    thresholds: { ...BUILTIN_THRESHOLDS, ...thresholds },
    warnOnly: Object.keys(BUILTIN_THRESHOLDS).filter((key) => !(key in thresholds)),
    profiles,
    roles,
  }
}

/** `triggeredBy` is the name of the limit, `resource` that of the label. */
function eventAnswer({ atMs, triggeredBy, ...event }: ExhaustionEvent): object {
  return {
    ...event,
    triggeredBy: triggerName(triggeredBy),
    resource: triggeredBy,
    at: new Date(atMs).toISOString(),
  }
}

function momentOf(since: string | undefined): number | undefined {
  if (since === undefined) return undefined
  const ms = /^\d{4}-\d\d-\d\d/.test(since) ? Date.parse(since) : Number.NaN
  if (!Number.isNaN(ms)) return ms
  throw new Problem('AE_INVALID', 'The time is not valid.', [
    { in: 'query', path: '/since', message: 'must be a time such as 2026-01-31T12:00:00Z' },
  ])
}

function keyOf(cursor: string | undefined): EventKey | undefined {
  const key = decodeCursor(cursor, 2)
  if (key === undefined) return undefined
  const [atMs, id] = key
  if (typeof atMs === 'number' && typeof id === 'string') return [atMs, id]
  throw new Problem('AE_INVALID', 'The cursor is not one of this list.')
}
