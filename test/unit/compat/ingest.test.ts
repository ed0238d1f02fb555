import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRoom, type Room, TOKENS } from './room.ts'

let room: Room
beforeEach(async () => {
  room = await createRoom()
})
afterEach(() => room.close())

const METRICS = '/api/monitoring/metrics'
const tell = (agents: object[], more: object = {}, headers: object = TOKENS['host-2']) =>
  room.post(METRICS, { agents, ...more }, headers)

describe('POST /api/monitoring/metrics (R22)', () => {
  it('takes down what the seed sends, rounds nothing away and ignores what it does not know', async () => {
    const said = {
      ...{ name: 'a-1', pid: 4, status: 'running', rssBytes: 1e8, heapUsedBytes: 0.6 * 1e8 + 0.5 },
      ...{ heapTotalBytes: 8e7, cpuPercent: 12.5, trend: 'growing', trendRatePerMinute: 1.5 },
      ...{ alertLevel: 'healthy', highWatermark: 2e8, averageRss: 1.5, uptimeMs: 5_000 },
      startedAt: '2025-12-31T23:59:55Z',
    }
    const answer = await tell([{ ...said, mood: 'good' }], { daemon: 'x' }, TOKENS['host-1'])
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ success: true, recorded: 1 })
    expect(room.state.samples).toEqual([
      expect.objectContaining({
        ...{ origin: 'host-1', agent: 'a-1', pid: 4, rssBytes: 1e8, alertLevel: 'normal' },
        ...{ atMs: room.clock.now(), toldAtMs: room.clock.now(), startedAtMs: room.clock.now() - 5_000 },
        ...{ limitBytes: undefined, lowWatermark: undefined, cpuPercent: 12.5 },
      }),
    ])
  })

  it('records a batch that is told twice once, by its time or by its Idempotency-Key (E21)', async () => {
    const batch = [{ name: 'a-1', rssBytes: 1 }, { name: 'a-2' }]
    const at = { recordedAt: new Date(room.clock.now() - 9_000).toISOString() }
    expect((await tell(batch, at)).json()).toEqual({ success: true, recorded: 2 })
    expect((await tell(batch, at)).json()).toEqual({ success: true, recorded: 2 })
    expect(room.state.samples).toHaveLength(2)
    const key = { ...TOKENS['host-2'], 'idempotency-key': 'one' }
    await tell(batch, {}, key)
    room.clock.advance(5_000)
    const again = await tell(batch, {}, key)
    expect(again.headers['idempotency-replayed']).toBe('true')
    expect(again.json()).toEqual({ success: true, recorded: 2 })
    expect(room.state.samples).toHaveLength(4)
  })

  it('takes what is no memory for not read: no process that lives has none', async () => {
    await tell([{ name: 'a-1', rssBytes: 0, heapUsedBytes: 0, cpuPercent: 0, alertLevel: 'fine', pid: null }])
    expect(room.state.samples[0]).toMatchObject({
      ...{ rssBytes: undefined, heapUsedBytes: undefined, cpuPercent: 0, alertLevel: undefined },
    })
  })

  it('sets a clock that runs ahead back to its own, and knows the sample again', async () => {
    const at = { recordedAt: '2999-01-01T00:00:00Z' }
    await tell([{ name: 'a-1', rssBytes: 1 }], at)
    room.clock.advance(60_000)
    await tell([{ name: 'a-1', rssBytes: 1 }], at)
    expect(room.state.samples.map(({ atMs }) => atMs)).toEqual([room.clock.now() - 60_000])
    await tell([{ name: 'a-1', rssBytes: 2 }])
    const { agents } = (await room.get('/api/metrics/agents')).json()
    expect(agents[0].rssBytes).toBe(2)
  })

  it('leaves out what is older than what is kept', async () => {
    const old = new Date(room.clock.now() - 8 * 86_400_000).toISOString()
    expect((await tell([{ name: 'a-1', recordedAt: old }, { name: 'a-2' }])).json().recorded).toBe(1)
  })

  it('refuses what its token does not cover, all of it, and says where', async () => {
    const answer = await tell([{ name: 'a-1' }, { name: 'b-1' }, { name: 'b-2' }], {}, TOKENS['host-1'])
    expect(answer.statusCode).toBe(403)
    expect(answer.json()).toMatchObject({ code: 'AE_FORBIDDEN' })
    expect(answer.json().errors.map(({ path }: { path: string }) => path)).toEqual([
      '/agents/1/name',
      '/agents/2/name',
    ])
    expect(room.state.writes).toBe(0)
  })

  it('believes a stranger nothing, and counts who may tell without a token to this host', async () => {
    room.state.trusted = false
    expect((await tell([{ name: 'a-1' }], {}, {})).statusCode).toBe(403)
    room.state.trusted = true
    expect((await tell([{ name: 'a-1' }], {}, {})).statusCode).toBe(200)
    expect(room.state.samples[0]?.origin).toBe('me')
    // A token that may only read.
    expect((await tell([{ name: 'a-1' }], {}, TOKENS['team-a'])).statusCode).toBe(403)
  })

  it.each([
    ['no list', { agents: {} }],
    ['nothing', {}],
    ['a hostile name', { agents: [{ name: '../../etc' }] }],
    ['a name with a new line', { agents: [{ name: 'a\nb' }] }],
    ['an empty name', { agents: [{ name: '' }] }],
    ['a long name', { agents: [{ name: 'a'.repeat(129) }] }],
    ['text for bytes', { agents: [{ name: 'a', rssBytes: '5' }] }],
    ['bytes below zero', { agents: [{ name: 'a', rssBytes: -1 }] }],
    ['more than can be counted', { agents: [{ name: 'a', rssBytes: 1e300 }] }],
    ['a pid that is none', { agents: [{ name: 'a', pid: 1.5 }] }],
    ['a long status', { agents: [{ name: 'a', status: 's'.repeat(51) }] }],
    ['10,001 agents', { agents: Array.from({ length: 10_001 }, (_, n) => ({ name: `a-${n}` })) }],
  ])('refuses %s with a code and changes nothing', async (_, body) => {
    const answer = await room.post(METRICS, body, TOKENS['host-2'])
    expect(answer.statusCode).toBe(422)
    expect(answer.json().code).toBe('AE_INVALID')
    expect(room.state.writes).toBe(0)
  })

  it.each(['1e400', '-1e400'])('refuses %s for bytes: no such number is finite', async (number) => {
    const answer = await room.server.app.inject({
      ...{ method: 'POST', url: METRICS },
      headers: { ...TOKENS['host-2'], 'content-type': 'application/json' },
      payload: `{"agents":[{"name":"a","rssBytes":${number}}]}`,
    })
    expect(answer.json().code).toBe('AE_INVALID')
    expect(room.state.writes).toBe(0)
  })

  it('is told of a host without agents', async () => {
    expect((await tell([], {}, TOKENS['host-1'])).json()).toEqual({ success: true, recorded: 0 })
    expect(room.compat.daemons()).toEqual({ connected: 2, total: 2 })
    const { daemons } = (await room.get('/api/monitoring/overview')).json()
    expect(daemons.map(({ id }: { id: string }) => id)).toEqual(['me', 'host-1'])
  })

  it('refuses a body that no thousand agents need', async () => {
    const answer = await tell([{ name: 'a-1', mood: 'x'.repeat(2 ** 20) }])
    expect(answer.statusCode).toBe(413)
    expect(answer.json().code).toBe('AE_PAYLOAD_TOO_LARGE')
  })

  it('shows no control characters of others', async () => {
    await tell([{ name: 'a-1', status: 'ok\u001b[31m', trend: '\u202eup' }])
    expect(room.state.samples[0]).toMatchObject({ status: 'ok\ufffd[31m', trend: '\ufffdup' })
  })
})

