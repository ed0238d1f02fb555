import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'
import type { BasicAuth } from './basic-auth.ts'
import { agentMatcher, type Caller, type Grant } from './caller.ts'
import { isForwarded, isLoopbackAddress } from './loopback.ts'
import { createPeerUid } from './peer-uid.ts'
import { expandScopes, NEVER_ANONYMOUS, type RouteSubject, type Scope } from './scope.ts'
import { createTokenTable, type TokenOptions } from './tokens.ts'

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
  update(options: AuthOptions): void
}

export interface Identity {
  readonly caller: Caller
  /** Credentials were presented and are not valid. */
  readonly refused: boolean
  /** A token or a password was presented and is valid. */
  readonly authenticated: boolean
}

interface AuthDependencies {
  /** Users of the web config file; undefined when none are configured. */
  readonly basic: () => BasicAuth | undefined
  readonly peerUid?: ReturnType<typeof createPeerUid>
}

/** Longer credentials are refused before any hashing. */
const MAX_CREDENTIALS = 4096

type Credentials =
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }

/** RFC 6750 and RFC 7617. `undefined`: none presented; `'malformed'`: something else was. */
function readCredentials(header: string | undefined): Credentials | 'malformed' | undefined {
  if (header === undefined) return undefined
  const [, scheme, value] = /^(\S+) +(\S+) *$/.exec(header.slice(0, MAX_CREDENTIALS + 1)) ?? []
  if (scheme === undefined || value === undefined || header.length > MAX_CREDENTIALS) return 'malformed'
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value }
  if (scheme.toLowerCase() !== 'basic') return 'malformed'
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return 'malformed'
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) }
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

  async function recognise(
    request: FastifyRequest,
    anonymous: Grant,
  ): Promise<Grant | 'refused' | undefined> {
    const credentials = readCredentials(request.headers.authorization)
    if (credentials === undefined) return undefined
    if (credentials === 'malformed') return 'refused'
    if (credentials.scheme === 'bearer') return tokens.find(credentials.token) ?? 'refused'
    const basic = dependencies.basic()
    if (basic === undefined) return 'refused'
    const good = await basic.verify(credentials.user, credentials.password)
    if (!good) return 'refused'
    const scopes = new Set<Scope>([...anonymous.scopes, 'metrics', 'read'])
    return { name: credentials.user, kind: 'basic', scopes, agents: undefined }
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
      const authenticated = found !== undefined && found !== 'refused'
      const caller = callerOf(request, authenticated ? found : anonymous, loopback)
      return { caller, refused: found === 'refused', authenticated }
    },

    permit({ caller, refused, authenticated }, request, reply) {
      const { scope, subject } = request.routeOptions.config
      const closed = dependencies.basic() !== undefined
      const challenge = (detail: string): Problem => {
        reply.header('www-authenticate', closed ? ['Basic', 'Bearer'] : 'Bearer')
        return new Problem('AE_UNAUTHENTICATED', detail)
      }
      if (closed && !authenticated) throw challenge('This server asks for a password or a token.')
      if (scope === 'none' || scope === undefined) return
      if (refused) throw challenge('The credentials are not valid.')
      if (!caller.scopes.has(scope)) {
        if (!authenticated) throw challenge(`This address needs a token with the scope ${scope}.`)
        throw new Problem('AE_FORBIDDEN', `The credentials do not have the scope ${scope}.`)
      }
      if (!mayUse(caller, subject, request.params)) {
        throw new Problem('AE_FORBIDDEN', 'The token is limited to other agents.')
      }
    },

    update(next) {
      tokens = createTokenTable(next.tokens, next.controlToken)
      loopbackScopes = withoutControl(next.anonymous.loopback)
      remoteScopes = withoutControl(next.anonymous.remote)
    },
  }
}
