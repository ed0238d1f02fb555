import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AskedCall {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly body: unknown
}

/** An API that answers what a test says. */
export interface FakeApi extends AsyncDisposable {
  readonly url: string
  readonly asked: AskedCall[]
}

export interface FakeAnswer {
  readonly status?: number
  readonly body: unknown
}

/** @param answer undefined: 404 */
export async function startFakeApi(answer: (call: AskedCall) => FakeAnswer | undefined): Promise<FakeApi> {
  const asked: AskedCall[] = []
  const server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const { method = '', url: path = '' } = request
      const call = { method, path, body: text === '' ? undefined : JSON.parse(text) }
      asked.push(call)
      const notFound = { status: 404, body: { code: 'AE_NOT_FOUND', detail: 'There is nothing.' } }
      const { status = 200, body } = answer(call) ?? notFound
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}
