import { execFile } from 'node:child_process'
import { request as httpRequest } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { type TestServer, testServer } from '../../unit/platform/http/support.ts'
import { portOf, sendRaw } from './support.ts'

const gates = new Map<string, () => void>()

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/hello', { config: { scope: 'read' } }, async () => ({ hello: 'world' }))
  app.get('/uid', { config: { scope: 'read' } }, async ({ caller }) => ({
    uid: await caller.peerUid(),
    loopback: caller.loopback,
  }))
  app.post('/echo', { config: { scope: 'ingest' } }, async (request) => ({
    length: JSON.stringify(request.body).length,
  }))
  app.post('/big', { config: { scope: 'ingest' }, bodyLimit: 16 * 1024 * 1024 }, async () => ({}))
  app.get('/wait', { config: { scope: 'read' } }, async () => {
    await new Promise<void>((resolve) => gates.set('wait', resolve))
    return { waited: true }
  })
  app.get('/stream', { config: { scope: 'read' } }, (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.raw.write(': here\n\n')
    app.draining.addEventListener('abort', () => reply.raw.end(), { once: true })
  })
}

const servers: TestServer[] = []
async function start(
  options: Parameters<typeof testServer>[1] = {},
): Promise<{ server: TestServer; port: number; url: string }> {
  const server = await testServer(routes, { clock: systemClock, ...options })
  servers.push(server)
  const [url = ''] = await server.listen()
  return { server, url, port: url.startsWith('unix') ? 0 : portOf(url) }
}
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const HEAD = 'Host: localhost\r\nContent-Type: application/json\r\n'

describe('listening', () => {
  it('serves several addresses at once', async () => {
    const server = await testServer(routes, { listen: ['127.0.0.1:0', '[::1]:0', ':0'] })
    servers.push(server)
    const urls = await server.listen()
    expect(urls.length).toBe(3)
    expect(urls[1]).toMatch(/^http:\/\/\[::1\]:\d+$/)
    const ports = urls.map(portOf)
    expect((await fetch(`http://127.0.0.1:${ports[0]}/hello`)).status).toBe(200)
    expect((await fetch(`http://[::1]:${ports[1]}/hello`)).status).toBe(200)
    // A dual-stack socket sees this peer as ::ffff:127.0.0.1: still this host.
    expect(await (await fetch(`http://127.0.0.1:${ports[2]}/uid`)).json()).toMatchObject({ loopback: true })
  })

  it('says in one sentence that the port is taken, and leaves no other address open', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => blocker.once('listening', resolve))
    const taken = (blocker.address() as { port: number }).port
    const free = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => free.once('listening', resolve))
    const other = (free.address() as { port: number }).port
    await new Promise((resolve) => free.close(resolve))
    const server = await testServer(routes, { listen: [`127.0.0.1:${other}`, `127.0.0.1:${taken}`] })
    servers.push(server)
    await expect(server.listen()).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${taken}: another program listens there already.`,
    )
    await expect(fetch(`http://127.0.0.1:${other}/hello`)).rejects.toThrow()
    await new Promise((resolve) => blocker.close(resolve))
  })

  it('serves a unix socket, whose peers are not taken for anonymous callers of this host', async () => {
    using folder = temporaryFolder()
    const socketPath = join(folder.path, 'http.sock')
    await start({ listen: [`unix:${socketPath}`] })
    const status = (path: string) =>
      new Promise((resolve, reject) => {
        const sent = httpRequest({ socketPath, path, headers: { host: 'localhost' } }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        sent.on('error', reject)
        sent.end()
      })
    expect([await status('/-/healthy'), await status('/hello')]).toEqual([200, 401])
  })
})

describe('who connects', () => {
  it('is known by its uid from the kernel', async () => {
    const { url } = await start()
    expect(await (await fetch(`${url}/uid`)).json()).toEqual({ uid: process.getuid?.(), loopback: true })
  })
})

describe('who connects from another account', () => {
  // Only root can start a process of another user; elsewhere this shows up as skipped.
  it.runIf(process.getuid?.() === 0)('is known by that uid (needs root)', async () => {
    const { url } = await start()
    const script = `fetch('${url}/uid').then((r) => r.text()).then((t) => process.stdout.write(t))`
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
    })
    expect(JSON.parse(stdout)).toEqual({ uid: 65_534, loopback: true })
  })
})

