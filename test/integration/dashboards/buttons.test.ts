import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agentActions, type PanelAction } from '../../../src/dashboards/actions.ts'
import { type ActingDaemon, startActingDaemon } from '../../support/acting-daemon.ts'
import { type Stranger, startStranger } from '../../support/stranger.ts'

const GRAFANA = 'https://grafana.example.org'
const STRANGE = 'https://attacker.example'
const AGENT = 'planner'
/** What Grafana sends with a button, besides what the button says. */
const OF_GRAFANA = { 'X-Grafana-Action': '1', 'X-Grafana-Device-Id': 'f0e1d2c3b4a5' }

describe('the buttons of Grafana, pressed in a browser', () => {
  let daemon: ActingDaemon
  let agent: Stranger
  let pause: PanelAction
  let resume: PanelAction

  beforeAll(async () => {
    daemon = await startActingDaemon({
      config: {
        agents: { discovery: { processes: false, containers: false } },
        auth: { allowedOrigins: [GRAFANA] },
      },
    })
    agent = await startStranger('/bin/sleep', ['600'])
    const { status } = await daemon.call('POST', '/api/v1/agents', { id: AGENT, runtime: { pid: agent.pid } })
    expect(status).toBeLessThan(300)
    const [first, second] = agentActions('http://{instance}/')
    pause = first!
    resume = second!
  })
  afterAll(async () => {
    await agent?.stop()
    await daemon?.[Symbol.asyncDispose]()
  })

  /** The address that the browser asks: Grafana has put in the fields of the row. */
  function addressOf({ fetch: { url } }: PanelAction): string {
    return url
      .replace('${__data.fields.instance}', daemon.address)
      .replace('${__data.fields.agent:percentencode}', encodeURIComponent(AGENT))
  }

  /** The question that a browser asks before it sends what a plain form could not. */
  function preflight(action: PanelAction, origin: string): Promise<Response> {
    const headers = [...action.fetch.headers.map(([name]) => name), ...Object.keys(OF_GRAFANA)]
    return fetch(addressOf(action), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': action.fetch.method,
        'access-control-request-headers': headers
          .map((name) => name.toLowerCase())
          .sort()
          .join(','),
      },
    })
  }

  function press(action: PanelAction, headers: Readonly<Record<string, string>>): Promise<Response> {
    return fetch(`${addressOf(action)}?wait=20s`, {
      method: action.fetch.method,
      headers: { ...Object.fromEntries(action.fetch.headers), ...OF_GRAFANA, ...headers },
      body: action.fetch.body.replace('$reason', 'seen in Grafana'),
    })
  }

  it('are allowed every header that they send, from an origin that is listed', async () => {
    for (const action of [pause, resume]) {
      const { status, headers } = await preflight(action, GRAFANA)
      expect([status, headers.get('access-control-allow-origin')]).toEqual([204, GRAFANA])
      const allowed = headers.get('access-control-allow-headers')!.toLowerCase().split(', ')
      for (const name of ['x-grafana-action', 'x-grafana-device-id', 'content-type']) {
        expect(allowed).toContain(name)
      }
      expect(headers.get('access-control-allow-methods')).toContain('POST')
      // Cookies of the exporter are for its own pages.
      expect(headers.get('access-control-allow-credentials')).toBeNull()
    }
  })

  it('are refused from everywhere else, with a token too', async () => {
    expect((await preflight(pause, STRANGE)).status).toBe(403)
    const answer = await press(pause, { origin: STRANGE, authorization: `Bearer ${daemon.token}` })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      403,
      'AE_FOREIGN_ORIGIN',
    ])
  })

  it('do nothing without a credential, which the dashboard does not hold', async () => {
    const answer = await press(pause, { origin: GRAFANA })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([401, GRAFANA])
    expect(await daemon.journal(AGENT)).toEqual([])
  })

  it('act with the one that a proxy adds, and the reason is written down', async () => {
    const headers = { origin: GRAFANA, authorization: `Bearer ${daemon.token}` }
    for (const action of [pause, resume]) {
      const answer = await press(action, headers)
      expect([answer.status, ((await answer.json()) as { status: string }).status]).toEqual([202, 'done'])
    }
    expect((await daemon.journal(AGENT)).map(({ action }) => action)).toEqual(['resume', 'pause'])
  })
})
