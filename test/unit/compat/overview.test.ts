import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRoom, type Room, TOKENS } from './room.ts'

let room: Room
beforeEach(async () => {
  room = await createRoom()
})
afterEach(() => room.close())

const json = async (url: string, headers = {}) => (await room.get(url, headers)).json()
const tell = (daemon: 'host-1' | 'host-2', agents: object[]) =>
  room.post('/api/monitoring/metrics', { agents }, TOKENS[daemon])

describe('GET /api/metrics/agents (R32)', () => {
  it('R01 shows memory and CPU of this host as measured, and what is not known as null', async () => {
    const agent = room.add('own', { rssBytes: 1_000, cpuUserSeconds: 1, cpuSystemSeconds: 0 }, 'critical')
    room.add('silent')
    room.sample()
    agent.reading.rssBytes = 3_000
    for (let i = 0; i < 20; i++) {
      agent.reading.cpuUserSeconds! += 0.5
      room.sample()
    }
    const { agents } = await json('/api/metrics/agents')
    expect(agents[0]).toEqual({
      ...{ name: 'own', pid: 77, status: 'running', rssBytes: 3_000, heapUsedBytes: null, cpuPercent: 50 },
      ...{ trend: 'growing', trendRatePerMinute: 6_000, alertLevel: 'critical', limitBytes: 2e9 },
      ...{ highWatermark: 3_000, lowWatermark: 1_000, averageRss: 2_905 },
      ...{ timeToLimitSeconds: { low: 600, mid: 900 }, uptimeMs: 21_000 },
      ...{ startedAt: '2026-01-01T00:00:00.000Z', runtime: 'process', host: null },
    })
    expect(agents[1]).toMatchObject({
      ...{ name: 'silent', rssBytes: null, cpuPercent: null, trend: 'unknown', alertLevel: null },
      ...{ highWatermark: null, averageRss: null, limitBytes: null, timeToLimitSeconds: null },
    })
  })

  it('R11 sums up the machine and its agents, most memory first', async () => {
    for (let i = 0; i < 7; i++) room.add(`a-${i}`, { rssBytes: 100 * i }, i < 2 ? 'warning' : 'healthy')
    room.add('unread')
    await tell('host-1', [{ name: 'a-far', rssBytes: 350, alertLevel: 'oom_imminent' }])
    const { system } = await json('/api/metrics/agents')
    expect(system).toEqual({
      ...{ totalMemory: 64e9, freeMemory: 8e9, availableMemory: 16e9, heapUsed: expect.any(Number) },
      totalAgents: 9,
      agentsByAlertLevel: { normal: 5, warning: 2, critical: 0, oom_imminent: 1 },
      topMemoryConsumers: [
        { name: 'a-6', rssBytes: 600, host: null },
        { name: 'a-5', rssBytes: 500, host: null },
        { name: 'a-4', rssBytes: 400, host: null },
        { name: 'a-far', rssBytes: 350, host: 'host-1' },
        { name: 'a-3', rssBytes: 300, host: null },
      ],
    })
  })

  it('shows a token that is limited to some agents only those', async () => {
    room.add('a-own')
    room.add('b-own')
    await tell('host-2', [{ name: 'a-far' }, { name: 'b-far' }])
    const { agents, system } = await json('/api/metrics/agents', TOKENS['team-a'])
    expect(agents.map(({ name }: { name: string }) => name)).toEqual(['a-own', 'a-far'])
    expect(system.totalAgents).toBe(2)
  })

  it('knows better of whom it measures itself than who tells about it', async () => {
    room.add('own', { rssBytes: 5 })
    await room.post('/api/monitoring/metrics', { agents: [{ name: 'own', rssBytes: 9 }, { name: 'x' }] })
    const { agents } = await json('/api/metrics/agents')
    expect(agents.map(({ name, rssBytes, host }: never) => [name, rssBytes, host])).toEqual([
      ['own', 5, null],
      ['x', null, null],
    ])
  })
})

