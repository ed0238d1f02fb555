import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import type { InjectOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { AlertReceiver, Source } from '../../../src/alertmanager/model.ts'
import type { Notification } from '../../../src/alertmanager/payload.ts'
import { alertmanagerRoutes } from '../../../src/alertmanager/routes.ts'
import type { Entry } from '../../../src/alertmanager/table.ts'
import { Problem } from '../../../src/platform/problem.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  bearer,
  CONTROL_TOKEN,
  READER_TOKEN,
  TEAM_TOKEN,
  type TestServer,
  testServer,
} from '../platform/http/support.ts'
import { alertBody, entryOf, notificationBody } from './bodies.ts'

const ALERTMANAGER = '/api/v1/alertmanager'
const GRAFANA = '/api/v1/grafana-alerts'
const SECRET = 'a secret of sixteen letters'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

interface SetUp {
  readonly secret?: string
  readonly entries?: readonly Entry[]
  readonly receive?: AlertReceiver['receive']
}

async function setUp({ secret, entries = [], receive }: SetUp = {}) {
  const received: (readonly [Source, Notification])[] = []
  const refused: string[] = []
  const clock = fakeClock()
  const receiver: AlertReceiver = {
    async receive(source, notification) {
      received.push([source, notification])
      if (receive !== undefined) return await receive(source, notification)
      const { alerts, truncatedAlerts } = notification
      return { alerts: alerts.length, truncatedAlerts, outcomes: { asked: alerts.length } }
    },
    refused: (outcome) => void refused.push(outcome),
    list: (agent) => entries.filter((entry) => agent === undefined || entry.agent === agent),
  }
  server = await testServer(alertmanagerRoutes({ clock, receiver, grafanaSecret: () => secret }))
  const { app, counted } = server
  const post = (url: string, body: unknown, more: Record<string, string | undefined> = {}) => {
    const headers = { 'content-type': 'application/json', ...bearer(CONTROL_TOKEN), ...more }
    return app.inject({
      method: 'POST',
      url,
      payload: typeof body === 'string' ? body : JSON.stringify(body),
      headers: Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined)),
    } as InjectOptions)
  }
  return { app, clock, post, counted, received, refused }
}

