import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import '../platform/http/scope.ts'
import { Type } from 'typebox'
import { Problem } from '../platform/problem.ts'
import type { Streams } from './stream.ts'

const Query = Type.Object(
  {
    types: Type.Optional(
      Type.String({
        maxLength: 1_024,
        pattern: '^[a-z_.]+(,[a-z_.]+)*$',
        description: 'Only these event types, separated by commas',
      }),
    ),
  },
  { additionalProperties: false },
)

/** `GET /api/v1/events/stream`. */
export function eventRoutes(streams: Streams): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/api/v1/events/stream',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'What happens, as server-sent events; Last-Event-ID resumes up to 1,000 events back',
          tags: ['events'],
          querystring: Query,
        },
      },
      async ({ query, caller, headers, session }, reply) => {
        const types = query.types === undefined ? undefined : new Set(query.types.split(','))
        const lastEventId = headers['last-event-id']
        const headersSoFar = reply.getHeaders()
        for (const [name, value] of Object.entries(headersSoFar)) {
          if (value !== undefined) reply.raw.setHeader(name, value)
        }
        const isOpen = streams.open({
          response: reply.raw,
          lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
          wants: ({ type, agent }) =>
            (types === undefined || types.has(type)) && (!caller.limited || caller.mayTouch(agent)),
          over: [app.draining, ...(session === undefined ? [] : [session.ended])],
        })
        if (!isOpen) throw new Problem('AE_TOO_MANY_REQUESTS', 'Too many event streams are open.')
        return reply.hijack()
      },
    )
  }
}
