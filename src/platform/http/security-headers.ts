import type { FastifyReply } from 'fastify'

/** For answers that are data: nothing in them may run or be framed. */
const NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/**
 * For pages: everything from this server, no inline script, no frame. `styles` are the sources of style sheets besides
 * files: the hash of the page's own one, or `'unsafe-inline'` for a page whose scripts write styles.
 */
export const pagePolicy = (styles: string): string =>
  `default-src 'none'; style-src 'self' ${styles}; script-src 'self'; img-src 'self' data:; ` +
  "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

/** Set before anything else happens, so that refusals carry them too; a route may set stricter or other ones. */
export function setSecurityHeaders(reply: FastifyReply): void {
  reply.headers({
    'content-security-policy': NOTHING,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'deny',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  })
}