describe('GET /api/monitoring/overview (R23)', () => {
  it('R33 counts healthy, warning and critical agents, those of other daemons among them', async () => {
    room.add('own-1', { rssBytes: 5 }, 'healthy')
    room.add('own-2', { rssBytes: 5 }, 'oom_imminent')
    room.add('own-3')
    await tell('host-1', [
      { name: 'a-1', rssBytes: 10, alertLevel: 'normal' },
      { name: 'a-2', rssBytes: 20, alertLevel: 'warning' },
      { name: 'a-3', rssBytes: 30, alertLevel: 'critical' },
    ])
    const { summary, daemons, latestMetrics } = await json('/api/monitoring/overview')
    expect(summary).toEqual({
      ...{ totalAgents: 6, healthyAgents: 2, warningAgents: 1, criticalAgents: 2, unknownAgents: 1 },
      ...{ totalCrashes24h: 3, totalAlerts24h: 0 },
    })
    const now = new Date(room.clock.now()).toISOString()
    expect(daemons).toEqual([
      { id: 'me', name: 'me', machineId: null, status: 'online', lastSeenAt: now },
      { id: 'host-1', name: 'host-1', machineId: null, status: 'online', lastSeenAt: now },
    ])
    expect(latestMetrics.at(-1)).toMatchObject({
      ...{ agentName: 'a-3', daemonId: 'host-1', recordedAt: now, rssBytes: 30, alertLevel: 'critical' },
    })
  })

  it('tells the health score how all of them are that are known', async () => {
    room.add('own', { rssBytes: 5 }, 'oom_imminent')
    room.add('b-own', { rssBytes: 5 }, 'critical')
    await tell('host-1', [{ name: 'a-1', alertLevel: 'critical' }, { name: 'a-2' }])
    const of = (visible: (id: string) => boolean) => Object.values(room.compat.live(visible))
    expect(of(() => true)).toEqual([4, 2, 1])
    expect(of((id) => id.startsWith('a-'))).toEqual([2, 1, 0])
    room.clock.advance(120_001)
    expect(of(() => true)).toEqual([2, 1, 1])
  })

  it('calls a daemon offline after two minutes of silence, and its agents unknown', async () => {
    await tell('host-1', [{ name: 'a-1', rssBytes: 10, alertLevel: 'normal', highWatermark: 12 }])
    room.clock.advance(120_000)
    expect((await json('/api/monitoring/overview')).summary).toMatchObject({ healthyAgents: 1 })
    expect(room.compat.daemons()).toEqual({ connected: 2, total: 2 })
    room.clock.advance(1)
    const { summary, daemons, latestMetrics } = await json('/api/monitoring/overview')
    expect(summary).toMatchObject({ totalAgents: 1, healthyAgents: 0, unknownAgents: 1 })
    expect(daemons[1]).toMatchObject({
      id: 'host-1',
      status: 'offline',
      lastSeenAt: '2026-01-01T00:00:00.000Z',
    })
    expect(latestMetrics[0]).toMatchObject({ status: 'offline', rssBytes: null, highWatermark: 12 })
    expect(room.compat.daemons()).toEqual({ connected: 1, total: 2 })
    expect(await json('/api/metrics')).toMatchObject({ totalAgents: 1, onlineAgents: 0, offlineAgents: 1 })
    room.clock.advance(86_400_000)
    expect((await json('/api/monitoring/overview')).daemons).toHaveLength(1)
  })

  it('leaves out an agent of which its daemon says nothing any more', async () => {
    await tell('host-1', [{ name: 'a-1' }, { name: 'a-2' }])
    room.clock.advance(100_000)
    await tell('host-1', [{ name: 'a-1' }])
    room.clock.advance(100_000)
    expect((await json('/api/monitoring/overview')).summary.totalAgents).toBe(1)
  })

  it('goes by the time of the samples when a daemon tells what it could not tell before', async () => {
    const ago = (ms: number) => new Date(room.clock.now() - ms).toISOString()
    for (const ms of [600_000, 300_000, 10_000]) {
      const agents = [{ name: 'a-1', rssBytes: ms }, ...(ms > 200_000 ? [{ name: 'a-gone' }] : [])]
      await room.post('/api/monitoring/metrics', { agents, recordedAt: ago(ms) }, TOKENS['host-1'])
    }
    await room.post(
      '/api/monitoring/metrics',
      { agents: [{ name: 'a-1' }], recordedAt: ago(60_000) },
      TOKENS['host-1'],
    )
    const { latestMetrics } = await json('/api/monitoring/overview')
    expect(latestMetrics).toEqual([expect.objectContaining({ agentName: 'a-1', rssBytes: 10_000 })])
  })

  it('goes on when the clock of this host is set back', async () => {
    await tell('host-1', [{ name: 'a-1', rssBytes: 1 }])
    room.clock.jumpWall(-3_600_000)
    await tell('host-1', [{ name: 'a-1', rssBytes: 2 }])
    expect((await json('/api/monitoring/overview')).latestMetrics).toMatchObject([{ rssBytes: 2 }])
  })

  it('knows the daemons of before a restart', async () => {
    await tell('host-1', [{ name: 'a-1', rssBytes: 7 }])
    const next = await createRoom()
    next.state.samples = room.state.samples
    await next.compat.feature.start?.()
    const { latestMetrics } = (await next.get('/api/monitoring/overview')).json()
    expect(latestMetrics).toEqual([expect.objectContaining({ agentName: 'a-1', rssBytes: 7 })])
    await next.close()
  })

  it('hides daemons whose agents the caller may not see (E17)', async () => {
    await tell('host-2', [{ name: 'b-1' }])
    const { daemons, summary } = await json('/api/monitoring/overview', TOKENS['team-a'])
    expect(daemons.map(({ id }: { id: string }) => id)).toEqual(['me'])
    expect(summary.totalAgents).toBe(0)
  })
})

