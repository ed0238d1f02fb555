import { once } from 'node:events'
import { createServer, request } from 'node:http'

/** The media types of the two exposition formats, as a scraper asks for them. */
export const ACCEPT = {
  text: 'text/plain;version=0.0.4',
  openmetrics: 'application/openmetrics-text;version=1.0.0',
} as const

export type Format = keyof typeof ACCEPT

export interface AcceptProxy extends AsyncDisposable {
  /** host:port */
  readonly address: string
  /** Content types that the target answered with, one per request. */
  readonly contentTypes: readonly string[]
}

/**
 * A loopback proxy that asks `target` (host:port) for one format whatever the client wanted: Prometheus itself
 * always prefers OpenMetrics, so this is the only way to see it read text 0.0.4.
 */
export async function startAcceptProxy(target: string, format: Format): Promise<AcceptProxy> {
  const contentTypes: string[] = []
  const server = createServer((incoming, outgoing) => {
    const onward = request(
      `http://${target}${incoming.url ?? '/'}`,
      { method: incoming.method, headers: { ...incoming.headers, host: target, accept: ACCEPT[format] } },
      (answer) => {
        contentTypes.push(answer.headers['content-type'] ?? '')
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.headersSent || outgoing.writeHead(502).end())
    incoming.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    address: `127.0.0.1:${address.port}`,
    contentTypes,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
