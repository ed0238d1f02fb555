import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'
import type { BasicAuth } from './basic-auth.ts'
import { agentMatcher, type Caller, type Grant } from './caller.ts'
import { readCredentials } from './credentials.ts'
import { isForwarded, isLoopbackAddress } from './loopback.ts'
import { createPeerUid } from './peer-uid.ts'
import { expandScopes, NEVER_ANONYMOUS, type RouteSubject, type Scope } from './scope.ts'
import { readCookies } from './session-cookie.ts'
import { PROOF_HEADER, sessionGrant } from './session-grant.ts'
import type { Session, SessionBook } from './sessions.ts'
import { createTokenTable, digestOf, type TokenOptions } from './tokens.ts'

export interface AuthOptions {
  readonly tokens: readonly TokenOptions[]
  /** `control` and `admin` in these lists have no effect. */
  readonly anonymous: { readonly loopback: readonly Scope[]; readonly remote: readonly Scope[] }
  /** Content of `<data dir>/control.token`. */
  readonly controlToken?: string
}

/** Decides who asks and what they may do. `update` takes a reloaded config. */
export interface Auth {
  /** Recognises the caller. Bad credentials leave an anonymous caller and `refused` set. */
  identify(request: FastifyRequest): Promise<Identity>
  /** Throws the problem that says what is missing; returns when the route is open to the caller. */
  permit(identity: Identity, request: FastifyRequest, reply: FastifyReply): void
  /** The token with this SHA-256, as long as it is good for control. */
  controller(token: Buffer): Grant | undefined
  update(options: AuthOptions): void
}

export interface Identity {
  readonly caller: Caller
  /** Credentials were presented and are not valid. */
  readonly refused: boolean
  /** A token, a password or a session was presented and is valid. */
  readonly authenticated: boolean
  /** The cookie of the control page was presented and no session has it (any more). */
  readonly stale: boolean
  /** What was presented was a session. */
  readonly session: Session | undefined
  /** SHA-256 of the bearer token that was presented. */
  readonly token: Buffer | undefined
}

/** Whom the credentials of a request name. */
interface Found {
  readonly grant: Grant
  readonly session?: Session
  readonly token?: Buffer
}

interface AuthDependencies {
  /** Users of the web config file; undefined when none are configured. */
  readonly basic: () => BasicAuth | undefined
  readonly sessions: SessionBook
  readonly peerUid?: ReturnType<typeof createPeerUid>
}

const withoutControl = (scopes: readonly Scope[]): ReadonlySet<Scope> =>
  expandScopes(scopes.filter((scope) => !NEVER_ANONYMOUS.has(scope)))

function mayUse(caller: Caller, subject: RouteSubject | undefined, params: unknown): boolean {
  if (!caller.limited) return true
  if (subject === undefined) return false
  if (subject === 'handler') return true
  const value = (params as Record<string, unknown> | null)?.[subject.param]
  return typeof value === 'string' && caller.mayTouch(value)
}

/**
 * Scopes of a caller: those of its token; anonymous ones by where it connects from; a user of the web config file
 * has the anonymous ones and may also read. A web config with users closes every route to whoever shows neither a
 * password nor a token, as in other exporters.
 */
