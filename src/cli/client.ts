import { readControlToken } from '../platform/http/control-token.ts'
import { dataDirFrom } from './data-dir.ts'
import { CliError, EXIT } from './exit.ts'

/** Where the daemon is and who we are to it. */
export interface ClientOptions {
  readonly url?: string
  readonly dataDir?: string
}

/** A command must not hang longer than a person waits. */
const TIMEOUT_MS = 5_000
export const DEFAULT_URL = 'http://127.0.0.1:10780'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * One GET of the daemon's API with the control token, if this user may read it.
 * @throws CliError `unreachable` when nobody answers.
 */
export async function get(path: string, options: ClientOptions): Promise<Answer> {
  const url = options.url ?? process.env['AGENT_EXPORTER_URL'] ?? DEFAULT_URL
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new CliError(EXIT.usage, `${url} is not an address like ${DEFAULT_URL}.`)
  const token = readToken(options)
  let response: Response
  try {
    response = await fetch(new URL(path, url), {
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
    throw new CliError(
      EXIT.unreachable,
      `No agent-exporter answers at ${url} (${cause?.code ?? cause?.message ?? (error as Error).message}).`,
    )
  }
  const text = await response.text()
  try {
    return { status: response.status, body: JSON.parse(text) }
  } catch {
    return { status: response.status, body: text }
  }
}

/** The same, but anything but a 2xx ends the command with the problem's own words. */
export async function getOk(path: string, options: ClientOptions): Promise<unknown> {
  const { status, body } = await get(path, options)
  if (status >= 200 && status < 300) return body
  const problem = body as { code?: string; detail?: string; title?: string }
  const text = `The daemon answered ${status}${problem.code === undefined ? '' : ` ${problem.code}`}: ${problem.detail ?? problem.title ?? ''}`
  throw new CliError(status === 404 ? EXIT.notFound : EXIT.failure, text)
}

function readToken(options: ClientOptions): string | undefined {
  if (process.env['AGENT_EXPORTER_TOKEN']) return process.env['AGENT_EXPORTER_TOKEN']
  try {
    return readControlToken(dataDirFrom(options.dataDir))
  } catch {
    return undefined // Another user's daemon: what anonymous callers may read is still answered.
  }
}
