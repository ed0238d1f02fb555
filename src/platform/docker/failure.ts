import { cleanText } from '../text.ts'

/** Why a call to the engine gave nothing. `not_found` and `answered` (an error) are answers. */
export type DockerFailureKind =
  | 'absent'
  | 'denied'
  | 'no_answer'
  | 'not_found'
  | 'refused'
  | 'answered'
  | 'failed'

export class DockerFailure extends Error {
  override readonly name = 'DockerFailure'
  readonly kind: DockerFailureKind

  constructor(kind: DockerFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

interface Answered {
  readonly code?: string
  readonly statusCode?: number
  readonly message?: string
  /** The body; an engine says there what is wrong. */
  readonly json?: { readonly message?: unknown }
}

/**
 * What engines say of a container that is already as it shall be: 304, 409, and Engine 20.10 even 500 for an unpause.
 * Names of containers have no spaces, so none can speak these words.
 */
const IT_IS_SO = /is already paused|is not paused|is not running|already stopped/

export function saysItIsSo(error: unknown): boolean {
  const { statusCode, json } = error as Answered
  if (statusCode === 304) return true
  return (statusCode === 409 || statusCode === 500) && IT_IS_SO.test(String(json?.message ?? ''))
}

function answerOf({ statusCode, json }: Answered): string {
  const said = typeof json?.message === 'string' ? `: ${cleanText(json.message)}` : ''
  return `answered ${statusCode}${said}`
}

/** Sorts an error of the HTTP client; `where` is the socket or address for the text. */
export function toFailure(error: unknown, where: string): DockerFailure {
  if (error instanceof DockerFailure) return error
  const { code, statusCode, message } = error as Answered
  if (statusCode === 404) return new DockerFailure('not_found', 'no such object')
  if (statusCode !== undefined)
    return new DockerFailure('answered', `${where} ${answerOf(error as Answered)}`)
  switch (code) {
    case 'ENOENT':
      return new DockerFailure('absent', `${where} does not exist`)
    case 'EACCES':
    case 'EPERM':
      return new DockerFailure(
        'denied',
        `no permission to open ${where}: run as root or as a member of the group that owns it`,
      )
    case 'ECONNREFUSED':
      return new DockerFailure('refused', `nobody listens on ${where}`)
    default:
      return new DockerFailure('failed', `${where}: ${code ?? message ?? 'the call failed'}`)
  }
}
