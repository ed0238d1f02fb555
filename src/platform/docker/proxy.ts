import { lstatSync, unlinkSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { isAllowed } from './allow-list.ts'

/** Stands before the socket of an engine and hands on what the exporter may ask for, nothing else. */
export interface AllowListProxy {
  /** Begins to listen on a socket that every user of this file system may open: the folder says who reaches it. */
  listen(socketPath: string): Promise<void>
  close(): Promise<void>
}

export interface AllowListProxyOptions {
  /** Socket of the engine. */
  readonly enginePath: string
  /** Told of every request that is not handed on. */
  readonly refused: (method: string, target: string) => void
}

/** Six limits of a container are far below this. */
const LONGEST_BODY = 64 * 1024
/** What the engine needs to know of a request; everything else of it stays here. */
const JSON_TYPE = 'application/json'

class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * The list is that of the exporter's own client (`allow-list.ts`), and `_ping` for whoever looks whether the engine is
 * there. A body is read, checked and written anew: the engine sees what was checked, whatever a second reader would
 * have made of doubled keys or letter case.
 */
export function createAllowListProxy({ enginePath, refused }: AllowListProxyOptions): AllowListProxy {
  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '' } = incoming
    const body = await jsonBody(incoming)
    const isPing = method === 'GET' && url === '/_ping'
    if (!isPing && !isAllowed({ method, target: url, body: Object.keys(body ?? {}) })) {
      refused(method, url)
      throw new Refused(403, 'not on the allow-list of agent-exporter')
    }
    handOn(method, url, body, outgoing)
  }

  function handOn(method: string, path: string, body: object | undefined, outgoing: ServerResponse): void {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      host: 'docker',
      ...(text !== undefined && { 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(text) }),
    }
    const onward = request({ socketPath: enginePath, method, path, headers }, (engine) => {
      outgoing.writeHead(engine.statusCode ?? 502, {
        'content-type': engine.headers['content-type'] ?? JSON_TYPE,
      })
      // The stream of events begins long before its first event.
      outgoing.flushHeaders()
      engine.on('error', () => outgoing.destroy()).pipe(outgoing)
    })
    onward.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.headersSent) outgoing.destroy()
      else say(outgoing, 502, `the engine cannot be reached (${error.code})`)
    })
    // Whoever has gone needs no answer: a stream of events would be open for ever.
    outgoing.on('close', () => onward.destroy())
    onward.end(text)
  }

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      if (error instanceof Refused) say(outgoing, error.status, error.message)
      else outgoing.destroy()
    })
  })

  return {
    listen(path) {
      removeStale(path)
      return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ path, readableAll: true, writableAll: true }, () => resolve())
      })
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A socket that a killed one left behind. Nothing else is ever removed. */
function removeStale(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function jsonBody(incoming: IncomingMessage): Promise<object | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of incoming as AsyncIterable<Buffer>) {
    size += part.length
    if (size > LONGEST_BODY) throw new Refused(413, 'the body is too long')
    parts.push(part)
  }
  if (size === 0) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below.
  }
  throw new Refused(400, 'the body is no JSON object')
}

/** Errors look as the engine's own do. */
function say(outgoing: ServerResponse, status: number, message: string): void {
  outgoing.writeHead(status, { 'content-type': JSON_TYPE }).end(JSON.stringify({ message }))
}
