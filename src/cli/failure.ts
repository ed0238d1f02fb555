import { ConfigError } from '../config/issue.ts'
import { TokenError } from '../platform/http/tokens.ts'
import { WebConfigError } from '../platform/http/web-config-section.ts'
import { Problem, type ProblemCode } from '../platform/problem.ts'
import { CliError, EXIT, type ExitCode } from './exit.ts'

/** Problems that the person who started us can mend on the command line or in a file we were given. */
const USAGE_PROBLEMS: ReadonlySet<ProblemCode> = new Set([
  'AE_DATA_DIR',
  'AE_STORE_URL',
  'AE_BAD_TRACE',
  'AE_BAD_RULE_PARAMETER',
])

export interface Failure {
  readonly exitCode: ExitCode
  /** One sentence for whatever a person can cause; the stack only for a mistake of ours. */
  readonly text: string
}

/** How a command ends that threw. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return { exitCode: error.exitCode, text: error.message }
  if (isFileError(error)) {
    return { exitCode: EXIT.usage, text: error.message }
  }
  if (error instanceof Problem) {
    const exitCode = USAGE_PROBLEMS.has(error.code) ? EXIT.usage : EXIT.failure
    return { exitCode, text: `${error.code}: ${error.message}` }
  }
  if (isListenError(error) || isSystemError(error)) {
    return { exitCode: EXIT.failure, text: error.message }
  }
  return { exitCode: EXIT.failure, text: (error as Error | undefined)?.stack ?? String(error) }
}

/** Something in a file that we were given. */
function isFileError(error: unknown): error is Error {
  return error instanceof ConfigError || error instanceof WebConfigError || error instanceof TokenError
}

/** By its name: the class would bring the whole server along to every command. */
function isListenError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ListenError'
}

/** A call that the kernel refused: its message names the call, the path and the reason. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}
