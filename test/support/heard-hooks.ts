import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from './child.ts'

export interface Heard {
  readonly path: string
  readonly authorization: string | undefined
  readonly body: Record<string, unknown>
}

/** A server that writes down what it is told in JSON and is content with everything. */
export interface HeardHooks extends AsyncDisposable {
  readonly url: string
  readonly heard: readonly Heard[]
  /** The first that was told to this path and looks so. */
  wait(path: string, looks?: (body: Record<string, unknown>) => boolean): Promise<Heard>
}

export async function startHeardHooks(): Promise<HeardHooks> {
  const heard: Heard[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    heard.push({ path: request.url!, authorization: request.headers.authorization, body: JSON.parse(body) })
    response.end('ok')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    wait: (path, looks = () => true) =>
      eventually(`${path} is told`, () => heard.find((one) => one.path === path && looks(one.body)), 60_000),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
