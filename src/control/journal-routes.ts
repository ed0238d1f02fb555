import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import { DEFAULT_PAGE_SIZE, decodeCursor, PageQuery, toPage } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { answerWhenSettled } from './action-routes.ts'
import { answerEntry } from './answer.ts'
import type { ActionEntry, ActionFilter, ControlDesk } from './model.ts'
import {
  ActionParams,
  ActionQuery,
  Nothing,
  Rejection,
  readDuration,
  readSince,
  WaitQuery,
} from './request-schema.ts'

export interface JournalRoutesOptions {
  readonly clock: Clock
  readonly desk: ControlDesk
}

const MAX_WAIT_MS = 60_000
const ListQuery = Type.Object({ ...PageQuery.properties, ...ActionQuery.properties })

/** `GET /api/v1/actions`, `/actions/{id}`, `POST /actions/{id}/{approve|reject}`. */
export function journalRoutes({ clock, desk }: JournalRoutesOptions): FastifyPluginAsyncTypebox {
  /** What a token may not see is not there: whether it exists is nobody's business. */
  async function find(id: string, caller: Caller): Promise<ActionEntry> {
    const entry = await desk.find(id)
    if (entry === undefined || !caller.mayTouch(entry.agent)) {
      throw new Problem('AE_ACTION_NOT_FOUND', 'There is no action of this id.')
    }
    return entry
  }

  function toFilter({ agent, action, status, since }: ActionQuery, caller: Caller): ActionFilter {
    const sinceMs = readSince(since, clock.now())
    return {
      ...(agent === undefined ? {} : { agent }),
      ...(action === undefined ? {} : { action }),
      ...(status === undefined ? {} : { status }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
      ...(caller.limited ? { visible: (one) => caller.mayTouch(one) } : {}),
    }
  }

  return async (app) => {
    app.get(
      '/api/v1/actions',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: { summary: 'The journal, newest first', tags: ['control'], querystring: ListQuery },
      },
      async ({ query, caller }) => {
        const { limit = DEFAULT_PAGE_SIZE } = query
        const before = decodeCursor(query.cursor, 1)?.[0]
        const rows = await desk.list(
          toFilter(query, caller),
          limit + 1,
          ...(before === undefined ? [] : [String(before)]),
        )
        const { items, nextCursor } = toPage(rows, limit, ({ id }) => [id])
        return { items: items.map(answerEntry), nextCursor }
      },
    )

    app.get(
      '/api/v1/actions/:id',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: { summary: 'One action', tags: ['control'], params: ActionParams },
      },
      async ({ params, caller }) => answerEntry(await find(params.id, caller)),
    )

    app.post(
      '/api/v1/actions/:id/approve',
      {
        config: { scope: 'control', subject: 'handler' },
        schema: {
          summary: 'Let a pending action be done',
          tags: ['control'],
          params: ActionParams,
          querystring: WaitQuery,
          body: Nothing,
        },
      },
      async ({ params, query, caller }, reply) => {
        const waitMs = readDuration('wait', query.wait, MAX_WAIT_MS)
        const { id } = await find(params.id, caller)
        const entry = await desk.approve(id, caller.name)
        return answerWhenSettled(entry, waitMs, reply, { clock, desk, draining: app.draining })
      },
    )

    app.post(
      '/api/v1/actions/:id/reject',
      {
        config: { scope: 'control', subject: 'handler' },
        schema: {
          summary: 'Refuse a pending action',
          tags: ['control'],
          params: ActionParams,
          body: Rejection,
        },
      },
      async ({ params, body, caller }) => {
        const { id } = await find(params.id, caller)
        const { reason } = body
        const entry = await desk.reject(id, caller.name, ...(reason === undefined ? [] : [reason]))
        return { actionId: entry.id, ...answerEntry(entry) }
      },
    )
  }
}
