import { isIP } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'
import { isSameOrigin, parseAuthority, parseOrigin } from './authority.ts'

export interface HostCheckOptions {
  /** Names this server is reached by beyond loopback names and listen addresses; `*.example.org` for a whole domain. */
  readonly allowedHosts: readonly string[]
  /** Full origins of pages that may call us from a browser: `https://grafana.example.org`. */
  readonly allowedOrigins: readonly string[]
  /** Host names given in listen addresses. */
  readonly listenHosts: readonly string[]
}

/** Those of the API, and those that Grafana sends with a button (grafana: `X-Grafana-Action`, across origins a device id). */
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Grafana-Action, X-Grafana-Device-Id'

/** Keeps web pages of other sites away from an API that trusts loopback. */
export interface HostCheck {
  /**
   * DNS rebinding: a page's own name resolves to us, and its requests carry that name as `Host`. An IP literal
   * cannot be rebound, and a request that shows a token or a password was not made by a foreign page. A cookie shows
   * nothing of the kind: browsers send it by themselves.
   * @throws Problem AE_MISDIRECTED, or AE_BAD_REQUEST when the header is missing twice over or malformed.
   */
  checkHost(request: FastifyRequest, credentials: 'shown' | 'none'): void
  /** @throws Problem AE_FOREIGN_ORIGIN. Sets the CORS answer for listed origins. */
  checkOrigin(request: FastifyRequest, reply: FastifyReply): void
  /** True when the request was a CORS preflight of a listed origin and has been answered. */
  answerPreflight(request: FastifyRequest, reply: FastifyReply): boolean
  update(options: HostCheckOptions): void
}

const PREFLIGHT_MAX_AGE_SECONDS = 600
const ALWAYS_OPEN = new Set(['/-/healthy', '/-/ready'])

const isLiteral = (name: string): boolean => isIP(name.replace(/^\[|\]$/g, '')) !== 0

function hostHeaders(request: FastifyRequest): string[] {
  const raw = request.raw.rawHeaders
  const found: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() === 'host') found.push(raw[at + 1] ?? '')
  }
  return found
}

function nameMatcher(names: readonly string[]): (name: string) => boolean {
  const exact = new Set(['localhost'])
  const suffixes: string[] = []
  for (const name of names) {
    if (name.startsWith('*.')) suffixes.push(name.slice(1).toLowerCase())
    else exact.add(parseAuthority(name)?.name ?? name.toLowerCase())
  }
  return (name) => exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix))
}

export function createHostCheck(options: HostCheckOptions): HostCheck {
  let isOurs = nameMatcher([...options.allowedHosts, ...options.listenHosts])
  let origins = new Set(options.allowedOrigins.map((origin) => parseOrigin(origin)?.origin ?? origin))

  /** The listed origin of this request; undefined when there is none or it is not listed. */
  function listedOrigin(request: FastifyRequest): string | undefined {
    const header = request.headers.origin
    const origin = header === undefined ? undefined : parseOrigin(header)?.origin
    return origin !== undefined && origins.has(origin) ? origin : undefined
  }

  return {
    checkHost(request, credentials) {
      const hosts = hostHeaders(request)
      const [host] = hosts
      if (hosts.length > 1) throw new Problem('AE_BAD_REQUEST', 'The request has more than one Host header.')
      if (host === undefined) {
        // RFC 9112 3.2: required from HTTP/1.1 on; a browser never leaves it out.
        if (request.raw.httpVersion !== '1.0') {
          throw new Problem('AE_BAD_REQUEST', 'The request has no Host header.')
        }
        return
      }
      const name = parseAuthority(host)?.name
      if (name === undefined) throw new Problem('AE_BAD_REQUEST', 'The Host header is malformed.')
      if (credentials === 'shown' || isLiteral(name) || isOurs(name)) return
      if (ALWAYS_OPEN.has(request.routeOptions.url ?? '')) return
      throw new Problem(
        'AE_MISDIRECTED',
        'This name is not served here. Use an IP address, or list the name under auth.allowedHosts.',
      )
    },

    checkOrigin(request, reply) {
      const header = request.headers.origin
      if (header === undefined) return
      reply.header('vary', 'Origin')
      const listed = listedOrigin(request)
      if (listed !== undefined) {
        reply.header('access-control-allow-origin', listed)
        return
      }
      const origin = parseOrigin(header)
      if (origin !== undefined && isSameOrigin(origin, request.headers.host)) return
      throw new Problem(
        'AE_FOREIGN_ORIGIN',
        'Pages of this origin may not call the exporter. List the origin under auth.allowedOrigins.',
      )
    },

    answerPreflight(request, reply) {
      if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
        return false
      const listed = listedOrigin(request)
      if (listed === undefined) return false
      reply
        .code(204)
        .header('access-control-allow-origin', listed)
        .header('access-control-allow-methods', 'GET, HEAD, POST, PUT, PATCH, DELETE')
        .header('access-control-allow-headers', ALLOWED_HEADERS)
        .header('access-control-max-age', String(PREFLIGHT_MAX_AGE_SECONDS))
        .header('vary', 'Origin')
        .send()
      return true
    },

    update(next) {
      isOurs = nameMatcher([...next.allowedHosts, ...next.listenHosts])
      origins = new Set(next.allowedOrigins.map((origin) => parseOrigin(origin)?.origin ?? origin))
    },
  }
}
