/**
 * Every error this product answers, in one table: code, HTTP status, title.
 * RFC 9457: the title is the same for every occurrence, the detail is about this one.
 */
export const PROBLEMS = {
  AE_BAD_REQUEST: { status: 400, title: 'The request is malformed' },
  AE_BAD_TRACE: { status: 400, title: 'The recorded trace is malformed' },
  AE_BAD_RULE_PARAMETER: { status: 400, title: 'A parameter of the rules is not valid' },
  AE_BAD_COLLECTOR: { status: 400, title: 'The collector selection is not valid' },
  AE_UNAUTHENTICATED: { status: 401, title: 'Credentials are missing or not valid' },
  AE_SESSION_ENDED: { status: 401, title: 'The session of the control page has ended' },
  AE_FORBIDDEN: { status: 403, title: 'The credentials do not cover this request' },
  AE_FOREIGN_ORIGIN: { status: 403, title: 'The Origin of this request is not allowed' },
  AE_LINK_SPENT: { status: 403, title: 'The link was used, has expired or was never made' },
  AE_PROOF_MISSING: { status: 403, title: 'The session did not show that it may act' },
  AE_NOT_FOUND: { status: 404, title: 'There is nothing at this address' },
  AE_AGENT_NOT_FOUND: { status: 404, title: 'No such agent' },
  AE_ACTION_NOT_FOUND: { status: 404, title: 'No such action' },
  AE_METHOD_NOT_ALLOWED: { status: 405, title: 'This address does not answer that method' },
  AE_IDEMPOTENCY_IN_PROGRESS: { status: 409, title: 'The same request is still being answered' },
  AE_AGENT_CONFLICT: { status: 409, title: 'Another live incarnation has this agent id' },
  AE_SOURCE_CONFLICT: { status: 409, title: 'Another source already reports this quantity' },
  AE_AGENT_ENDED: { status: 409, title: 'The agent has ended' },
  AE_NOT_RELEASED: { status: 409, title: 'What was stopped could not be continued' },
  AE_FILE_EXISTS: { status: 409, title: 'A file would be overwritten that somebody else wrote or changed' },
  AE_NOT_PENDING: { status: 409, title: 'The action does not wait for approval' },
  AE_RUNTIME_GONE: { status: 409, title: 'The process or container does not exist' },
  AE_REQUEST_TIMEOUT: { status: 408, title: 'The request did not arrive in time' },
  AE_PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large' },
  AE_URI_TOO_LONG: { status: 414, title: 'A part of the address is too long' },
  AE_UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body must be application/json' },
  AE_MISDIRECTED: { status: 421, title: 'The Host of this request is not served here' },
  AE_INVALID: { status: 422, title: 'The request does not fit the schema' },
  AE_IDEMPOTENCY_MISMATCH: { status: 422, title: 'The Idempotency-Key was used for another request' },
  AE_TOO_MANY_AGENTS: { status: 429, title: 'Too many agents registered by this user' },
  AE_TOO_MANY_WAITERS: { status: 429, title: 'Too many callers wait for this agent' },
  AE_TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests at the same time' },
  AE_HEADERS_TOO_LARGE: { status: 431, title: 'The header of this request is too large' },
  AE_INTERNAL: { status: 500, title: 'The exporter failed to answer' },
  AE_TOO_MANY_SCRAPES: { status: 503, title: 'Too many scrapes at the same time' },
  AE_NOT_READY: { status: 503, title: 'The exporter is still starting or already stopping' },
  AE_DATA_DIR: { status: 500, title: 'The data directory cannot be used' },
  AE_STORE_URL: { status: 500, title: 'The address of the store is not valid' },
  AE_STORE_UNAVAILABLE: { status: 503, title: 'The store cannot be written' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** One place in the input that is wrong. `path` is a JSON pointer into the part of the request named by `in`. */
export interface ProblemField {
  readonly in?: 'body' | 'query' | 'path' | 'headers'
  readonly path: string
  readonly message: string
}

/** RFC 9457 body of an answer. `type` is relative: the documentation travels with the binary. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly errors?: readonly ProblemField[]
  readonly requestId?: string
}

/** An error with a code of the table. `detail` is for people and never carries secrets or user text. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly errors: readonly ProblemField[] | undefined

  constructor(code: ProblemCode, detail: string, errors?: readonly ProblemField[]) {
    super(detail)
    this.code = code
    this.errors = errors
  }

  get status(): number {
    return PROBLEMS[this.code].status
  }
  /** What a client sees. `requestId` finds the line in the log. */
  toDocument(requestId?: string): ProblemDocument {
    const { status, title } = PROBLEMS[this.code]
    return {
      type: `/docs/errors#${this.code}`,
      title,
      status,
      detail: this.message,
      code: this.code,
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      ...(requestId === undefined ? {} : { requestId }),
    }
  }
}
