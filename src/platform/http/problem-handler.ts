import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import type { Log } from '../log.ts'
import { PROBLEMS, Problem, type ProblemCode, type ProblemField } from '../problem.ts'
import { PAGE_POLICY } from './html.ts'
import { renderProblemPage, renderSignInPage } from './session-pages.ts'

const HTML = 'text/html; charset=utf-8'
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** How long the rest of a refused body is read and thrown away so that the client sees the answer. */
const LINGER_MS = 500
const MAX_FIELDS = 20

/** Fastify's own errors that a client can cause; everything else it throws is our mistake. */
const BY_FASTIFY_CODE: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['AE_UNSUPPORTED_MEDIA_TYPE', 'Send Content-Type: application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['AE_PAYLOAD_TOO_LARGE', 'The body is larger than this address takes.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['AE_BAD_REQUEST', 'The body is not valid JSON.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['AE_BAD_REQUEST', 'The body is empty.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['AE_BAD_REQUEST', 'The body does not have the announced length.'],
  FST_ERR_BAD_URL: ['AE_BAD_REQUEST', 'The address is not a valid URL path.'],
  FST_ERR_INVALID_URL: ['AE_BAD_REQUEST', 'The address is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: ['AE_URI_TOO_LONG', 'A part of the path is too long.'],
  FST_ERR_NOT_FOUND: ['AE_NOT_FOUND', 'There is nothing here.'],
}

/** For errors of plugins that carry only a status. */
const BY_STATUS: ReadonlyMap<number, ProblemCode> = new Map([
  [400, 'AE_BAD_REQUEST'],
  // From the file server: a path that leads out of its folder.
  [403, 'AE_NOT_FOUND'],
  [404, 'AE_NOT_FOUND'],
  [405, 'AE_METHOD_NOT_ALLOWED'],
  [413, 'AE_PAYLOAD_TOO_LARGE'],
  [414, 'AE_URI_TOO_LONG'],
  [415, 'AE_UNSUPPORTED_MEDIA_TYPE'],
  [422, 'AE_INVALID'],
  [429, 'AE_TOO_MANY_REQUESTS'],
])

const PARTS = { body: 'body', querystring: 'query', params: 'path', headers: 'headers' } as const

/** Keys of maps are the sender's text: a part of the pointer that is not a plain name is not repeated. */
function safePointer(pointer: string): string {
  return pointer
    .split('/')
    .map((part) => (/^[A-Za-z0-9_.:@-]{0,64}$/.test(part) ? part : '?'))
    .join('/')
}

function fieldOf(error: FastifySchemaValidationError, part: ProblemField['in']): ProblemField {
  const { keyword, instancePath, message = 'is not valid' } = error
  const known = (error as { parentSchema?: { properties?: object } }).parentSchema?.properties
  const text =
    keyword === 'additionalProperties' && known !== undefined
      ? `has an unknown key; known keys: ${Object.keys(known).join(', ')}`
      : message
  return { ...(part === undefined ? {} : { in: part }), path: safePointer(instancePath), message: text }
}

/** The problem a client should see for anything that was thrown. Never repeats what the client sent. */
function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { validation, validationContext, code, statusCode, name } = error as Partial<FastifyError>
  if (validation !== undefined) {
    const part = validationContext === undefined ? undefined : PARTS[validationContext as keyof typeof PARTS]
    const fields = validation.slice(0, MAX_FIELDS).map((field) => fieldOf(field, part))
    const place = part === undefined ? 'request' : part === 'path' ? 'path of the request' : part
    return new Problem('AE_INVALID', `The ${place} does not fit the schema.`, fields)
  }
  const known = code === undefined ? undefined : BY_FASTIFY_CODE[code]
  if (known !== undefined) return new Problem(...known)
  // What the JSON parser throws is a SyntaxError with a status.
  if (name === 'SyntaxError' && statusCode === 400)
    return new Problem('AE_BAD_REQUEST', 'The body is not valid JSON.')
  const byStatus = statusCode === undefined ? undefined : BY_STATUS.get(statusCode)
  if (byStatus !== undefined) return new Problem(byStatus, `${PROBLEMS[byStatus].title}.`)
  return new Problem('AE_INTERNAL', 'Something failed here; the log has more under the id of this request.')
}

/**
 * Closing a socket with unread data resets it, and the client loses our answer. So the rest of a refused body is
 * read and dropped for a moment; a client that goes on after that is cut.
 */
function linger(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request
  if (raw.complete) return
  reply.removeHeader('connection')
  raw.resume()
  const timer = setTimeout(() => {
    if (!raw.complete) raw.destroy()
  }, LINGER_MS)
  timer.unref()
}

/** Answers errors as `application/problem+json` and counts them by code. */
export function createProblemHandler(onProblem: (code: ProblemCode) => void, log: Log) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = toProblem(error)
    onProblem(problem.code)
    if (problem.code === 'AE_INTERNAL') {
      const { method, routeOptions, id } = request
      const cause = error instanceof Error ? (error.stack ?? error.message) : String(error)
      log.error('request failed', { requestId: id, method, route: routeOptions.url, error: cause })
    }
    linger(request, reply)
    reply.code(problem.status)
    if (request.routeOptions?.config?.format === 'page') {
      void reply
        .type(HTML)
        .header('content-security-policy', PAGE_POLICY)
        .send(
          problem.status === 401
            ? renderSignInPage()
            : renderProblemPage(problem, PROBLEMS[problem.code].title),
        )
      return
    }
    void reply
      .type(PROBLEM_TYPE)
      .header('x-request-id', request.id)
      // The route's response schema does not describe errors.
      .serializer((document: unknown) => JSON.stringify(document))
      .send(problem.toDocument(request.id))
  }
}