describe('bodies', () => {
  it.each(['announced', 'chunked'])(
    'of 100 MB are refused early and the client sees why (%s)',
    async (kind) => {
      const { port, server } = await start()
      const before = process.memoryUsage().rss
      const size = 100 * 1024 * 1024
      const length = kind === 'announced' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked'
      const block = Buffer.alloc(256 * 1024, 0x20)
      const chunk =
        kind === 'announced' ? block : Buffer.concat([Buffer.from('40000\r\n'), block, Buffer.from('\r\n')])
      let left = size / block.length
      const answer = await sendRaw(port, `POST /echo HTTP/1.1\r\n${HEAD}${length}\r\n\r\n`, (socket) => {
        const pump = (): void => {
          while (left > 0 && !socket.destroyed) {
            left -= 1
            if (!socket.write(chunk)) return void socket.once('drain', pump)
          }
        }
        pump()
      })
      expect(answer.status).toBe(413)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'AE_PAYLOAD_TOO_LARGE' })
      expect(server.counted).toEqual(['AE_PAYLOAD_TOO_LARGE'])
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    },
  )

  it('are not asked for when they would be refused (Expect: 100-continue)', async () => {
    const { port } = await start()
    const ask = (path: string, length: number) =>
      sendRaw(
        port,
        `POST ${path} HTTP/1.1\r\n${HEAD}Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`,
        (socket) => {
          socket.once('data', (first) => {
            if (first.toString().startsWith('HTTP/1.1 100')) socket.write('{"a":"b"}'.padEnd(length))
          })
        },
      )
    expect((await ask('/echo', 2 ** 21)).status).toBe(413)
    expect((await ask('/echo', 20)).status).toBe(200)
  })

  it('may be larger where a route says so', async () => {
    const { url } = await start()
    const body = JSON.stringify({ text: 'x'.repeat(2 ** 21) })
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(`${url}/big`, { method: 'POST', headers, body })).status).toBe(200)
    expect((await fetch(`${url}/echo`, { method: 'POST', headers, body })).status).toBe(413)
  })
})