describe('POST /api/v1/alertmanager and /api/v1/grafana-alerts', () => {
  it.each([
    [ALERTMANAGER, 'alertmanager', '4'],
    [`${ALERTMANAGER}/`, 'alertmanager', '4'],
    [GRAFANA, 'grafana', '1'],
    [`${GRAFANA}/`, 'grafana', '1'],
  ])('%s hands the notification on and answers what became of it', async (url, source, version) => {
    const { post, received, refused } = await setUp()
    const answer = await post(url, notificationBody({ version }))
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { alerts: 1, truncatedAlerts: 0, outcomes: { asked: 1 } },
    ])
    expect(received.map(([from, { alerts }]) => [from, alerts[0]?.alertname])).toEqual([
      [source, 'AgentTokenRateHigh'],
    ])
    expect(refused).toEqual([])
  })

  it.each([
    ['nobody', undefined, 401, 'AE_UNAUTHENTICATED'],
    ['somebody with a wrong token', 'not-the-token-of-anybody', 401, 'AE_UNAUTHENTICATED'],
    ['a reader', READER_TOKEN, 403, 'AE_FORBIDDEN'],
    ['a token for some agents only', TEAM_TOKEN, 403, 'AE_FORBIDDEN'],
  ])('refuses %s and counts it', async (_, token, status, code) => {
    const { post, received, refused } = await setUp()
    for (const url of [ALERTMANAGER, `${GRAFANA}/`]) {
      const authorization = token === undefined ? undefined : `Bearer ${token}`
      const answer = await post(url, 'not even JSON', { authorization })
      expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    }
    expect(received).toEqual([])
    expect(refused).toEqual(['unauthenticated', 'unauthenticated'])
  })

  it.each([
    ['nothing', ''],
    ['no JSON', '{"version":"4"'],
    ['a list', []],
    ['a text', '"4"'],
    ['null', 'null'],
    ['the version of the other', notificationBody({ version: '1' })],
    ['no alerts', { version: '4' }],
    ['an alert without a start', notificationBody({ alerts: [alertBody({ startsAt: 'now' })] })],
    ['lists in lists', '['.repeat(1_000_000)],
    ['objects in objects', '{"a":'.repeat(200_000)],
    ['a depth that ends', `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`],
  ])('answers 400 to %s', async (_, body) => {
    const { post, received, refused } = await setUp()
    const answer = await post(ALERTMANAGER, body)
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'AE_BAD_REQUEST'])
    expect(received).toEqual([])
    expect(refused).toEqual(['malformed'])
  })

  it('takes labels that are called like parts of the language, and what only looks deep', async () => {
    const { post, received, refused } = await setUp()
    const labels = '{"alertname":"A","__proto__":"p","constructor":"c","prototype":"x","toString":"t"}'
    const body = JSON.stringify(
      notificationBody({
        alerts: [alertBody({ labels: 'LABELS', annotations: { summary: '\\"[[{{'.repeat(300_000) } })],
      }),
    ).replace('"LABELS"', labels)
    expect((await post(ALERTMANAGER, body)).statusCode).toBe(200)
    expect([...(received[0]?.[1].alerts[0]?.labels ?? [])]).toEqual(Object.entries(JSON.parse(labels)))
    expect(refused).toEqual([])
    expect(({} as { p?: unknown }).p).toBeUndefined()
  })

  it('says of more alerts than it takes how many those were', async () => {
    const { post, received } = await setUp()
    const alerts = Array.from({ length: 10_001 }, (_, index) => alertBody({ fingerprint: String(index) }))
    const answer = await post(ALERTMANAGER, notificationBody({ alerts }))
    expect([answer.statusCode, answer.json()]).toMatchObject([200, { alerts: 10_000, truncatedAlerts: 1 }])
    expect(received).toHaveLength(1)
  })

  it('refuses what is too long by its announced length', async () => {
    const { app, refused, received } = await setUp()
    const answer = await app.inject({
      method: 'POST',
      url: ALERTMANAGER,
      payload: '{}',
      headers: {
        'content-type': 'application/json',
        'content-length': String(16 * 1024 * 1024 + 1),
        ...bearer(CONTROL_TOKEN),
      },
    })
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'AE_PAYLOAD_TOO_LARGE'])
    expect([refused, received]).toEqual([['too_large'], []])
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', ''])('takes no %j', async (type) => {
    const { post, refused, received } = await setUp()
    const answer = await post(ALERTMANAGER, notificationBody(), { 'content-type': type })
    expect([answer.statusCode, answer.json().code]).toEqual([415, 'AE_UNSUPPORTED_MEDIA_TYPE'])
    expect([refused, received]).toEqual([['malformed'], []])
  })

  it.each(['GET', 'PUT', 'DELETE'] as const)(
    'never redirects, also %s without a body, which is what a redirect leaves',
    async (method) => {
      const { app, counted } = await setUp()
      for (const url of [ALERTMANAGER, `${ALERTMANAGER}/`, `${GRAFANA}/`]) {
        const answer = await app.inject({ method, url, headers: bearer(CONTROL_TOKEN) })
        expect([answer.statusCode, answer.json().code]).toEqual([405, 'AE_METHOD_NOT_ALLOWED'])
        expect(answer.headers.allow).toBe('POST')
      }
      expect(counted).toHaveLength(3)
    },
  )

  it('answers 503 when it cannot be written down, and only then', async () => {
    const { post, refused } = await setUp({
      receive: () => Promise.reject(new Problem('AE_STORE_UNAVAILABLE', 'The disk is full.')),
    })
    const answer = await post(ALERTMANAGER, notificationBody())
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'AE_STORE_UNAVAILABLE'])
    expect(refused).toEqual(['not_journalled'])
  })

  it('never fails whatever JSON it is told', async () => {
    const { post, refused } = await setUp()
    const odd = fc.oneof(fc.jsonValue(), fc.constant('__proto__'))
    const alerts = fc.array(
      fc.oneof(
        odd,
        fc.record({ status: odd, labels: odd, startsAt: odd, endsAt: odd, fingerprint: odd }).map(alertBody),
      ),
      { maxLength: 4 },
    )
    const bodies = fc.oneof(
      odd,
      fc.record(
        { version: fc.constantFrom('4', '1', 4), alerts, truncatedAlerts: odd, receiver: odd, groupKey: odd },
        { requiredKeys: [] },
      ),
    )
    let told = 0
    await fc.assert(
      fc.asyncProperty(bodies, fc.constantFrom(ALERTMANAGER, GRAFANA), async (body, url) => {
        const { statusCode } = await post(url, JSON.stringify(body))
        if (statusCode !== 200) told++
        expect([200, 400]).toContain(statusCode)
        expect(refused).toEqual(Array(told).fill('malformed'))
      }),
    )
  })

  it('is described for people and clients', async () => {
    const { app } = await setUp()
    const { paths } = (await app.inject('/openapi.json')).json()
    for (const url of [ALERTMANAGER, GRAFANA]) {
      const { post } = paths[url]
      expect(post.requestBody.content['application/json'].schema.required).toEqual(['version', 'alerts'])
      expect(post.responses['200'].content['application/json'].schema.required).toEqual([
        'alerts',
        'truncatedAlerts',
        'outcomes',
      ])
      expect(post['x-scope']).toBe('control')
    }
    expect(paths['/api/v1/alerts'].get['x-scope']).toBe('read')
  })
})

