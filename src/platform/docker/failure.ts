/** Why a call to the engine gave nothing. `not_found` is an answer, the others say something about the engine. */
export type DockerFailureKind = 'absent' | 'denied' | 'no_answer' | 'not_found' | 'refused' | 'failed'

export class DockerFailure extends Error {
  override readonly name = 'DockerFailure'
  readonly kind: DockerFailureKind

  constructor(kind: DockerFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Sorts an error of the HTTP client; `where` is the socket or address for the text. */
export function toFailure(error: unknown, where: string): DockerFailure {
  if (error instanceof DockerFailure) return error
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string }
  if (statusCode === 404) return new DockerFailure('not_found', 'no such object')
  if (statusCode !== undefined) return new DockerFailure('failed', `${where} answered ${statusCode}`)
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
