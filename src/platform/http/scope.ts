/** What a caller may do. `none` is for routes that say nothing about agents (`/-/healthy`, `/-/ready`). */
export type Scope = 'metrics' | 'read' | 'ingest' | 'control' | 'admin'

const SCOPES: readonly Scope[] = ['metrics', 'read', 'ingest', 'control', 'admin']

/** Never given to anybody without a token: an agent runs on this host and would resume itself. */
export const NEVER_ANONYMOUS: ReadonlySet<Scope> = new Set<Scope>(['control', 'admin'])

/** What a scope brings with it beyond itself. `control` must see what it acts on; `admin` is everything. */
const IMPLIED: Readonly<Record<Scope, readonly Scope[]>> = {
  metrics: [],
  read: [],
  ingest: [],
  control: ['read'],
  admin: SCOPES,
}

/** The listed scopes and what they imply. Nothing else is ever implied: a token has exactly these. */
export function expandScopes(listed: Iterable<Scope>): ReadonlySet<Scope> {
  const all = new Set<Scope>()
  for (const scope of listed) {
    all.add(scope)
    for (const implied of IMPLIED[scope]) all.add(implied)
  }
  return all
}

/**
 * How a route deals with a token that is limited to some agents (`agents: [glob]`).
 * `{ param }`: the named path parameter is the agent, checked before the handler runs.
 * `'handler'`: the handler itself filters with `request.caller.mayTouch`.
 * Absent: the route has no subject, so such a token is refused.
 */
export type RouteSubject = { readonly param: string } | 'handler'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Every route names its scope; a route without one is refused at start. `own`: the request brings a credential
     * that the route itself checks, so it is open even where everything else asks for a password.
     */
    scope?: Scope | 'none' | 'own'
    /** `page`: people look at it, so what is refused is told them in a page, too. */
    format?: 'page'
    /** `secret`: the answer is not kept for repeated requests with its Idempotency-Key. */
    answer?: 'secret'
    subject?: RouteSubject
    /**
     * Media types of the body this route accepts; default `application/json`, required even for an empty body.
     * `none`: the route takes no body and asks for no content type.
     */
    mediaTypes?: readonly string[] | 'none'
  }
}
