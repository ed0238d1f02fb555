import { createHash, createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { eventually } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { samplesOf } from '../support/samples.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'
import { alertBody, notificationBody } from '../unit/alertmanager/bodies.ts'

const ALERTMANAGER = '/api/v1/alertmanager'
const GRAFANA = '/api/v1/grafana-alerts'
const SECRET = 'a secret of sixteen letters'
const READER = 'token-of-somebody-who-reads'
const SIXTEEN_MIB = 16 * 1024 * 1024
const AGENT = 'webhook-victim'

type Headers = Readonly<Record<string, string | undefined>>

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly body: Readonly<Record<string, unknown>>
  readonly location: string | undefined
}

describe('notifications of people who mean no good', () => {
  const folder = temporaryFolder()
  let daemon: ActingDaemon
  let agent: Stranger

  beforeAll(async () => {
    const grafanaSecretFile = join(folder.path, 'grafana')
    writeFileSync(grafanaSecretFile, `${SECRET}\n`)
    daemon = await startActingDaemon({
      config: {
        alertmanager: {
          grafanaSecretFile,
          rules: [{ match: { alertname: 'AgentTokenRateHigh' }, action: 'pause', dryRun: false }],
        },
        auth: {
          tokens: [
            {
              name: 'reader',
              hashSha256: createHash('sha256').update(READER).digest('hex'),
              scopes: ['read', 'ingest'],
            },
          ],
        },
      },
    })
    agent = await startStranger('/bin/sleep', ['600'])
    const registration = { id: AGENT, runtime: { pid: agent.pid }, enforce: true }
    expect((await daemon.call('POST', '/api/v1/agents', registration)).status).toBe(201)
  })
  afterAll(async () => {
    await agent?.stop()
    await daemon?.[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  const labels = { alertname: 'AgentTokenRateHigh', agent: AGENT, instance: 'host:10780' }
  const good = (version = '4', more: object = {}) =>
    JSON.stringify(notificationBody({ version, alerts: [alertBody({ labels })], ...more }))

  /** With `node:http`: `fetch` would follow a redirect and announce lengths of its own. */
  function send(path: string, body: string | Buffer, more: Headers = {}, method = 'POST'): Promise<Answer> {
    const all = { 'content-type': 'application/json', authorization: `Bearer ${daemon.token}`, ...more }
    const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    return new Promise((resolve, reject) => {
      const [host, port] = daemon.address.split(':')
      const outgoing = request({ host, port, method, path, headers, agent: false })
      outgoing.on('error', reject)
      outgoing.once('response', (answer) => {
        const { statusCode: status = 0, headers: answered } = answer
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          text += part
        })
        answer.once('end', () => {
          const parsed = JSON.parse(text === '' ? '{}' : text) as Answer['body']
          const code = parsed['code'] as string | undefined
          resolve({ status, code, body: parsed, location: answered.location })
        })
      })
      outgoing.end(body)
    })
  }

  const counts = async () => {
    const page = samplesOf(await daemon.scrape())
    return (outcome: string) => page.get(`agent_alertmanager_notifications_total{outcome="${outcome}"}`)
  }

  /** It is counted as this, and as nothing else, and nobody was touched. */
  async function countedAs(outcome: string, act: () => Promise<void>, times = 1): Promise<void> {
    const outcomes = ['accepted', 'truncated', 'malformed', 'too_large', 'unauthenticated', 'not_journalled']
    const before = await counts()
    await act()
    await eventually(`${outcome} is counted`, async () => {
      const now = await counts()
      return now(outcome) === (before(outcome) ?? Number.NaN) + times || undefined
    })
    const after = await counts()
    for (const other of outcomes)
      if (other !== outcome) expect([other, after(other)]).toEqual([other, before(other)])
    expect(await daemon.journal(AGENT)).toEqual([])
  }

  it.each([
    ['no token', ALERTMANAGER, { authorization: undefined }, 401, 'AE_UNAUTHENTICATED'],
    [
      'a wrong token',
      `${ALERTMANAGER}/`,
      { authorization: 'Bearer not-the-token-of-anybody' },
      401,
      'AE_UNAUTHENTICATED',
    ],
    [
      'a password that nobody asked for',
      ALERTMANAGER,
      { authorization: 'Basic YTpi' },
      401,
      'AE_UNAUTHENTICATED',
    ],
    ['the token of a reader', GRAFANA, { authorization: `Bearer ${READER}` }, 403, 'AE_FORBIDDEN'],
    ['no signature', GRAFANA, {}, 401, 'AE_UNAUTHENTICATED'],
    [
      'a wrong signature',
      `${GRAFANA}/`,
      { 'x-grafana-alerting-signature': 'a'.repeat(64) },
      401,
      'AE_UNAUTHENTICATED',
    ],
    ['the origin of a page', ALERTMANAGER, { origin: 'https://evil.example' }, 403, 'AE_FOREIGN_ORIGIN'],
  ] as const)('with %s are refused', async (_, path, headers, status, code) => {
    await countedAs('unauthenticated', async () => {
      const version = path.startsWith(GRAFANA) ? '1' : '4'
      expect(await send(path, good(version), headers)).toMatchObject({ status, code })
    })
  })

  it.each([
    ['announced', { 'content-length': String(SIXTEEN_MIB + 1) }, ''],
    ['in chunks', { 'transfer-encoding': 'chunked' }, Buffer.alloc(SIXTEEN_MIB + 1, ' ')],
  ])('of more than 16 MiB %s are refused', async (_, headers, body) => {
    await countedAs('too_large', async () => {
      const answer = await send(ALERTMANAGER, body, headers)
      expect(answer).toMatchObject({ status: 413, code: 'AE_PAYLOAD_TOO_LARGE' })
    })
  })

  it.each([
    ['nothing', ''],
    ['half of it', good().slice(0, -2)],
    ['something else', '{"alerts":"all of them","version":"4"}'],
    ['a million lists', '['.repeat(1_000_000)],
    ['the shape of the other', good('1')],
    ['a prototype', '{"__proto__":{"version":"4","alerts":[]}}'],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
  ])('that are %s are refused', async (_, body) => {
    await countedAs('malformed', async () => {
      expect(await send(ALERTMANAGER, body)).toMatchObject({ status: 400, code: 'AE_BAD_REQUEST' })
    })
  })

  it('of a form are refused', async () => {
    await countedAs('malformed', async () => {
      const answer = await send(ALERTMANAGER, good(), { 'content-type': 'text/plain' })
      expect(answer).toMatchObject({ status: 415, code: 'AE_UNSUPPORTED_MEDIA_TYPE' })
    })
  })

  it('are never sent elsewhere', async () => {
    for (const path of [ALERTMANAGER, `${ALERTMANAGER}/`, GRAFANA, `${GRAFANA}/`]) {
      // What is left of a notification that somebody before us has redirected.
      const answer = await send(path, '', { 'content-type': undefined }, 'GET')
      expect(answer).toMatchObject({ status: 405, code: 'AE_METHOD_NOT_ALLOWED', location: undefined })
    }
    for (const path of [`${ALERTMANAGER}//`, `/${ALERTMANAGER}`, `${ALERTMANAGER}/../alertmanager`]) {
      expect(await send(path, good())).toMatchObject({ status: 404, location: undefined })
    }
  })

  it('with more alerts than anybody has are taken as far as they go', async () => {
    const stranger = { alertname: 'Unheard', agent: AGENT }
    const alerts = Array.from({ length: 10_001 }, () => alertBody({ labels: stranger }))
    await countedAs('truncated', async () => {
      const answer = await send(ALERTMANAGER, good('4', { alerts }))
      expect(answer.body).toEqual({ alerts: 10_000, truncatedAlerts: 1, outcomes: { no_policy: 10_000 } })
    })
  })

  it('that are many at once are all answered, and none is asked to come later', async () => {
    await countedAs(
      'accepted',
      async () => {
        const answers = await Promise.all(
          Array.from({ length: 200 }, () => send(`${ALERTMANAGER}/`, good('4', { alerts: [] }))),
        )
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      },
      200,
    )
  })

  it('that are well meant are taken, on both ways', async () => {
    await countedAs(
      'accepted',
      async () => {
        // The agent is younger than the alert, and nothing was measured of who it was before.
        const outcomes = { stale_alert: 1 }
        expect((await send(`${ALERTMANAGER}/`, good())).body).toMatchObject({ alerts: 1, outcomes })
        const body = good('1')
        const at = String(Math.floor(Date.now() / 1_000))
        const signature = createHmac('sha256', SECRET).update(`${at}:${body}`).digest('hex')
        const signed = { 'x-grafana-alerting-signature': signature, 'x-grafana-alerting-timestamp': at }
        expect((await send(GRAFANA, body, signed)).body).toMatchObject({ alerts: 1, outcomes })
      },
      2,
    )
    const { body } = await daemon.call<{ items: object[] }>('GET', '/api/v1/alerts')
    expect(body.items).toMatchObject([{ alertname: 'AgentTokenRateHigh', agent: AGENT, state: 'firing' }])
  })
})
