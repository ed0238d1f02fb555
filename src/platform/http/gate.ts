import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { watchRoutes } from './allowed-methods.ts'
import type { Auth } from './auth.ts'
import { checkAnnouncedLength, checkMediaType } from './body.ts'
import type { HostCheck } from './host-check.ts'
import { setSecurityHeaders } from './security-headers.ts'
import { checkOwnPage } from './session-grant.ts'
import type { WebConfigSource } from './web-config-watch.ts'

interface GateDependencies {
  readonly auth: Auth
  readonly hostCheck: HostCheck
  readonly webConfig: WebConfigSource
  readonly draining: AbortSignal
}

/**
 * Everything that is asked of a request before a route sees it, in this order: who, by which name, from which page,
 * with what right, is there such a route, what kind of body, how long. Nothing of the body has been read by then.
 */
export function useGate(
  app: FastifyInstance,
  { auth, hostCheck, webConfig, draining }: GateDependencies,
): void {
  const missingRoute = watchRoutes(app)

  function refuseMissing(request: FastifyRequest, reply: FastifyReply): never {
    const { problem, allow } = missingRoute(request)
    if (allow !== undefined) reply.header('allow', allow)
    throw problem
  }

  // Looked at when all routes are known: hooks of inner contexts may still name the scope of theirs.
  const declared: RouteOptions[] = []
  app.addHook('onRoute', (route) => void declared.push(route))
  app.addHook('onReady', async () => {
    const open = declared.find((route) => route.config?.scope === undefined)
    if (open !== undefined) throw new Error(`The route ${String(open.method)} ${open.url} names no scope.`)
  })

  app.addHook('onRequest', async (request, reply) => {
    setSecurityHeaders(reply)
    for (const [name, value] of webConfig.current().headers) reply.header(name, value)
    reply.header('x-request-id', request.id)
    if (draining.aborted) reply.header('connection', 'close')
    const identity = await auth.identify(request)
    request.caller = identity.caller
    request.session = identity.session
    request.tokenDigest = identity.token
    const isShown = identity.authenticated && identity.session === undefined
    hostCheck.checkHost(request, isShown ? 'shown' : 'none')
    hostCheck.checkOrigin(request, reply)
    if (hostCheck.answerPreflight(request, reply)) return reply
    if (identity.session !== undefined) checkOwnPage(request)
    auth.permit(identity, request, reply)
    if (request.is404) refuseMissing(request, reply)
    checkMediaType(request)
    checkAnnouncedLength(request)
    if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue()
    return undefined
  })

  app.setNotFoundHandler(refuseMissing)
}