describe('signatures of Grafana', () => {
  const body = JSON.stringify(notificationBody({ version: '1' }))
  const sign = (text: string, secret = SECRET) => createHmac('sha256', secret).update(text).digest('hex')
  const signed = (signature: string, seconds?: number) => ({
    'x-grafana-alerting-signature': signature,
    ...(seconds === undefined ? {} : { 'x-grafana-alerting-timestamp': String(seconds) }),
  })

  it('are asked for once there is a secret, and the token as well', async () => {
    const { post, refused } = await setUp({ secret: SECRET })
    expect((await post(GRAFANA, body, signed(sign(body)))).statusCode).toBe(200)
    expect((await post(`${GRAFANA}/`, body, signed(sign(body).toUpperCase()))).statusCode).toBe(200)
    expect((await post(GRAFANA, body, { ...signed(sign(body)), authorization: undefined })).statusCode).toBe(
      401,
    )
    expect(refused).toEqual(['unauthenticated'])
  })

  it('are nothing to Alertmanager, which has none', async () => {
    const { post } = await setUp({ secret: SECRET })
    expect((await post(ALERTMANAGER, notificationBody())).statusCode).toBe(200)
  })

  it('hold for five minutes where they have a time', async () => {
    const { clock, post } = await setUp({ secret: SECRET })
    const now = Math.floor(clock.now() / 1_000)
    const at = async (seconds: number) =>
      (await post(GRAFANA, body, signed(sign(`${seconds}:${body}`), seconds))).statusCode
    expect([await at(now), await at(now - 300), await at(now + 300)]).toEqual([200, 200, 200])
    expect([await at(now - 301), await at(now + 301)]).toEqual([401, 401])
  })

  it.each([
    ['none', {}],
    ['an empty one', signed('')],
    ['one of another secret', signed(sign(body, 'another secret of nobody'))],
    ['one of another body', signed(sign(`${body} `))],
    ['one that is too short', signed(sign(body).slice(2))],
    ['one in base64', signed(createHmac('sha256', SECRET).update(body).digest('base64'))],
    ['two', signed(`${sign(body)}, ${sign(body)}`)],
    ['one with a time that was taken away', signed(sign(`1767225600:${body}`))],
    ['one with a time that was not signed', signed(sign(body), 1_767_225_600)],
    ['one with a time that is none', { ...signed(sign(`x:${body}`)), 'x-grafana-alerting-timestamp': 'x' }],
  ])('refuses %s before it reads the body', async (_, headers) => {
    const { post, received, refused } = await setUp({ secret: SECRET })
    const answer = await post(GRAFANA, body, headers)
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'AE_UNAUTHENTICATED'])
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    expect([refused, received]).toEqual([['unauthenticated'], []])
  })
})

