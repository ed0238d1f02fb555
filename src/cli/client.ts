import type { Command } from 'commander'
import { dataDirFrom } from './data-dir.ts'
import { CliError, EXIT } from './exit.ts'
import { foundToken } from './found-token.ts'
import { cellText } from './width.ts'

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

/** One call of the API. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** For calls that wait for something. */
  readonly timeoutMs?: number
}

/** Where the daemon is, from the options of a command and of the program. */
export function clientOptions(program: Command, { url }: ClientOptions): ClientOptions {
  const dataDir = program.opts<{ 'data.dir'?: string }>()['data.dir']
  return { ...(url === undefined ? {} : { url }), ...(dataDir === undefined ? {} : { dataDir }) }
}

/**
 * One call of the daemon's API with the control token, if this user may read it.
 * @throws CliError `unreachable` when nobody answers.
 */
async function send(call: Call, options: ClientOptions): Promise<Answer> {
  const url = options.url ?? process.env['AGENT_EXPORTER_URL'] ?? DEFAULT_URL
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new CliError(EXIT.usage, `${url} is not an address like ${DEFAULT_URL}.`)
  const given = process.env['AGENT_EXPORTER_TOKEN'] || undefined
  const found = given === undefined ? foundToken(dataDirFrom(options.dataDir), url) : undefined
  const answer = await ask(call, url, given ?? found)
  // The token that lies here is perhaps another daemon's: what everybody may read is answered without one.
  return answer.status === 401 && found !== undefined && call.method === 'GET'
    ? ask(call, url, undefined)
    : answer
}

async function ask(call: Call, url: string, token: string | undefined): Promise<Answer> {
  let response: Response
  let text: string
  try {
    response = await fetch(new URL(call.path, url), {
      method: call.method,
      headers: {
        accept: 'application/json',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(call.timeoutMs ?? TIMEOUT_MS),
    })
    text = await response.text()
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
    throw new CliError(
      EXIT.unreachable,
      `No agent-exporter answers at ${url} (${cause?.code ?? cause?.message ?? (error as Error).message}).`,
    )
  }
  try {
    return { status: response.status, body: JSON.parse(text) }
  } catch {
    return { status: response.status, body: text }
  }
}

/** One GET, whatever is answered. */
export function get(path: string, options: ClientOptions): Promise<Answer> {
  return send({ method: 'GET', path }, options)
}

/** Anything but a 2xx ends the command with the problem's own words, and so does what no daemon answers. */
export async function sendOk(call: Call, options: ClientOptions): Promise<unknown> {
  const { status, body } = await send(call, options)
  const isObject = typeof body === 'object' && body !== null
  if (status >= 200 && status < 300) {
    if (isObject) return body
    throw new CliError(EXIT.failure, 'What answers there is no agent-exporter.')
  }
  const text = problemText(status, isObject ? (body as Readonly<Record<string, unknown>>) : {})
  throw new CliError(status === 404 ? EXIT.notFound : EXIT.failure, cellText(text, 1_024))
}

/** A proxy in between answers what it likes. */
function problemText(status: number, { code, detail, title }: Readonly<Record<string, unknown>>): string {
  const what = typeof code === 'string' ? ` ${code}` : ''
  const why = [detail, title].find((text) => typeof text === 'string' && text !== '')
  return `The daemon answered ${status}${what}${why === undefined ? '.' : `: ${why}`}`
}

export function getOk(path: string, options: ClientOptions): Promise<unknown> {
  return sendOk({ method: 'GET', path }, options)
}
