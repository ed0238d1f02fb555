import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Clock } from '../platform/clock.ts'
import '../platform/http/scope.ts'
import { parseBody } from './body.ts'
import type { NotificationOutcome } from './families.ts'
import { alertListRoutes } from './list-routes.ts'
import type { AlertReceiver, Source } from './model.ts'
import { type Notification, readAlertmanager, readGrafana } from './payload.ts'
import { checkSignature } from './signature.ts'

export interface AlertmanagerRoutesOptions {
  readonly clock: Clock
  readonly receiver: AlertReceiver
  /** What Grafana signs with, as configured now; undefined: signatures are not asked for. */
  readonly grafanaSecret: () => string | undefined
}

/** Alertmanager sends a group whole unless `max_alerts` is set. */
const BODY_BYTES = 16 * 1024 * 1024

const Answer = Type.Object({
  alerts: Type.Integer({ description: 'Alerts that were in it.' }),
  truncatedAlerts: Type.Integer({ description: 'Alerts of the group that were not in it.' }),
  outcomes: Type.Record(Type.String(), Type.Integer(), {
    description: 'How many alerts came to what; what is to be done is done after this answer.',
  }),
})

/** For people alone: newer senders add keys, and what is wrong is answered by the reader. */
const Body = Type.Object(
  {
    version: Type.String({ description: '4 from Alertmanager, 1 from Grafana.' }),
    receiver: Type.Optional(Type.String()),
    groupKey: Type.Optional(Type.String()),
    externalURL: Type.Optional(Type.String()),
    truncatedAlerts: Type.Optional(Type.Integer({ minimum: 0 })),
    alerts: Type.Array(
      Type.Object({
        status: Type.String({ enum: ['firing', 'resolved'] }),
        labels: Type.Record(Type.String(), Type.String()),
        annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
        startsAt: Type.String({ format: 'date-time' }),
        endsAt: Type.Optional(Type.String({ format: 'date-time' })),
        fingerprint: Type.String(),
      }),
    ),
  },
  { additionalProperties: true },
)

interface Way {
  readonly url: string
  readonly source: Source
  readonly summary: string
  readonly read: (body: unknown) => Notification
}

const WAYS: readonly Way[] = [
  {
    url: '/api/v1/alertmanager',
    source: 'alertmanager',
    summary: 'Take a notification of Alertmanager (webhook, version 4)',
    read: readAlertmanager,
  },
  {
    url: '/api/v1/grafana-alerts',
    source: 'grafana',
    summary: 'Take a notification of Grafana alerting (webhook contact point)',
    read: readGrafana,
  },
]

/** `POST /api/v1/alertmanager`, `POST /api/v1/grafana-alerts`, `GET /api/v1/alerts`. */
export function alertmanagerRoutes(options: AlertmanagerRoutesOptions): FastifyPluginAsyncTypebox {
  return async (app) => {
    // Contexts of their own: bodies of the one are raw bytes, and its refusals are counted.
    await app.register(receivingRoutes(options))
    await app.register(alertListRoutes(options.receiver))
  }
}

function receivingRoutes({
  clock,
  receiver,
  grafanaSecret,
}: AlertmanagerRoutesOptions): FastifyPluginAsyncTypebox {
  return async (app) => {
    // What is signed are bytes, and what is not signed is not worth parsing.
    app.removeContentTypeParser('application/json')
    app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )

    // Of every answer, also where the body was never asked for.
    app.addHook('onSend', async (_request, { statusCode }) => {
      const outcome = refusalOf(statusCode)
      if (outcome !== undefined) receiver.refused(outcome)
    })

    for (const { url, source, summary, read } of WAYS) {
      app.post(
        url,
        {
          bodyLimit: BODY_BYTES,
          config: { scope: 'control' },
          schema: {
            summary,
            description:
              'Answered once it is written down; what follows from it is done afterwards. 4xx: sending it again ' +
              'will not help. 503: it could not be written down, send it again.',
            tags: ['alerts'],
            body: Body,
            response: { 200: Answer },
          },
          validatorCompiler: () => () => true,
          async preValidation(request, reply) {
            const secret = source === 'grafana' ? grafanaSecret() : undefined
            if (secret === undefined) return
            // RFC 9110 15.5.2 wants one with every 401, and there is none for signatures.
            reply.header('www-authenticate', 'Bearer')
            checkSignature(secret, request.headers, bytesOf(request.body), clock.now())
            reply.removeHeader('www-authenticate')
          },
        },
        async ({ body }) => await receiver.receive(source, read(parseBody(bytesOf(body)))),
      )
    }
  }
}

/** Nothing is parsed where nothing was sent. */
function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0)
}

function refusalOf(status: number): Exclude<NotificationOutcome, 'accepted' | 'truncated'> | undefined {
  if (status < 400) return undefined
  if (status >= 500) return 'not_journalled'
  if (status === 401 || status === 403) return 'unauthenticated'
  return status === 413 ? 'too_large' : 'malformed'
}