describe('GET /api/monitoring/agents/{name}/metrics (R24)', () => {
  it('answers from the history of this host, in even steps, newest first', async () => {
    const agent = room.add('own', { rssBytes: 1_024, cpuUserSeconds: 0, cpuSystemSeconds: 0 }, 'warning')
    room.sample(30)
    agent.reading.rssBytes = 2_048
    room.sample(30)
    const { metrics, stats } = await json('/api/monitoring/agents/own/metrics?hours=1')
    expect(metrics).toHaveLength(60)
    expect(metrics[0]).toMatchObject({ daemonId: 'me', rssBytes: 2_048, cpuPercent: 0 })
    expect(metrics.at(-1)).toMatchObject({ rssBytes: 1_024, cpuPercent: null })
    expect(metrics[0].recordedAt).toBe(new Date(room.clock.now()).toISOString())
    expect(stats).toEqual({
      ...{ count: 60, avgRss: 1_536, maxRss: 2_048, minRss: 1_024 },
      ...{ latestTrend: 'growing', latestAlertLevel: 'warning' },
    })
    expect((await json('/api/monitoring/agents/own/metrics?hours=0.002')).metrics).toHaveLength(8)
    room.sample(1_800)
    const later = await json('/api/monitoring/agents/own/metrics')
    expect(later.metrics.length).toBeLessThan(200)
    expect(later.stats.avgRss).toBeGreaterThan(2_000)
  })

  it('answers from what its daemon told', async () => {
    for (const rssBytes of [100, 300, 200]) {
      await tell('host-1', [{ name: 'a-1', rssBytes, trend: 'growing', alertLevel: 'warning' }])
      room.clock.advance(10_000)
    }
    const { metrics, stats } = await json('/api/monitoring/agents/a-1/metrics?daemonId=host-1')
    expect(metrics.map(({ rssBytes, daemonId }: never) => [rssBytes, daemonId])).toEqual([
      [200, 'host-1'],
      [300, 'host-1'],
      [100, 'host-1'],
    ])
    expect(stats).toEqual({
      ...{ count: 3, avgRss: 200, maxRss: 300, minRss: 100 },
      ...{ latestTrend: 'growing', latestAlertLevel: 'warning' },
    })
  })

  it('tells nothing of others (E17) and asks for hours that make sense (E18)', async () => {
    await tell('host-2', [{ name: 'b-1' }])
    const of = (query: string, headers = {}) => room.get(`/api/monitoring/agents/${query}`, headers)
    expect((await of('b-1/metrics', TOKENS['team-a'])).json().code).toBe('AE_FORBIDDEN')
    expect((await of('nobody/metrics')).json().code).toBe('AE_AGENT_NOT_FOUND')
    expect((await of('b-1/metrics?daemonId=host-9')).json()).toMatchObject({ metrics: [] })
    for (const query of ['hours=0', 'hours=-1', 'hours=169', 'hours=x', 'hours=1e400', 'daemonId=']) {
      expect((await of(`b-1/metrics?${query}`)).json().code).toBe('AE_INVALID')
    }
    expect((await of('..%2fb/metrics')).json().code).toBe('AE_INVALID')
  })
})

describe('GET /api/metrics (R32)', () => {
  it('tells how lives ended, and of messages nothing', async () => {
    room.add('a-own')
    for (const [agent, reason] of [
      ['a-1', 'clean'],
      ['a-2', 'stopped'],
      ['b-1', 'crashed'],
      ['a-3', 'crashed'],
    ] as const) {
      room.bus.emit('agent.ended', {
        subject: { agent, incarnation: 'i', runtime: 'process', role: undefined, pid: 1 },
        verdict: { reason, cause: undefined, confidence: 'high', summary: '', evidence: [] },
        atMs: room.clock.now(),
      })
    }
    expect(await json('/api/metrics')).toMatchObject({
      ...{ totalAgents: 1, onlineAgents: 1, offlineAgents: 0, totalMessages: null },
      sessions: {
        ...{ totalSessions: 5, activeSessions: 1, closedByAgent: 1, closedByDisconnect: 1 },
        ...{ closedByError: 2, errorRate: 50 },
      },
      agents: [{ name: 'a-own', messagesSent: null, isOnline: true, uptimeSeconds: 0 }],
    })
    const { sessions } = await json('/api/metrics', TOKENS['team-a'])
    expect(sessions).toMatchObject({ closedByError: 1, errorRate: 33.33 })
    expect(sessions.recentSessions[0]).toMatchObject({ agentName: 'a-3', closedBy: 'crashed' })
  })
})