describe('GET /api/v1/alerts', () => {
  const since = (wallMs: number) => ({ bootId: 'boot', bootMs: 0, wallMs })
  const entries = [
    entryOf({ agent: 'team-a-1', episode: 'A#1', since: since(1) }),
    entryOf({ agent: 'team-a-1', episode: 'A#2', state: 'closed', since: since(3) }),
    entryOf({ agent: 'team-b-1', episode: 'A#3', state: 'unknown', since: since(2) }),
  ]
  const episodes = async (url: string, token = READER_TOKEN) => {
    const { app } = await setUp({ entries })
    const answer = await app.inject({ url, headers: bearer(token) })
    const { items } = answer.json() as { items?: { episode: string }[] }
    return items?.map(({ episode }) => episode) ?? answer.statusCode
  }

  it('shows all that is known of one', async () => {
    const { app } = await setUp({
      entries: [entryOf({ alertname: 'A\u202e', withheld: 'still_measured', endsAtMs: 0 })],
    })
    const { items, nextCursor } = (await app.inject('/api/v1/alerts')).json()
    const [{ series, ...alert }] = items
    expect(nextCursor).toBeNull()
    expect(alert).toEqual({
      alertname: 'A\ufffd',
      agent: 'a',
      incarnation: 'i',
      episode: 'A#1',
      policy: 'p',
      state: 'firing',
      since: '2026-11-22T00:00:00.000Z',
      startsAt: '2026-11-21T23:59:00.000Z',
      endsAt: '1970-01-01T00:00:00.000Z',
      action: 'pause',
      progress: 'done',
      resume: 'none',
      withheld: 'still_measured',
      heldAt: '2026-11-22T00:00:00.000Z',
      actedAt: '2026-11-22T00:00:00.000Z',
      muted: false,
      overdue: false,
    })
    expect(series).toEqual([
      {
        fingerprint: 'f',
        status: 'firing',
        startsAt: '2026-11-21T23:59:00.000Z',
        endsAt: null,
        heardAt: '2026-11-22T00:00:00.000Z',
      },
    ])
  })

  it('is ordered, paged and filtered', async () => {
    expect(await episodes('/api/v1/alerts')).toEqual(['A#3', 'A#1', 'A#2'])
    expect(await episodes('/api/v1/alerts?state=closed')).toEqual(['A#2'])
    expect(await episodes('/api/v1/alerts?agent=team-b-1')).toEqual(['A#3'])
    expect(await episodes('/api/v1/alerts?state=open')).toBe(422)
    const { app } = await setUp({ entries })
    const first = (await app.inject('/api/v1/alerts?limit=2')).json()
    const second = (await app.inject(`/api/v1/alerts?limit=2&cursor=${first.nextCursor}`)).json()
    expect(second).toMatchObject({ items: [{ episode: 'A#2' }], nextCursor: null })
  })

  it('shows a token for some agents only those', async () => {
    expect(await episodes('/api/v1/alerts', TEAM_TOKEN)).toEqual(['A#1', 'A#2'])
    expect(await episodes('/api/v1/alerts?agent=team-b-1', TEAM_TOKEN)).toEqual([])
  })

  it('pages on also where names are as long as they may be', async () => {
    const long = entryOf({ episode: `${'\u0001'.repeat(100)}#1` })
    const { app } = await setUp({ entries: [long, entryOf({ episode: 'z#2' })] })
    const { nextCursor } = (await app.inject('/api/v1/alerts?limit=1')).json()
    const rest = (await app.inject(`/api/v1/alerts?limit=1&cursor=${nextCursor}`)).json()
    expect(rest.items[0].episode).toBe('z#2')
  })
})
