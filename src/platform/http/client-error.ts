import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Problem, type ProblemCode } from '../problem.ts'
import { STATUS_CODES } from './node-http.ts'
import { PROBLEM_TYPE } from './problem-handler.ts'

/** Errors of Node's HTTP parser, before there is a request: `HPE_*` codes of llhttp and Node's own. */
const BY_CODE: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: ['AE_HEADERS_TOO_LARGE', 'The header is larger than 16 KiB.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['AE_PAYLOAD_TOO_LARGE', 'The chunk extensions are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['AE_REQUEST_TIMEOUT', 'The request did not arrive in time.'],
}

/** The peer is gone: there is nobody to answer and nothing to count. */
const GONE = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED'])

/**
 * Answers what never became a request (malformed HTTP, oversized header, a header that trickles in) with a problem
 * and closes the connection. `responseOf` gives the answer that is under way on that socket, if any: writing into
 * it would only corrupt it.
 */
export function createClientErrorHandler(
  onProblem: (code: ProblemCode) => void,
  responseOf: (socket: Socket) => ServerResponse | undefined,
) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    const response = responseOf(socket)
    if (GONE.has(error.code ?? '') || !socket.writable || response?.headersSent === true) {
      socket.destroy()
      return
    }
    const known = BY_CODE[error.code ?? ''] ?? (['AE_BAD_REQUEST', 'This is not valid HTTP.'] as const)
    const problem = new Problem(...known)
    onProblem(problem.code)
    const body = JSON.stringify(problem.toDocument())
    socket.end(
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
        `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
        `X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    )
  }
}
