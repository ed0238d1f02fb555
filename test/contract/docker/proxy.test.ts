import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AllowListProxy, createAllowListProxy } from '../../../src/platform/docker/proxy.ts'
import { temporaryFolder } from '../../support/folder.ts'

const ID = 'ab'.repeat(32)

interface Heard {
  readonly called: string
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

describe('the proxy before the engine', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let engine: Server
  let proxy: AllowListProxy
  let heard: Heard[]
  let refused: string[]
  let socketPath: string

  beforeEach(async () => {
    folder = temporaryFolder('allow-list-proxy-')
    heard = []
    refused = []
    socketPath = join(folder.path, 'proxy.sock')
    const enginePath = join(folder.path, 'engine.sock')
    engine = createServer(async (incoming, outgoing) => {
      let body = ''
      for await (const part of incoming) body += String(part)
      heard.push({ called: `${incoming.method} ${incoming.url}`, body, headers: incoming.headers })
      if (incoming.url?.startsWith('/events')) {
        outgoing.writeHead(200, { 'content-type': 'application/json' }).write('{"Action":"start"}\n')
        return
      }
      outgoing.writeHead(incoming.method === 'GET' ? 200 : 204).end(incoming.method === 'GET' ? '[]' : '')
    }).listen(enginePath)
    await once(engine, 'listening')
    proxy = createAllowListProxy({
      enginePath,
      refused: (method, target) => void refused.push(`${method} ${target}`),
    })
    await proxy.listen(socketPath)
  })
  afterEach(async () => {
    await proxy.close()
    engine.closeAllConnections()
    engine.close()
    folder[Symbol.dispose]()
  })

  async function ask(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    const sent = request({ socketPath, method, path, headers: { 'x-registry-auth': 'secret' } }).end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    let text = ''
    for await (const part of answer) text += String(part)
    return { status: answer.statusCode ?? 0, text }
  }

  it('hands on what is on the list, and no header of the caller', async () => {
    expect(await ask('GET', '/containers/json?all=true')).toEqual({ status: 200, text: '[]' })
    expect((await ask('GET', '/_ping')).status).toBe(200)
    expect((await ask('POST', `/containers/${ID}/pause`, '{}')).status).toBe(204)
    expect(heard.map(({ called }) => called)).toEqual([
      'GET /containers/json?all=true',
      'GET /_ping',
      `POST /containers/${ID}/pause`,
    ])
    expect(heard.flatMap(({ headers }) => Object.keys(headers))).not.toContain('x-registry-auth')
    expect(refused).toEqual([])
  })

  it.each([
    ['POST', '/containers/create', '{"Image":"busybox"}'],
    ['POST', `/containers/${ID}/exec`, '{"Cmd":["sh"]}'],
    ['POST', `/containers/${ID}/update`, '{"Memory":1,"RestartPolicy":{"Name":"always"}}'],
    // The engine would take it for Memory.
    ['POST', `/containers/${ID}/update`, '{"memory":1}'],
    ['POST', '/containers/coder/pause', undefined],
    ['GET', `/containers/${ID}/archive?path=/etc`, undefined],
    ['GET', `/containers/${ID}/../../info`, undefined],
    ['GET', `/v1.41/containers/json`, undefined],
    ['DELETE', `/containers/${ID}`, undefined],
    ['HEAD', '/_ping', undefined],
  ])('refuses %s %s', async (method, path, body) => {
    expect((await ask(method, path, body)).status).toBe(403)
    expect(refused).toEqual([`${method} ${path}`])
    expect(heard).toEqual([])
  })

  it('writes a body anew: the engine reads what was checked', async () => {
    const doubled = '{"Memory": 1, "Memory": 2, "NanoCpus": 3}'
    expect((await ask('POST', `/containers/${ID}/update`, doubled)).status).toBe(204)
    expect(heard[0]?.body).toBe('{"Memory":2,"NanoCpus":3}')
  })

  it.each([
    ['[]', 400],
    ['Memory=1', 400],
    [`{"Memory":${' '.repeat(70_000)}1}`, 413],
  ])('answers a body that is no object, or too long', async (body, status) => {
    expect((await ask('POST', `/containers/${ID}/update`, body)).status).toBe(status)
    expect(heard).toEqual([])
  })

  it('lets events through as they come, and ends the stream of who has gone', async () => {
    const ended = new Promise((resolve) => {
      engine.once('request', (incoming: IncomingMessage) => incoming.socket.once('close', resolve))
    })
    const sent = request({ socketPath, path: '/events?filters=%7B%7D' }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    const [first] = (await once(answer, 'data')) as [Buffer]
    expect(String(first)).toBe('{"Action":"start"}\n')
    sent.destroy()
    await ended
  })

  it('says 502 when the engine is not there', async () => {
    engine.closeAllConnections()
    await new Promise((resolve) => engine.close(resolve))
    expect(await ask('GET', '/version')).toMatchObject({ status: 502 })
  })

  it('takes over the socket that one before it left behind', async () => {
    await proxy.close()
    const stale = createServer().listen(socketPath)
    await once(stale, 'listening')
    await proxy.listen(socketPath)
    expect((await ask('GET', '/_ping')).status).toBe(200)
    stale.close()
  })
})