export function createAuth(options: AuthOptions, dependencies: AuthDependencies): Auth {
  const peerUid = dependencies.peerUid ?? createPeerUid()
  let tokens = createTokenTable(options.tokens, options.controlToken)
  let loopbackScopes = withoutControl(options.anonymous.loopback)
  let remoteScopes = withoutControl(options.anonymous.remote)

  function controller(token: Buffer): Grant | undefined {
    const grant = tokens.findDigest(token)
    return grant?.scopes.has('control') ? grant : undefined
  }

  function findSession(request: FastifyRequest): Found | 'stale' | undefined {
    const cookies = readCookies(request)
    if (cookies.length === 0) return undefined
    const session = dependencies.sessions.find(cookies)
    // Whoever lost the right to ask for a link has lost what it opened.
    const asker = session === undefined ? undefined : controller(session.token)
    if (session === undefined || asker === undefined) return 'stale'
    const proof = request.headers[PROOF_HEADER]
    const isProven = session.proves(typeof proof === 'string' ? proof : undefined)
    return { session, grant: sessionGrant(asker, isProven ? 'proven' : 'cookie') }
  }

  /**
   * A token wins over a cookie. A password does not: once asked for it, browsers send it with every request by
   * themselves, and whoever has a session has more.
   */
  async function recognise(
    request: FastifyRequest,
    anonymous: Grant,
  ): Promise<Found | 'refused' | 'stale' | undefined> {
    const credentials = readCredentials(request.headers.authorization)
    if (credentials === undefined) return findSession(request)
    if (credentials === 'malformed') return 'refused'
    if (credentials.scheme === 'bearer') {
      const grant = tokens.find(credentials.token)
      return grant === undefined ? 'refused' : { grant, token: digestOf(credentials.token) }
    }
    const basic = dependencies.basic()
    if (basic === undefined) return 'refused'
    const good = await basic.verify(credentials.user, credentials.password)
    if (!good) return 'refused'
    const found = findSession(request)
    if (typeof found === 'object') return found
    const scopes = new Set<Scope>([...anonymous.scopes, 'metrics', 'read'])
    return { grant: { name: credentials.user, kind: 'basic', scopes, agents: undefined } }
  }

  function callerOf(request: FastifyRequest, grant: Grant, loopback: boolean): Caller {
    const { name, kind, scopes } = grant
    const matches = agentMatcher(grant)
    return {
      name,
      kind,
      scopes,
      loopback,
      limited: matches !== undefined,
      mayTouch: (agent) => matches === undefined || (agent !== undefined && matches(agent)),
      peerUid: () => (loopback ? peerUid(request.raw.socket) : Promise.resolve(undefined)),
    }
  }

  return {
    async identify(request) {
      const loopback = isLoopbackAddress(request.raw.socket.remoteAddress) && !isForwarded(request.headers)
      const scopes = loopback ? loopbackScopes : remoteScopes
      const anonymous: Grant = { name: 'anonymous', kind: 'anonymous', scopes, agents: undefined }
      const found = await recognise(request, anonymous)
      const known = typeof found === 'object' ? found : undefined
      return {
        caller: callerOf(request, known?.grant ?? anonymous, loopback),
        refused: found === 'refused',
        authenticated: known !== undefined,
        stale: found === 'stale',
        session: known?.session,
        token: known?.token,
      }
    },

    permit({ caller, refused, authenticated, stale, session }, request, reply) {
      const { scope, subject } = request.routeOptions.config
      const closed = dependencies.basic() !== undefined
      const challenge = (detail: string): Problem => {
        reply.header('www-authenticate', closed ? ['Basic', 'Bearer'] : 'Bearer')
        return stale
          ? new Problem('AE_SESSION_ENDED', 'Run agent-exporter ui and open the new link.')
          : new Problem('AE_UNAUTHENTICATED', detail)
      }
      if (scope === 'own') return
      if (closed && !authenticated) throw challenge('This server asks for a password or a token.')
      if (scope === 'none' || scope === undefined) return
      if (refused) throw challenge('The credentials are not valid.')
      if (!caller.scopes.has(scope)) {
        if (!authenticated) throw challenge(`This address needs a token with the scope ${scope}.`)
        if (session !== undefined && scope === 'control') {
          throw new Problem('AE_PROOF_MISSING', 'The cookie alone may only read: open a new link here.')
        }
        throw new Problem('AE_FORBIDDEN', `The credentials do not have the scope ${scope}.`)
      }
      if (!mayUse(caller, subject, request.params)) {
        throw new Problem('AE_FORBIDDEN', 'The token is limited to other agents.')
      }
    },

    controller,

    update(next) {
      tokens = createTokenTable(next.tokens, next.controlToken)
      loopbackScopes = withoutControl(next.anonymous.loopback)
      remoteScopes = withoutControl(next.anonymous.remote)
      dependencies.sessions.keepOnly((token) => controller(token) !== undefined)
    },
  }
}