describe('hostile connections', () => {
  it.each([
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400, 'AE_BAD_REQUEST'],
    ['an unknown method', `FOO / HTTP/1.1\r\n${HEAD}\r\n`, 400, 'AE_BAD_REQUEST'],
    [
      'a header of 64 KiB',
      `GET / HTTP/1.1\r\n${HEAD}X: ${'x'.repeat(65_536)}\r\n\r\n`,
      431,
      'AE_HEADERS_TOO_LARGE',
    ],
    ['control characters in a header', `GET / HTTP/1.1\r\n${HEAD}X: a\x00b\r\n\r\n`, 400, 'AE_BAD_REQUEST'],
    [
      'two lengths',
      `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      400,
      'AE_BAD_REQUEST',
    ],
    [
      'length and chunks',
      `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'AE_BAD_REQUEST',
    ],
    ['no host', 'GET /hello HTTP/1.1\r\n\r\n', 400, 'AE_BAD_REQUEST'],
    [
      'two hosts',
      'GET /hello HTTP/1.1\r\nHost: localhost\r\nHost: attacker.example\r\n\r\n',
      400,
      'AE_BAD_REQUEST',
    ],
    ['a foreign host', 'GET /hello HTTP/1.1\r\nHost: attacker.example\r\n\r\n', 421, 'AE_MISDIRECTED'],
    [
      'a path that escapes',
      `GET /docs/static/..%2f..%2fpackage.json HTTP/1.1\r\n${HEAD}\r\n`,
      404,
      'AE_NOT_FOUND',
    ],
    ['a path with dots', `GET /docs/static/../../package.json HTTP/1.1\r\n${HEAD}\r\n`, 404, 'AE_NOT_FOUND'],
    ['a backslash', `GET /\\ HTTP/1.1\r\n${HEAD}\r\n`, 404, 'AE_NOT_FOUND'],
  ])('with %s get a coded problem', async (_name, bytes, status, code) => {
    const { port, server } = await start()
    const answer = await sendRaw(port, bytes)
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(JSON.parse(answer.body).code).toBe(code)
    expect(server.counted).toEqual([code])
  })

  it('that drip their header are cut with 408', async () => {
    const { port, server } = await start({
      limits: { headersTimeout: 200, requestTimeout: 400, checkInterval: 50 },
    })
    const answer = await sendRaw(port, 'GET /hello HTTP/1.1\r\nHost: localhost\r\n', (socket) => {
      const drip = setInterval(() => socket.write('X: y\r\n'), 60)
      socket.once('close', () => clearInterval(drip))
    })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([408, 'AE_REQUEST_TIMEOUT'])
    expect(server.counted).toEqual(['AE_REQUEST_TIMEOUT'])
  })

  it('that drip their body are cut too', async () => {
    const { port } = await start({ limits: { headersTimeout: 200, requestTimeout: 400, checkInterval: 50 } })
    const answer = await sendRaw(
      port,
      `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 9999\r\n\r\n{`,
      (socket) => {
        const drip = setInterval(() => socket.write(' '), 60)
        socket.once('close', () => clearInterval(drip))
      },
    )
    expect([0, 408]).toContain(answer.status)
  })

  it('beyond the limit are dropped while others are served', async () => {
    const { port, url } = await start({ limits: { maxConnections: 3 } })
    const held = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    expect((await sendRaw(port, `GET /hello HTTP/1.1\r\n${HEAD}\r\n`)).status).toBe(0)
    for (const socket of held) socket.destroy()
    await expect
      .poll(() =>
        fetch(`${url}/hello`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200)
  })

  it('of any content never stop the server', async () => {
    const { port, url } = await start({
      limits: { headersTimeout: 300, requestTimeout: 500, checkInterval: 100 },
    })
    const token = fc.string({ unit: fc.constantFrom(...'aG/:%\\?#\0\u00ff \t'), maxLength: 20 })
    const line = fc.oneof(
      token,
      fc
        .tuple(fc.constantFrom('GET', 'POST', 'OPTIONS', 'CONNECT', 'M-SEARCH', 'get'), token)
        .map(([verb, rest]) => `${verb} /${rest} HTTP/1.1`),
      fc
        .tuple(
          fc.constantFrom(
            'Host',
            'Origin',
            'Authorization',
            'Upgrade',
            'Connection',
            'Expect',
            'Transfer-Encoding',
            'Content-Length',
            'Forwarded',
          ),
          token,
        )
        .map(([name, value]) => `${name}: ${value}`),
    )
    const bytes = fc
      .array(line, { minLength: 1, maxLength: 6 })
      .map((lines) => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
    await fc.assert(
      fc.asyncProperty(bytes, async (request) => {
        const answer = await sendRaw(port, request, (socket) => void socket.end())
        expect(answer.status).toBeLessThan(500)
      }),
      { numRuns: 300 },
    )
    expect((await fetch(`${url}/hello`)).status).toBe(200)
  })
})

describe('stopping', () => {
  it('finishes the running request, says not ready, accepts nobody new', async () => {
    const { server, url, port } = await start()
    const waiting = fetch(`${url}/wait`)
    await expect.poll(() => gates.has('wait')).toBe(true)
    const kept = connect(port, '127.0.0.1')
    await new Promise((resolve) => kept.once('connect', resolve))
    const closed = server.close()
    expect((await server.app.inject('/-/ready')).json()).toMatchObject({ status: 503, code: 'AE_NOT_READY' })
    await expect(fetch(`${url}/hello`)).rejects.toThrow()
    gates.get('wait')?.()
    gates.delete('wait')
    expect(await (await waiting).json()).toEqual({ waited: true })
    await closed
  })

  it('ends streams at once', async () => {
    // The time in which requests may end never begins to run.
    const { server, url } = await start({ clock: fakeClock() })
    const response = await fetch(`${url}/stream`)
    const text = response.text()
    await server.close()
    expect(await text).toBe(': here\n\n')
  })

  it('waits at most three seconds for a request that never ends, so that the whole end fits into five', async () => {
    const clock = fakeClock()
    const { server, url } = await start({ clock })
    let end = 'none'
    const waiting = fetch(`${url}/wait`).then(
      () => {
        end = 'answered'
      },
      () => {
        end = 'cut'
      },
    )
    await expect.poll(() => gates.has('wait')).toBe(true)
    const closed = server.close()
    clock.advance(2_999)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(end).toBe('none')
    clock.advance(1)
    await closed
    await waiting
    expect(end).toBe('cut')
    gates.delete('wait')
  })
})
