import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { AGENT_ID_PATTERN, type Agent, type AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import { decodeCursor, PageQuery, toPage } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { DeliverableRequest, toDeliverable, toRecords, UsageRequest } from './input.ts'
import { type RequestKey, requestKey } from './keyring.ts'
import type { Deliverable } from './model.ts'
import type { DeliverablePlace } from './repository.ts'
import type { UsageRoom } from './room.ts'

export interface UsageRoutesOptions {
  readonly clock: Clock
  readonly agents: {
    get(id: AgentId): Agent | undefined
    mayTell(caller: Caller, agent: Agent): Promise<boolean>
  }
  readonly record: UsageRoom['record']
  readonly deliver: UsageRoom['deliver']
  readonly list: (agent: AgentId, limit: number, before?: DeliverablePlace) => Promise<readonly Deliverable[]>
}

/** 500 bytes for each of the most records; parsing and checking more would hold the loop too long as well. */
const USAGE_BODY_BYTES = 512 * 1024
const DEFAULT_LIMIT = 100
const Params = Type.Object({ id: Type.String({ pattern: AGENT_ID_PATTERN }) })

/** `POST /api/v1/agents/{id}/usage`, `POST` and `GET /api/v1/agents/{id}/deliverables`. */
export function usageRoutes(options: UsageRoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, agents, record, deliver, list } = options

  async function admit(id: AgentId, caller: Caller): Promise<void> {
    const agent = agents.get(id)
    if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
    if (await agents.mayTell(caller, agent)) return
    throw new Problem('AE_FORBIDDEN', 'That agent belongs to another user.')
  }

  return async (app) => {
    app.post(
      '/api/v1/agents/:id/usage',
      {
        bodyLimit: USAGE_BODY_BYTES,
        config: { scope: 'ingest', subject: { param: 'id' } },
        schema: {
          summary: 'Record what an agent used',
          description:
            'One record or up to 1,000, all or none. Answered when it is durable. Without an `Idempotency-Key` a ' +
            'record may count twice when a request is repeated whose answer got lost; with one it never does.',
          tags: ['usage'],
          params: Params,
          body: UsageRequest,
        },
      },
      async (request) => {
        const { params, body, caller } = request
        await admit(params.id, caller)
        const records = toRecords(body, clock.now())
        const key = keyOf(request, params.id, 'usage')
        return await record(params.id, records, key, Array.isArray(body) ? 'array' : 'one')
      },
    )

    app.post(
      '/api/v1/agents/:id/deliverables',
      {
        config: { scope: 'ingest', subject: { param: 'id' } },
        schema: {
          summary: 'Record that an agent delivered something',
          tags: ['usage'],
          params: Params,
          body: DeliverableRequest,
        },
      },
      async (request, reply) => {
        const { params, body, caller } = request
        await admit(params.id, caller)
        const key = keyOf(request, params.id, 'deliverables')
        const { deliverable, countedForClock } = await deliver(params.id, toDeliverable(body), key)
        return reply.code(201).send({ ...answerDeliverable(deliverable), countedForClock })
      },
    )

    app.get(
      '/api/v1/agents/:id/deliverables',
      {
        config: { scope: 'read', subject: { param: 'id' } },
        schema: {
          summary: 'What an agent delivered, newest first; outlives the agent',
          tags: ['usage'],
          params: Params,
          querystring: PageQuery,
        },
      },
      async ({ params: { id }, query: { limit = DEFAULT_LIMIT, cursor } }) => {
        const before = placeOf(cursor)
        const rows = await list(id, limit + 1, before)
        if (rows.length === 0 && cursor === undefined && agents.get(id) === undefined) {
          throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
        }
        const { items, nextCursor } = toPage(rows, limit, ({ atMs, id }) => [atMs, id])
        return { items: items.map(answerDeliverable), nextCursor }
      },
    )
  }
}

/** @throws Problem AE_INVALID for a cursor of another list */
function placeOf(cursor: string | undefined): DeliverablePlace | undefined {
  const [atMs, id] = decodeCursor(cursor, 2) ?? []
  if (atMs === undefined) return undefined
  if (typeof atMs === 'number' && typeof id === 'string') return { atMs, id }
  throw new Problem('AE_INVALID', 'The cursor is not one of this list.')
}

/** `platform/http` has checked the header: one short line. */
function keyOf(
  { caller, headers, body }: FastifyRequest,
  agent: AgentId,
  what: string,
): RequestKey | undefined {
  const key = headers['idempotency-key']
  const text = typeof key === 'string' ? key : undefined
  return requestKey(`${caller.kind}:${caller.name}`, agent, text, what, body)
}

function answerDeliverable({ description, verified, atMs, ...deliverable }: Deliverable): object {
  return {
    ...deliverable,
    description: description ?? null,
    verified: verified ?? null,
    at: new Date(atMs).toISOString(),
  }
}
