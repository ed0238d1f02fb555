import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import { Problem } from '../problem.ts'

/** A route's pattern as a regular expression over raw paths: `:name` is one segment, `*` the rest. */
function patternOf(url: string): RegExp {
  const source = url
    .split(/(:[A-Za-z0-9_]+(?:\([^)]*\))?|\*)/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replaceAll(/[.+^${}()|[\]\\?]/g, '\\$&')
      return part === '*' ? '.*' : '[^/]+'
    })
    .join('')
  return new RegExp(`^${source === '/' ? '/' : source.replace(/\/$/, '')}/?$`)
}

/**
 * Watches which routes are registered. The returned function throws what an unmatched request deserves:
 * AE_METHOD_NOT_ALLOWED with the methods of that address (RFC 9110 15.5.6), or AE_NOT_FOUND.
 */
export function watchRoutes(app: FastifyInstance): (request: FastifyRequest) => MissingRoute {
  const byUrl = new Map<string, { pattern: RegExp; methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const entry = byUrl.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() }
    for (const one of Array.isArray(method) ? method : [method]) entry.methods.add(one.toUpperCase())
    byUrl.set(url, entry)
  })

  return (request) => {
    const [path = '/'] = request.raw.url?.split('?', 1) ?? []
    const methods = new Set<string>()
    for (const entry of byUrl.values()) {
      if (entry.pattern.test(path)) for (const method of entry.methods) methods.add(method)
    }
    // The method itself is among them when a route matched and then found nothing (a file that is not there).
    if (methods.size === 0 || methods.has(request.method)) {
      return {
        problem: new Problem('AE_NOT_FOUND', 'There is nothing here; /docs lists what there is.'),
        allow: undefined,
      }
    }
    const allow = [...methods].sort().join(', ')
    return { problem: new Problem('AE_METHOD_NOT_ALLOWED', `This address answers ${allow}.`), allow }
  }
}

export interface MissingRoute {
  readonly problem: Problem
  /** Value of the `Allow` header when the address exists. */
  readonly allow: string | undefined
}
