import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { temporaryFolder } from './folder.ts'

/** Stands between a client and an engine, writes down what is asked, and can keep answers or requests back. */
export interface EngineProxy extends AsyncDisposable {
  readonly socketPath: string
  /** `POST /containers/<id>/pause`, in order; every POST that reached the proxy, with its query. */
  readonly posts: string[]
  /** Those of them that the engine could not do (500). */
  readonly refused: string[]
  /**
   * Requests whose `METHOD path` matches get no answer: `request` are never handed on, of `answer` the engine does
   * what it was asked to. `missing` are answered with 404. Undefined: nothing is kept back.
   */
  holdBack: { readonly what: 'request' | 'answer' | 'missing'; readonly matching: RegExp } | undefined
  /** Requests that the engine has been handed and has not answered. */
  underWay(): number
  /** Called with every POST before it is handed on, which waits for it. */
  before: ((post: string) => Promise<void>) | undefined
}

export async function startEngineProxy(engineSocket: string): Promise<EngineProxy> {
  const folder = temporaryFolder('engine-proxy-')
  const socketPath = join(folder.path, 'docker.sock')
  const underWay = new Set<IncomingMessage>()
  const server = createServer(async (incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const called = `${method} ${url}`
    if (method === 'POST') {
      proxy.posts.push(called)
      await proxy.before?.(called)
    }
    const { holdBack } = proxy
    const held = holdBack?.matching.test(called) === true ? holdBack.what : undefined
    if (held === 'request') return
    if (held === 'missing') {
      outgoing.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"no such image"}')
      return
    }
    underWay.add(incoming)
    const onward = request({ socketPath: engineSocket, method, path: url, headers }, (answer) => {
      underWay.delete(incoming)
      if (method === 'POST' && answer.statusCode === 500) proxy.refused.push(called)
      if (held === 'answer') {
        answer.resume()
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      // The stream of events begins long before its first event.
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    onward.on('error', () => {
      underWay.delete(incoming)
      outgoing.destroy()
    })
    incoming.pipe(onward)
  })
  server.listen(socketPath)
  await once(server, 'listening')
  const proxy: EngineProxy = {
    socketPath,
    posts: [],
    refused: [],
    holdBack: undefined,
    underWay: () => underWay.size,
    before: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      folder[Symbol.dispose]()
    },
  }
  return proxy
}
