import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AlertReceiver } from '../../../src/alertmanager/model.ts'
import { alertmanagerRoutes } from '../../../src/alertmanager/routes.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { notificationBody } from '../../unit/alertmanager/bodies.ts'
import { CONTROL_TOKEN, type TestServer, testServer } from '../../unit/platform/http/support.ts'
import { portOf, sendRaw } from '../http/support.ts'

const PIECE = 'a'.repeat(0x10000)
const OVER_16_MIB = 260

describe('a webhook on a real connection', () => {
  let server: TestServer
  let port = 0
  const refused: string[] = []
  const received: string[] = []
  const receiver: AlertReceiver = {
    receive(source) {
      received.push(source)
      return Promise.resolve({ alerts: 0, truncatedAlerts: 0, outcomes: {} })
    },
    refused: (outcome) => void refused.push(outcome),
    list: () => [],
  }
  beforeAll(async () => {
    const routes = alertmanagerRoutes({ clock: systemClock, receiver, grafanaSecret: () => undefined })
    server = await testServer(routes, { clock: systemClock })
    port = portOf((await server.listen())[0])
  })
  afterAll(() => server?.close())
  beforeEach(() => {
    refused.length = 0
    received.length = 0
  })

  const head = (more: string, token = CONTROL_TOKEN) =>
    `POST /api/v1/alertmanager HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
    `Authorization: Bearer ${token}\r\n${more}\r\n\r\n`

  it('takes a body in chunks', async () => {
    const body = JSON.stringify(notificationBody())
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const answer = await sendRaw(port, head('Transfer-Encoding: chunked') + chunked)
    expect([answer.status, received, refused]).toEqual([200, ['alertmanager'], []])
  })

  it('stops reading a body that never ends', async () => {
    const answer = await sendRaw(port, head('Transfer-Encoding: chunked'), (socket) => {
      for (let sent = 0; sent < OVER_16_MIB; sent++) socket.write(`10000\r\n${PIECE}\r\n`)
    })
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'AE_PAYLOAD_TOO_LARGE' })
    expect([received, refused]).toEqual([[], ['too_large']])
  })

  it.each([
    ['for its length', 'Content-Length: 16777217', CONTROL_TOKEN, 413, 'too_large'],
    ['for its token', 'Content-Length: 16777216', 'not-the-token-of-anybody', 401, 'unauthenticated'],
  ])('refuses one %s before it is sent', async (_, length, token, status, outcome) => {
    const answer = await sendRaw(port, head(`Expect: 100-continue\r\n${length}`, token))
    expect([answer.status, received, refused]).toEqual([status, [], [outcome]])
  })

  it('does nothing with half a body', async () => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`${head('Content-Length: 1000')}{"version":"4","alerts":[`)
    socket.end()
    for await (const _ of socket);
    expect(received).toEqual([])
  })
})
