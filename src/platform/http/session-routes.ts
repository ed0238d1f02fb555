import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Log } from '../log.ts'
import { Problem, type ProblemCode } from '../problem.ts'
import type { Auth } from './auth.ts'
import { parseAuthority } from './authority.ts'
import { PAGE_POLICY } from './html.ts'
import { cameOverTls, noCookie, sessionCookie } from './session-cookie.ts'
import { renderEnteredPage, renderSpentPage } from './session-pages.ts'
import type { SessionBook } from './sessions.ts'

interface SessionRoutesOptions {
  readonly sessions: SessionBook
  readonly auth: Pick<Auth, 'controller'>
  readonly log: Log
  readonly onProblem: (code: ProblemCode) => void
}

const Stamp = Type.String({ format: 'date-time' })
const LinkAnswer = Type.Object({ url: Type.String(), expiresAt: Stamp })
const SessionAnswer = Type.Object({
  signedIn: Type.Boolean(),
  name: Type.String({ description: 'Under which name the journal writes down what this caller does' }),
  scopes: Type.Array(Type.String(), { description: 'What this very request may do' }),
  canControl: Type.Boolean({
    description: 'Whether this request could have acted: signed in, with the proof',
  }),
  expiresAt: Type.Optional(Stamp),
})

const HTML = 'text/html; charset=utf-8'

/**
 * The origin that the browser will know us by. `localhost` may be two addresses, and somebody else may listen on the
 * other one: a page of theirs would be of the same origin and could read the proof. So it becomes the address asked.
 */
function originOf(request: FastifyRequest): string {
  const { localAddress = '127.0.0.1', localPort = 80 } = request.raw.socket
  const asked = parseAuthority(request.headers.host ?? '') ?? { name: 'localhost', port: String(localPort) }
  const v4 = localAddress.replace(/^::ffff:(?=\d)/i, '')
  const literal = v4.includes(':') ? `[${v4}]` : v4
  const name = asked.name === 'localhost' || asked.name.endsWith('.localhost') ? literal : asked.name
  return `${cameOverTls(request) ? 'https' : 'http'}://${name}${asked.port === '' ? '' : `:${asked.port}`}`
}

/** Asked for by something that only looks ahead and that nobody has clicked. */
function isLookingAhead({ headers }: FastifyRequest): boolean {
  const purposes = [headers['sec-purpose'], headers['purpose'], headers['x-purpose'], headers['x-moz']]
  return purposes.some((purpose) => /prefetch|prerender|preview/i.test(String(purpose ?? '')))
}

function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply.type(HTML).header('content-security-policy', PAGE_POLICY).send(html)
}

/** How a person at a browser gets in, and out: links that work once, and the sessions they open. */
export function sessionRoutes(options: SessionRoutesOptions): FastifyPluginAsyncTypebox {
  const { sessions, auth, log, onProblem } = options
  return async (app) => {
    app.post(
      '/api/v1/ui/links',
      {
        // A link of a token that is limited to some agents opens a session with the same limits.
        config: { scope: 'control', subject: 'handler', answer: 'secret' },
        schema: {
          summary: 'A link that opens the control page once, within a minute',
          description:
            'Whoever opens it is signed in with at most the rights of the token that asked for it.',
          tags: ['ui'],
          body: Type.Object({}, { additionalProperties: false }),
          response: { 201: LinkAnswer },
        },
      },
      async (request, reply) => {
        // Else a session could live for ever, by its own children.
        if (request.tokenDigest === undefined) throw new Problem('AE_FORBIDDEN', 'A link needs a token.')
        const { code, expiresAtMs } = sessions.offer(request.tokenDigest)
        const url = `${originOf(request)}/ui/enter?code=${code}`
        return reply.code(201).send({ url, expiresAt: new Date(expiresAtMs).toISOString() })
      },
    )

    app.get('/ui/enter', { config: { scope: 'own' }, schema: { hide: true } }, (request, reply) => {
      // 503: browsers throw away what they fetched ahead, and ask again when somebody clicks.
      if (isLookingAhead(request)) return reply.code(503).send()
      if (request.method === 'HEAD') return reply.code(204).send()
      const { code } = request.query as { readonly code?: unknown }
      const entrance = typeof code === 'string' ? sessions.enter(code) : undefined
      const asker = entrance === undefined ? undefined : auth.controller(entrance.token)
      if (entrance === undefined || asker === undefined) {
        onProblem('AE_LINK_SPENT')
        return sendPage(reply.code(403), renderSpentPage())
      }
      log.info('a person signed in to the control page', { name: asker.name })
      reply.header('set-cookie', sessionCookie(request, entrance.cookie))
      const target = `/ui/#proof=${entrance.proof}`
      if (request.headers['sec-fetch-site'] !== 'cross-site') return reply.redirect(target, 303)
      // Where a page of another site led here, the browser would follow the redirect without the new cookie. What a
      // page of ours refreshes to is asked for by us.
      return sendPage(reply.header('refresh', `0; url=${target}`), renderEnteredPage(target))
    })

    app.get(
      '/api/v1/ui/session',
      {
        config: { scope: 'none' },
        schema: { summary: 'Who asks, and what it may do', tags: ['ui'], response: { 200: SessionAnswer } },
      },
      async ({ caller: { name, scopes }, session }) => ({
        signedIn: session !== undefined,
        name,
        scopes: [...scopes],
        canControl: scopes.has('control'),
        ...(session === undefined ? {} : { expiresAt: new Date(session.expiresAtMs()).toISOString() }),
      }),
    )

    app.delete(
      '/api/v1/ui/session',
      {
        config: { scope: 'none' },
        schema: { summary: 'Sign out', tags: ['ui'], response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        request.session?.end()
        return reply.code(204).header('set-cookie', noCookie(request)).send(null)
      },
    )
  }
}
