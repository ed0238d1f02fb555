import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { AGENT_ID_PATTERN } from '../agents/model.ts'
import { PageQuery, pageOfList, type SortKey } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import type { Moment } from '../platform/moment.ts'
import { cleanText } from '../platform/text.ts'
import type { AlertReceiver } from './model.ts'
import { RULE_ACTIONS } from './policy.ts'
import { type Entry, WITHHELD } from './table.ts'

const STATES = ['firing', 'unknown', 'closed'] as const satisfies readonly Entry['state'][]
const PROGRESS = ['none', 'asking', 'owed', 'done', 'over'] as const satisfies readonly Entry['progress'][]

const ListQuery = Type.Object({
  ...PageQuery.properties,
  agent: Type.Optional(Type.String({ pattern: AGENT_ID_PATTERN })),
  state: Type.Optional(Type.String({ enum: [...STATES] })),
})

const Time = Type.String({ format: 'date-time' })
const MaybeTime = Type.Union([Time, Type.Null()])

const Alert = Type.Object({
  alertname: Type.String(),
  agent: Type.String(),
  incarnation: Type.String(),
  episode: Type.String({ description: 'Name of this time in the journal and in holds.' }),
  policy: Type.String({ description: 'Which rule of the configuration it is about.' }),
  state: Type.String({ enum: [...STATES], description: 'unknown: no longer repeated.' }),
  since: Time,
  startsAt: Time,
  endsAt: MaybeTime,
  action: Type.Union([Type.String({ enum: [...RULE_ACTIONS] }), Type.Null()]),
  progress: Type.String({ enum: [...PROGRESS], description: 'How far the action has come.' }),
  resume: Type.String({ enum: [...PROGRESS], description: 'How far letting it go on has come.' }),
  withheld: Type.Union([Type.String({ enum: [...WITHHELD] }), Type.Null()], {
    description: 'Why it does not go on yet.',
  }),
  heldAt: MaybeTime,
  actedAt: MaybeTime,
  muted: Type.Boolean({ description: 'A person let the agent go on: nothing more is done.' }),
  overdue: Type.Boolean({ description: 'It stands still for longer than the rule allows.' }),
  series: Type.Array(
    Type.Object({
      fingerprint: Type.String(),
      status: Type.String({ enum: ['firing', 'resolved'] }),
      startsAt: Time,
      endsAt: MaybeTime,
      heardAt: Time,
    }),
    { description: 'What replicas and other senders say, each for itself.' },
  ),
})

/** `GET /api/v1/alerts`. */
export function alertListRoutes(receiver: Pick<AlertReceiver, 'list'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/api/v1/alerts',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: {
          summary: 'Alerts that a rule of the configuration is about, open ones first',
          tags: ['alerts'],
          querystring: ListQuery,
          response: {
            200: Type.Object({
              items: Type.Array(Alert),
              nextCursor: Type.Union([Type.String(), Type.Null()]),
            }),
          },
        },
      },
      async ({ query: { agent, state, ...page }, caller }) => {
        const entries = receiver
          .list(agent)
          .filter((entry) => caller.mayTouch(entry.agent) && (state === undefined || entry.state === state))
        const { items, nextCursor } = pageOfList(entries, page, placeOf)
        return { items: items.map(answerAlert), nextCursor }
      },
    )
  }
}

function placeOf({ state, since, episode }: Entry): SortKey {
  return [state === 'closed' ? 1 : 0, -since.wallMs, episode]
}

function answerAlert(entry: Entry): Static<typeof Alert> {
  const { agent, incarnation, policy, state, progress, resume, muted, overdue } = entry
  return {
    alertname: cleanText(entry.alertname),
    agent,
    incarnation,
    episode: cleanText(entry.episode),
    policy,
    state,
    since: timeOf(entry.since),
    startsAt: timeOf(entry.startsAtMs),
    endsAt: maybe(entry.endsAtMs),
    action: entry.action ?? null,
    progress,
    resume,
    withheld: entry.withheld ?? null,
    heldAt: maybe(entry.heldAt),
    actedAt: maybe(entry.actedAt),
    muted,
    overdue,
    series: entry.series.map(({ fingerprint, status, startsAtMs, endsAtMs, heardAt }) => ({
      fingerprint: cleanText(fingerprint),
      status,
      startsAt: timeOf(startsAtMs),
      endsAt: maybe(endsAtMs),
      heardAt: timeOf(heardAt),
    })),
  }
}

function timeOf(at: Moment | number): string {
  return new Date(typeof at === 'number' ? at : at.wallMs).toISOString()
}

function maybe(at: Moment | number | undefined): string | null {
  return at === undefined ? null : timeOf(at)
}