describe('who tells about agents of this host', () => {
  const alert = (agentName: string, headers: object) =>
    room.post('/api/monitoring/alert', { alert: { agentName, alertType: 'warning' } }, headers)

  it('may do so often, and not without end', async () => {
    for (let i = 0; i < 300; i++) expect((await alert('a-1', {})).statusCode).toBe(200)
    expect((await alert('a-1', {})).json().code).toBe('AE_TOO_MANY_REQUESTS')
    expect((await alert('a-2', {})).statusCode).toBe(200)
    expect((await alert('a-1', TOKENS['host-1'])).statusCode).toBe(200)
    room.clock.advance(3_600_000)
    expect((await alert('a-1', {})).statusCode).toBe(200)
  })

  it('has a batch refused whole when one of its agents was told of too often', async () => {
    for (let i = 0; i < 720; i++) await tell([{ name: 'a-1' }], {}, {})
    const writes = room.state.writes
    expect((await tell([{ name: 'a-2' }, { name: 'a-1' }], {}, {})).statusCode).toBe(429)
    expect(room.state.writes).toBe(writes)
    expect((await tell([{ name: 'a-1' }], {}, TOKENS['host-2'])).statusCode).toBe(200)
  })
})

describe('POST /api/monitoring/alert (R22, R26)', () => {
  const alert = {
    agentName: 'a-1',
    alertType: 'critical',
    currentRss: 1.5e9,
    threshold: 1e9,
    message: 'High.',
  }
  const send = (more: object = {}, headers: object = TOKENS['host-1']) =>
    room.post('/api/monitoring/alert', { alert: { ...alert, ...more } }, headers)

  it('keeps it under the name of its daemon, once', async () => {
    const createdAt = new Date(room.clock.now() - 1_000).toISOString()
    const [one, two] = [await send({ createdAt }), await send({ createdAt })]
    expect(one.json()).toEqual({ success: true, alertId: expect.stringMatching(/^alert-[0-9a-f]{20}$/) })
    expect(two.json()).toEqual(one.json())
    const { alerts } = (await room.get('/api/monitoring/alerts')).json()
    expect(alerts).toEqual([
      {
        ...{ id: one.json().alertId, agentName: 'a-1', alertType: 'critical', currentRss: 1.5e9 },
        ...{ threshold: 1e9, message: 'High.', recommendation: '', acknowledged: false },
        ...{ acknowledgedAt: null, createdAt, daemonId: 'host-1' },
      },
    ])
  })

  it('refuses other agents, types that are none and texts without end', async () => {
    expect((await send({ agentName: 'b-1' })).json().code).toBe('AE_FORBIDDEN')
    expect((await send({ alertType: 'whatever' })).json().code).toBe('AE_INVALID')
    expect((await send({ agentName: '<script>' })).json().code).toBe('AE_INVALID')
    expect((await send({ message: 'x'.repeat(2_001) })).json().code).toBe('AE_INVALID')
    expect((await send({ message: 'x'.repeat(2 ** 17) })).json().code).toBe('AE_PAYLOAD_TOO_LARGE')
    expect(room.state.alerts).toEqual([])
  })

  it('is not of the future, and shows no control characters', async () => {
    await send({ createdAt: '2999-01-01T00:00:00Z', message: 'a\u0007b', recommendation: 'c\u202ed' })
    expect(room.state.alerts[0]).toMatchObject({
      ...{ atMs: room.clock.now(), message: 'a\ufffdb', recommendation: 'c\ufffdd' },
    })
  })
})
