import type { IncomingMessage } from 'node:http'

/** What the daemon said, or that nobody answered. */
export interface LinkAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface LinkRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  readonly idempotencyKey?: string
}

/** The way to the daemon. Never throws. */
export interface DaemonLink {
  /** `undefined`: nobody answered, or not in time. */
  ask(request: LinkRequest): Promise<LinkAnswer | undefined>
}

export interface DaemonLinkOptions {
  readonly url: string
  /** Asked for every request: the token file appears with the daemon's first start. */
  readonly bearer: () => string | undefined
}

/** The daemon answers in milliseconds; one that hangs is treated like one that is down. */
const TIMEOUT_MS = 5_000
/** An answer about one agent has a few kilobytes. */
const LONGEST_ANSWER = 1024 * 1024

/**
 * Speaks HTTP over `node:http`, loaded at the first request: `fetch` takes 30 ms to load, which every short command
 * would pay.
 */
export function createDaemonLink({ url, bearer }: DaemonLinkOptions): DaemonLink {
  async function open({ method, path, body, idempotencyKey }: LinkRequest): Promise<IncomingMessage> {
    const target = new URL(path, url)
    const { request } = await (target.protocol === 'https:' ? import('node:https') : import('node:http'))
    const token = bearer()
    const payload = body === undefined ? undefined : JSON.stringify(body)
    return await new Promise((resolve, reject) => {
      const sent = request(target, {
        method,
        agent: false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        },
      })
      sent.once('response', resolve)
      sent.on('error', reject)
      sent.end(payload)
    })
  }

  return {
    async ask(request) {
      try {
        const response = await open(request)
        return { status: response.statusCode ?? 0, body: await readBody(response) }
      } catch {
        return undefined
      }
    },
  }
}

async function readBody(response: IncomingMessage): Promise<LinkAnswer['body']> {
  let text = ''
  response.setEncoding('utf8')
  for await (const piece of response) {
    text += piece as string
    if (text.length > LONGEST_ANSWER) break
  }
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as LinkAnswer['body']) : {}
  } catch {
    return {}
  }
}
