import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { parseAuthority } from './authority.ts'

/** 32 bytes in base64url. */
const VALUE = /^[A-Za-z0-9_-]{43}$/
/** A page on another port of this host can set cookies of the same name beside ours: ours is looked for among them. */
const MOST_LOOKED_AT = 8

/** Whether the browser speaks TLS: to us, or to a proxy that says so. A lie only makes the browser drop the cookie. */
export function cameOverTls({ raw, headers }: FastifyRequest): boolean {
  if ((raw.socket as TLSSocket).encrypted === true) return true
  const [first] = String(headers['x-forwarded-proto'] ?? '').split(',', 1)
  return first?.trim().toLowerCase() === 'https'
}

/**
 * Cookies ignore ports (RFC 6265 8.5), so the name carries the one by which the browser knows us: several daemons on
 * one host, or forwarded to one, do not sign each other out.
 */
function cookieName(request: FastifyRequest): string {
  const port = parseAuthority(request.headers.host ?? '')?.port
  return `agent-exporter-${port || (cameOverTls(request) ? '443' : '80')}`
}

/** Values of our cookie; more than one only if somebody else on this host set some. */
export function readCookies(request: FastifyRequest): readonly string[] {
  const header = request.headers.cookie
  if (header === undefined) return []
  const prefix = `${cookieName(request)}=`
  return header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length))
    .filter((value) => VALUE.test(value))
    .slice(0, MOST_LOOKED_AT)
}

function write(request: FastifyRequest, value: string, more: string): string {
  const secure = cameOverTls(request) ? '; Secure' : ''
  // No Domain: host-only. No Max-Age: the browser forgets it when it ends.
  return `${cookieName(request)}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}${more}`
}

/** `Set-Cookie` for a new session. */
export const sessionCookie = (request: FastifyRequest, value: string): string => write(request, value, '')

/** `Set-Cookie` that takes it away. */
export const noCookie = (request: FastifyRequest): string => write(request, '', '; Max-Age=0')
