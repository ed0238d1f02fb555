import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problem.ts'

/** Requests of these methods change something or carry a query in their body. */
const BODY_METHODS = new Set(['POST', 'PUT', 'PATCH', 'QUERY'])
const DEFAULT_MEDIA_TYPES: readonly string[] = ['application/json']

function hasBody(request: FastifyRequest): boolean {
  const length = request.headers['content-length']
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/**
 * A form or a script of a foreign page can send text/plain, multipart and urlencoded bodies without asking; it
 * cannot send application/json without a preflight. So the type is required even when the body is empty (`DELETE`
 * without a body excepted: no form can send it).
 * @throws Problem AE_UNSUPPORTED_MEDIA_TYPE.
 */
export function checkMediaType(request: FastifyRequest): void {
  const accepted = request.routeOptions.config.mediaTypes ?? DEFAULT_MEDIA_TYPES
  if (accepted === 'none') {
    if (hasBody(request)) throw new Problem('AE_UNSUPPORTED_MEDIA_TYPE', 'This address takes no body.')
    return
  }
  if (!BODY_METHODS.has(request.method) && !hasBody(request)) return
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === undefined || !accepted.includes(type)) {
    throw new Problem('AE_UNSUPPORTED_MEDIA_TYPE', `Send Content-Type: ${accepted.join(' or ')}.`)
  }
}

/**
 * Refuses a body by its announced length before a byte of it is read.
 * @throws Problem AE_PAYLOAD_TOO_LARGE.
 */
export function checkAnnouncedLength(request: FastifyRequest): void {
  const limit = request.routeOptions.bodyLimit
  if (limit !== undefined && Number(request.headers['content-length']) > limit) {
    throw new Problem('AE_PAYLOAD_TOO_LARGE', `The body may have at most ${limit} bytes.`)
  }
}

/**
 * Leaves `application/json` as the only body parser. An empty body is an empty object, so that a call whose fields
 * are all optional needs none.
 */
export function useJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, {})
    else parse(request, body as string, done)
  })
}
