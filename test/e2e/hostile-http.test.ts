import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, startChild } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const HUNDRED_MB = 100_000_000
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly body: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

describe('requests that want to break the daemon', () => {
  const strangers: Stranger[] = []
  let daemon: Daemon
  let control: Record<string, string>

  beforeAll(async () => {
    daemon = await startDaemon()
    const token = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
    control = { authorization: `Bearer ${token}` }
  })
  afterAll(async () => {
    await Promise.all(strangers.map((stranger) => stranger.stop()))
    await daemon[Symbol.asyncDispose]()
  })

  const agent = async (env: Record<string, string> = {}, uid?: number): Promise<Stranger> => {
    const options = uid === undefined ? { env } : { env, uid, cwd: '/' }
    const stranger = await startStranger('/bin/sleep', ['600'], options)
    strangers.push(stranger)
    return stranger
  }

  /** With `node:http`, which sends what `fetch` refuses to. */
  function send(
    method: string,
    path: string,
    headers: Record<string, string | string[]> = {},
    body?: string | Buffer,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const [host, port] = daemon.address.split(':')
      const outgoing = request({ host, port, method, path, headers, agent: false, insecureHTTPParser: true })
      outgoing.once('error', reject)
      outgoing.once('response', (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          text += part
        })
        answer.once('error', () => {})
        answer.once('close', () =>
          resolve({
            status: answer.statusCode ?? 0,
            code: codeOf(text),
            body: text,
            headers: answer.headers,
          }),
        )
      })
      outgoing.end(body)
    })
  }

  const codeOf = (text: string): string | undefined => {
    try {
      return (JSON.parse(text) as { code?: string }).code
    } catch {
      return undefined
    }
  }

  const register = (body: unknown, headers: Record<string, string> = {}) =>
    send('POST', '/api/v1/agents', { ...JSON_TYPE, ...headers }, JSON.stringify(body))

  const problem = (status: number, code: string) => ({ status, code })

  it.each([
    ['announced', `Content-Length: ${HUNDRED_MB}`, (piece: string) => piece],
    ['in chunks', 'Transfer-Encoding: chunked', (piece: string) => `10000\r\n${piece}\r\n`],
  ])('refuses 100 MB of body %s and does not keep it', async (_, header, frame) => {
    const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1])
    const before = peak()
    const socket = connectTo(daemon)
    let text = ''
    let closed = false
    socket.on('error', () => {})
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    socket.on('close', () => {
      closed = true
    })
    await once(socket, 'connect')
    const head = `POST /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${header}\r\n\r\n`
    const piece = frame('a'.repeat(0x10000))
    // All at once: between two writes of ours a reset could come that throws the answer away unread.
    socket.write(head + piece.repeat(Math.ceil(HUNDRED_MB / 0x10000)))
    await eventually('it has answered', () => text.includes('"code":"AE_PAYLOAD_TOO_LARGE"') || undefined)
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    // It takes no more of it, or all of it and keeps nothing.
    await eventually('it is over', () => closed || socket.writableLength === 0 || undefined)
    socket.destroy()
    expect(peak() - before).toBeLessThan(HUNDRED_MB / 1024)
  })

  it.each([
    ['GET', '/nothing/here', 404],
    ['GET', '/metrics/../api/v1/agents/..', 404],
    ['GET', '/api/v1/agents/..%2f..%2fetc%2fpasswd', 422],
    ['GET', '/api/v1/agents/%2e%2e%2fcontrol.token', 422],
    ['GET', '/api/v1/agents/%00', 422],
    ['GET', '/api/v1/agents/a%0d%0ab', 422],

    ['GET', `/api/v1/agents/${'a'.repeat(129)}`, 422],
    ['GET', '/api/v1/agents/%ff%fe', 400],
    ['GET', '/api/v1/agents/%', 400],
    ['GET', '/api/v1/agents/__proto__', 422],
    ['GET', '/api/v1/agents/constructor', 404],
    ['GET', '/api/v1/agents?limit=1e9', 422],
    ['GET', '/api/v1/agents?limit=1e400', 422],
    ['GET', '/api/v1/resources/events?limit=1e400', 422],
    ['GET', '/api/v1/agents?limit=0', 422],
    ['GET', '/api/v1/agents?limit=-1&cursor=x', 422],
    ['GET', '/api/v1/agents?cursor=99999999999999999999', 422],
    ['GET', '/metrics?collect[]=nothing', 400],
    ['GET', '/metrics?collect[]=agents&exclude[]=agents', 400],
    ['GET', '/metrics?collect%5B%5D=__proto__', 400],
    ['DELETE', '/metrics', 405],
    ['PUT', '/api/v1/agents', 405],
    ['BREW', '/', 400],
  ])('answers %s %s with %i and a code', async (method, path, status) => {
    const answer = await send(method, path)
    expect({ status: answer.status, coded: /^AE_[A-Z_]+$/.test(answer.code ?? '') }).toEqual({
      status,
      coded: true,
    })
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer.body).not.toMatch(/node_modules|at Object\.|root:x/)
  })

  it('answers an id of 10,000 characters with 414', async () => {
    expect(await send('GET', `/api/v1/agents/${'a'.repeat(10_000)}`)).toMatchObject(
      problem(414, 'AE_URI_TOO_LONG'),
    )
  })

  it.each([
    ['another name', { host: 'attacker.example' }, 421],
    ['a name with a path', { host: '127.0.0.1/evil' }, 400],
    ['a name with spaces', { host: 'a b c' }, 400],
    ['an endless name', { host: 'a'.repeat(8_000) }, 400],
    ['a foreign origin', { origin: 'https://attacker.example' }, 403],
    ['the origin null', { origin: 'null' }, 403],
    ['an origin like ours', { origin: 'http://127.0.0.1.attacker.example' }, 403],
    ['a header of 100 KB', { 'x-large': 'x'.repeat(100_000) }, 431],
  ])('refuses a request with %s', async (_, headers, status) => {
    const answer = await send('GET', '/api/v1/agents', headers)
    expect(answer.status).toBe(status)
    expect(answer.code).toMatch(/^AE_/)
  })

  it.each([
    ['nonsense', { accept: ';;;,,,q=x/y' }],
    ['10,000 types', { accept: Array.from({ length: 1_500 }, (_, n) => `a/${n}`).join(',') }],
    ['infinite weights', { accept: 'text/plain;q=1e999,application/openmetrics-text;q=-1;version=9.9.9' }],
    ['bytes that are no text', { accept: '\u00ff\u00fe' }],
    ['an encoding nobody knows', { 'accept-encoding': 'zstd;q=1,br;q=2,gzip;q=nan,*;q=0' }],
    ['a timeout of nonsense', { 'x-prometheus-scrape-timeout-seconds': 'soon' }],
    ['a timeout of minus one', { 'x-prometheus-scrape-timeout-seconds': '-1' }],
    ['an endless timeout', { 'x-prometheus-scrape-timeout-seconds': '1e309' }],
    ['a timeout of zero', { 'x-prometheus-scrape-timeout-seconds': '0' }],
    ['a timeout of NaN', { 'x-prometheus-scrape-timeout-seconds': 'NaN' }],
  ])('still answers a scrape that asks for %s', async (_, headers) => {
    const answer = await send('GET', '/metrics', headers as Record<string, string>)
    expect(answer.status).toBe(200)
    const format = /openmetrics/.test(String(answer.headers['content-type'])) ? 'openmetrics' : 'text'
    const page = parseExposition(answer.body, format)
    expect(page.values.get('agent_scrape_collector_success{collector="process"}')).toBe(1)
  })

  it.each([
    ['10,000 levels deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 422],
    ['100,000 objects deep', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 422],
    ['no JSON', '{"id": "a"', 400],
    ['an empty body', '', 422],
    ['a number', '1e999', 422],
    ['null', 'null', 422],
    ['a prototype', '{"__proto__": {"id": "polluted"}, "id": "proto-agent"}', 400],
    ['a constructor', '{"id": "proto-agent", "constructor": {"prototype": {"x": 1}}}', 400],
    ['an unknown property', '{"id": "unknown-property", "enforced": true}', 422],
    ['a property of later', '{"id": "unknown-property", "Runtime": {"pid": 2}}', 422],
    ['an id of 10,000 characters', JSON.stringify({ id: 'a'.repeat(10_000) }), 422],
    ['an id with a newline', '{"id": "a\\nb"}', 422],
    ['an id with a lone surrogate', '{"id": "a\\ud800"}', 422],
    ['an id that is a list', '{"id": ["a"]}', 422],
    ['a role with an escape', '{"id": "role", "role": "\\u001b[31m"}', 422],
    ['pid 1', '{"id": "init", "runtime": {"pid": 1}}', 422],
    ['pid 0', '{"id": "init", "runtime": {"pid": 0}}', 422],
    ['a negative pid', '{"id": "init", "runtime": {"pid": -1}}', 422],
    ['a pid in words', '{"id": "init", "runtime": {"pid": "2"}}', 422],
    ['a pid and a container', '{"id": "both", "runtime": {"pid": 2, "container": "x"}}', 422],
  ])('refuses a registration with %s', async (_, body, status) => {
    const answer = await send('POST', '/api/v1/agents', { ...JSON_TYPE, ...control }, body)
    expect({ status: answer.status, coded: /^AE_/.test(answer.code ?? '') }).toEqual({ status, coded: true })
    expect(({} as { id?: string }).id).toBeUndefined()
    for (const id of ['proto-agent', 'polluted', 'unknown-property', 'init', 'both', 'role'])
      expect((await daemon.get(`/api/v1/agents/${id}`)).status).toBe(404)
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    '',
  ])('refuses the content type %j', async (type) => {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
    const answer = await send('POST', '/api/v1/agents', headers, '{"id":"typed"}')
    expect(answer).toMatchObject(problem(415, 'AE_UNSUPPORTED_MEDIA_TYPE'))
    expect((await daemon.get('/api/v1/agents/typed')).status).toBe(404)
  })

  it('takes the same key twice in one object as one value, never as two agents', async () => {
    const answer = await send('POST', '/api/v1/agents', JSON_TYPE, '{"id":"first-key","id":"second-key"}')
    expect([201, 400, 422]).toContain(answer.status)
    expect((await daemon.get('/api/v1/agents/first-key')).status).toBe(404)
  })

  describe('registration', () => {
    it('answers 201, then 200 for the same, and refuses the id to another process', async () => {
      const one = await agent()
      const two = await agent()
      const body = { id: 'taken', runtime: { pid: one.pid } }
      expect((await register(body, control)).status).toBe(201)
      expect((await register(body, control)).status).toBe(200)
      expect(await register({ id: 'taken', runtime: { pid: two.pid } }, control)).toMatchObject(
        problem(409, 'AE_AGENT_CONFLICT'),
      )
      expect(await register({ id: 'other-name', runtime: { pid: one.pid } }, control)).toMatchObject(
        problem(409, 'AE_AGENT_CONFLICT'),
      )
      await eventually('it is measured', async () => {
        const page = parseExposition(await daemon.scrape('text'), 'text')
        return page.values.get('agent_processes{agent="taken"}') === 1 || undefined
      })
    })

    it('refuses a process that has ended', async () => {
      const child = await startChild('/bin/true', [])
      await child.exit()
      expect(await register({ id: 'dead', runtime: { pid: child.pid } }, control)).toMatchObject(
        problem(409, 'AE_RUNTIME_GONE'),
      )
    })

    it('measures itself when somebody in control asks for it, as any other process', async () => {
      expect((await register({ id: 'itself', runtime: { pid: daemon.pid } }, control)).status).toBe(201)
      const rss = await eventually('it is measured', async () => {
        const page = parseExposition(await daemon.scrape('text'), 'text')
        return page.values.get('agent_memory_rss_bytes{agent="itself"}')
      })
      expect(rss).toBeGreaterThan(10_000_000)
      expect((await send('DELETE', '/api/v1/agents/itself', control)).status).toBe(204)
      expect(daemon.child.ended).toBeUndefined()
    })

    it('refuses a container that is not there', async () => {
      const answer = await register({ id: 'box', runtime: { container: 'f'.repeat(64) } }, control)
      expect(answer).toMatchObject(problem(409, 'AE_RUNTIME_GONE'))
    })

    it('refuses a runtime to anonymous callers unless that process names the agent itself', async () => {
      const silent = await agent()
      const speaking = await agent({ AGENT_EXPORTER_AGENT: 'speaking' })
      const refused = await register({ id: 'silent', runtime: { pid: silent.pid } })
      expect(refused).toMatchObject(problem(403, 'AE_FORBIDDEN'))
      const other = await register({ id: 'not-speaking', runtime: { pid: speaking.pid } })
      expect(other).toMatchObject(problem(403, 'AE_FORBIDDEN'))
      expect((await register({ id: 'speaking', runtime: { pid: speaking.pid } })).status).toBeLessThan(300)
    })

    it.runIf(isRoot)('lets a user of the machine tell nothing about an agent of another user', async () => {
      const root = await agent({ AGENT_EXPORTER_AGENT: 'of-root' })
      const answer = await asNobody(
        `const body = JSON.stringify({ id: 'of-root', runtime: { pid: ${root.pid} } })`,
      )
      expect(answer).toEqual([403])
    })

    it.runIf(isRoot)('lets one user register 64 agents an hour and no more', async () => {
      const answers = await asNobody('const body = JSON.stringify({ id: `made-up-${n}` })', 70)
      expect(answers.filter((status) => status === 201)).toHaveLength(64)
      expect(answers.filter((status) => status === 429)).toHaveLength(6)
    })

    /** Statuses of `count` registrations by a process of another user; `body` may use `n`. */
    async function asNobody(body: string, count = 1): Promise<number[]> {
      const script = `
        const statuses = []
        for (let n = 0; n < ${count}; n++) {
          ${body}
          const answer = await fetch('${daemon.url}/api/v1/agents', {
            method: 'POST', headers: { 'content-type': 'application/json' }, body })
          await answer.arrayBuffer()
          statuses.push(answer.status)
        }
        console.log(JSON.stringify(statuses))`
      // The binary may lie where that user cannot read: the user changes once it runs.
      const child = await startChild(process.execPath, [
        '--input-type=module',
        '--eval',
        `process.setgid(${NOBODY}); process.setuid(${NOBODY}); ${script}`,
      ])
      await child.exit()
      return JSON.parse(child.stdout()) as number[]
    }
  })

  describe('control', () => {
    it('is never anonymous, not even from this host', async () => {
      await agent({ AGENT_EXPORTER_AGENT: 'to-keep' })
      expect((await register({ id: 'to-keep' })).status).toBeLessThan(300)
      for (const headers of [
        {},
        { authorization: 'Bearer wrong' },
        { authorization: 'Basic Og==' },
        { authorization: `Bearer ${'x'.repeat(10_000)}` },
        { authorization: 'Bearer' },
        { 'x-forwarded-for': '127.0.0.1' },
      ] as Record<string, string>[]) {
        expect(await send('DELETE', '/api/v1/agents/to-keep', headers)).toMatchObject(
          problem(401, 'AE_UNAUTHENTICATED'),
        )
        const reload = await send('POST', '/-/reload', { ...JSON_TYPE, ...headers })
        expect(reload).toMatchObject(problem(401, 'AE_UNAUTHENTICATED'))
      }
      expect((await daemon.get('/api/v1/agents/to-keep')).status).toBe(200)
    })

    it('needs the control token, and then deletes', async () => {
      expect((await register({ id: 'to-go' })).status).toBe(201)
      expect((await send('DELETE', '/api/v1/agents/to-go', control)).status).toBe(204)
      expect((await daemon.get('/api/v1/agents/to-go')).status).toBe(404)
      expect(await send('DELETE', '/api/v1/agents/to-go', control)).toMatchObject(
        problem(404, 'AE_AGENT_NOT_FOUND'),
      )
    })

    it('takes a request through a proxy for a remote one: no reading, no ingest', async () => {
      for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-forwarded-host']) {
        expect((await send('GET', '/api/v1/agents', { [header]: '127.0.0.1' })).status).toBe(401)
        expect((await register({ id: 'proxied' }, { [header]: '127.0.0.1' })).status).toBe(401)
      }
    })
  })

  it.each([
    ['nothing HTTP at all', '\u0000\u0001\u0002\r\n\r\n'],
    ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['HTTP/2 prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [
      'two lengths',
      'POST /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
    ],
    [
      'a length and chunks',
      'POST /api/v1/agents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n'],
    ['two hosts', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: attacker.example\r\n\r\n'],
    ['no Host', 'GET /metrics HTTP/1.1\r\n\r\n'],
  ])('closes a connection that speaks %s with at most an error', async (_, bytes) => {
    const socket = connectTo(daemon)
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (part) => {
      text += part.toString('latin1')
    })
    await once(socket, 'connect')
    socket.write(Buffer.from(bytes, 'latin1'))
    await Promise.race([once(socket, 'close'), delay(1_000)])
    socket.destroy()
    expect(text).not.toMatch(/^HTTP\/1\.1 [235]/)
  })

  it('has lost nothing and logged no failure in all of this', async () => {
    const page = parseExposition(await daemon.scrape('text'), 'text')
    expect(page.values.get('agent_processes{agent="taken"}')).toBe(1)
    expect(page.values.get('agent_exporter_http_errors_total{code="AE_INVALID"}')).toBeGreaterThan(10)
    expect(page.values.get('agent_exporter_http_errors_total{code="AE_INTERNAL"}') ?? 0).toBe(0)
    const health = (await (await daemon.get('/health')).json()) as { status: string }
    expect(health.status).toBe('healthy')
    expect(daemon.child.output()).not.toMatch(/level=error|Unhandled|TypeError/)
  })
})

function connectTo({ address }: Daemon): Socket {
  const [host, port] = address.split(':')
  return connect(Number(port), host)
}
