import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { createAlertmanagerApi } from '../../../src/alertmanager/api.ts'

const SECRET = 'hunter-of-secrets'
const ACTIVE = {
  labels: { alertname: 'A', agent: 'a' },
  annotations: {},
  fingerprint: '5784d90e24dd7772',
  startsAt: '2026-11-21T20:33:13.266Z',
  endsAt: '2026-11-21T20:40:00Z',
  status: { state: 'active', silencedBy: [], inhibitedBy: [] },
}

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()))
})

/** host:port of a server that answers so. */
async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stops.push(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const json =
  (body: unknown): RequestListener =>
  (_request, response) =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify(body))

/** What it says when it cannot say what fires. Waits only as long as the test's own server lets it. */
async function errorOf(answer: RequestListener, timeoutMs = 60_000): Promise<string> {
  const host = await listen(answer)
  const api = createAlertmanagerApi({ url: `http://user:${SECRET}@${host}/${SECRET}`, timeoutMs })
  const error = await api.active().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  const text = (error as Error | undefined)?.message ?? 'it answered'
  expect(`${text} ${JSON.stringify(error)} ${(error as Error | undefined)?.stack}`).not.toContain(SECRET)
  return text
}

describe('Alertmanager, asked', () => {
  it('is asked for what fires and is neither silenced nor inhibited', async () => {
    const asked: (string | undefined)[] = []
    const host = await listen((request, response) => {
      asked.push(request.method, request.url, request.headers.authorization)
      json([ACTIVE, { ...ACTIVE, status: { state: 'suppressed' } }])(request, response)
    })
    const api = createAlertmanagerApi({ url: `http://me:p%40ss@${host}/am/`, timeoutMs: 60_000 })
    expect(await api.active()).toEqual([
      {
        labels: new Map([
          ['alertname', 'A'],
          ['agent', 'a'],
        ]),
        fingerprint: '5784d90e24dd7772',
        startsAtMs: Date.UTC(2026, 10, 21, 20, 33, 13, 266),
      },
    ])
    const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`
    const query = 'active=true&silenced=false&inhibited=false&unprocessed=false'
    expect(asked).toEqual(['GET', `/am/api/v2/alerts?${query}`, basic])
  })

  it('sends no credentials where it was given none', async () => {
    let headers = {}
    const api = createAlertmanagerApi({
      url: 'http://alertmanager:9093',
      timeoutMs: 60_000,
      fetch: (_, init) => {
        headers = { ...init?.headers }
        return Promise.resolve(new Response('[]'))
      },
    })
    expect(await api.active()).toEqual([])
    expect(headers).toEqual({ accept: 'application/json' })
  })

  it.each([301, 302, 307, 308])('follows no %i', async (status) => {
    let followed = false
    const elsewhere = await listen((_request, response) => {
      followed = true
      response.end('[]')
    })
    const text = await errorOf(
      (_request, response) =>
        void response.writeHead(status, { location: `http://${elsewhere}/${SECRET}` }).end(),
    )
    expect(text).toBe('Alertmanager could not be asked: it sends us elsewhere.')
    expect(followed).toBe(false)
  })

  it.each([204, 401, 404, 500, 503])('takes no %i for an answer', async (status) => {
    const answer: RequestListener = (_request, response) => void response.writeHead(status).end()
    expect(await errorOf(answer)).toBe(`Alertmanager could not be asked: it answered ${status}.`)
  })

  it.each([
    ['before the head', () => {}],
    ['in the body', (response: { write(text: string): void }) => response.write('[')],
  ])('does not wait for who falls silent %s', async (_, speak) => {
    expect(await errorOf((_request, response) => void speak(response), 50)).toBe(
      'Alertmanager could not be asked: it did not answer within 50 ms.',
    )
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    const host = await listen(() => stop.abort())
    const api = createAlertmanagerApi({ url: `http://${host}`, timeoutMs: 60_000 })
    await expect(api.active(stop.signal)).rejects.toThrow('it is asked no more')
  })

  it.each([
    ['as it is', (text: string) => Buffer.from(text), {}],
    ['packed', gzipSync, { 'content-encoding': 'gzip' }],
  ])('reads no more than 16 MiB %s', async (_, pack, headers) => {
    const body = pack(`["${'a'.repeat(17 * 1024 * 1024)}"]`)
    const text = await errorOf((_request, response) => void response.writeHead(200, headers).end(body))
    expect(text).toBe('Alertmanager could not be asked: it answered more than 16 MiB.')
  })

  it('says how a connection failed', async () => {
    expect(await errorOf((request) => void request.socket.destroy())).toMatch(
      /^Alertmanager could not be asked: the connection failed( \([A-Z_]+\))?\.$/,
    )
  })

  it.each([
    ['it did not answer JSON', SECRET],
    ['it did not answer JSON', ''],
    ['it did not answer a list', '{"alerts":[]}'],
    ['it did not answer a list', 'null'],
  ])('says that %s', async (reason, body) => {
    const text = await errorOf((_request, response) => void response.end(body))
    expect(text).toBe(`Alertmanager could not be asked: ${reason}.`)
  })

  it.each([
    ['the whole', SECRET],
    ['the whole', null],
    ['labels', { ...ACTIVE, labels: undefined }],
    ['labels', { ...ACTIVE, labels: { agent: 1 } }],
    ['labels', { ...ACTIVE, labels: [] }],
    ['fingerprint', { ...ACTIVE, fingerprint: '' }],
    ['fingerprint', { ...ACTIVE, fingerprint: 7 }],
    ['startsAt', { ...ACTIVE, startsAt: 'yesterday' }],
    ['startsAt', { ...ACTIVE, startsAt: '0001-01-01T00:00:00Z' }],
    ['startsAt', { ...ACTIVE, startsAt: 1 }],
    ['status', { ...ACTIVE, status: 'active' }],
    ['status', { ...ACTIVE, status: { state: true } }],
  ])('uses nothing when %s of one alert is wrong', async (what, alert) => {
    const text = await errorOf(json([ACTIVE, alert]))
    expect(text).toBe(`Alertmanager could not be asked: ${what} of alert 1 is not what it should be.`)
  })

  it('knows only its own error, whatever JSON it is told', async () => {
    const odd = fc.jsonValue()
    const item = fc.oneof(odd, fc.record({ labels: odd, fingerprint: odd, startsAt: odd, status: odd }))
    await fc.assert(
      fc.asyncProperty(fc.oneof(odd, fc.array(item)), async (body) => {
        const api = createAlertmanagerApi({
          url: 'http://alertmanager',
          timeoutMs: 60_000,
          fetch: () => Promise.resolve(new Response(JSON.stringify(body))),
        })
        await api.active().then(
          (alerts) => expect(alerts).toEqual([]),
          (error: Error) => expect(error.name).toBe('AlertmanagerApiError'),
        )
      }),
    )
  })
})
