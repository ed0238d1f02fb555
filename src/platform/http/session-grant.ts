import type { FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'
import { isSameOrigin, parseOrigin } from './authority.ts'
import type { Grant } from './caller.ts'
import type { Scope } from './scope.ts'
import type { Session } from './sessions.ts'

/** By which a page of ours shows that it is one. Kept in its `localStorage`. */
export const PROOF_HEADER = 'x-agent-exporter-proof'

/**
 * Why the cookie alone may not act: cookies know no ports (RFC 6265 8.5, and SameSite knows none either). An agent that
 * listens on another port of 127.0.0.1 and gets the person to open its page is sent this cookie, and can then call us
 * without a browser and with whatever headers it likes. The proof lies in `localStorage`, which belongs to one origin
 * including its port, and no browser sends it by itself.
 */
const SCOPES = {
  cookie: new Set<Scope>(['metrics', 'read']),
  proven: new Set<Scope>(['metrics', 'read', 'control']),
} as const

/** What a session may do: never more than the token that asked for its link, about the same agents, and no administration. */
export function sessionGrant(asker: Grant, shown: keyof typeof SCOPES): Grant {
  const scopes = new Set([...asker.scopes].filter((scope) => SCOPES[shown].has(scope)))
  return { ...asker, name: `ui:${asker.name}`, kind: 'session', scopes }
}

const CHANGES_NOTHING = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * A session changes something only from a page of ours: browsers always say from which origin a POST, PUT or DELETE
 * comes (Fetch, 3.2), and those that know `Sec-Fetch-Site` also that it is the very same one. Listed origins, which may
 * call us with a token, are no pages of ours.
 * @throws Problem AE_FOREIGN_ORIGIN.
 */
export function checkOwnPage({ method, headers }: FastifyRequest): void {
  if (CHANGES_NOTHING.has(method)) return
  const origin = headers.origin === undefined ? undefined : parseOrigin(headers.origin)
  const site = headers['sec-fetch-site']
  const isOwn = origin !== undefined && isSameOrigin(origin, headers.host)
  if (isOwn && (site === undefined || site === 'same-origin')) return
  throw new Problem('AE_FOREIGN_ORIGIN', 'A session changes something only from a page of its own.')
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of the person who asks, if it is one. */
    session: Session | undefined
    /** SHA-256 of the bearer token that was shown. */
    tokenDigest: Buffer | undefined
  }
}
