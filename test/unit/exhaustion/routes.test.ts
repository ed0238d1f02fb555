import { afterEach, describe, expect, it } from 'vitest'
import type { Census } from '../../../src/exhaustion/census.ts'
import type { ExhaustionEvent } from '../../../src/exhaustion/model.ts'
import type { Totals } from '../../../src/exhaustion/repository.ts'
import { exhaustionRoutes } from '../../../src/exhaustion/routes.ts'
import { bearer, TEAM_TOKEN, type TestServer, testServer } from '../platform/http/support.ts'
import { createRoom } from './room.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

function eventOf(n: number, agent: string): ExhaustionEvent {
  return {
    ...{ id: `e${String(n).padStart(5, '0')}`, agent, incarnation: 'x', role: undefined, epoch: 1 },
    ...{ phase: 'warning', previousPhase: 'normal', triggeredBy: 'tokens', actionTaken: 'warned' },
    ...{ actionId: undefined, actor: 'budget', reason: 'r', metrics: {}, thresholds: {}, atMs: n },
  }
}

async function setUp(events: readonly ExhaustionEvent[], totals: readonly Totals[] = []) {
  const { settings } = createRoom({ thresholds: { maxApiCalls: 7 } })
  const newest = [...events].reverse()
  const asked: unknown[] = []
  server = await testServer(
    exhaustionRoutes({
      config: () => settings.config,
      census: (visible): Census => ({
        agentsTracked: ['team-a-1', 'b'].filter(visible).length,
        agentsByPhase: { normal: 1, warning: 0, intervention: 0, termination: 0 },
        pausedAgents: 0,
      }),
      repository: {
        flushed: async () => {},
        totals: async (since) => {
          asked.push(since)
          return totals
        },
        events: async (filter, limit, after) => {
          asked.push(filter)
          return newest.filter(({ atMs }) => after === undefined || atMs < after[0]).slice(0, limit)
        },
      },
    }),
  )
  const { app } = server
  return { settings, asked, get: (url: string, headers = {}) => app.inject({ url, headers }) }
}

describe('GET /api/v1/resources', () => {
  it('summarises phases, totals and the last ten events (A19, A20)', async () => {
    const events = Array.from({ length: 15 }, (_, n) => eventOf(n, 'b'))
    const { get, asked } = await setUp(events, [
      { agent: 'b', countsAs: 'warning', count: 15 },
      { agent: 'team-a-1', countsAs: 'termination', count: 2 },
    ])
    const answer = (await get('/api/v1/resources?since=2026-01-01T00:00:00Z')).json()
    expect(answer).toMatchObject({
      enabled: true,
      config: {
        warningThresholdPercent: 0.8,
        checkIntervalMs: 60_000,
        thresholds: { maxApiCalls: 7, maxFilesAccessed: 100 },
      },
      metrics: {
        ...{ totalAgentsTracked: 2, pausedAgents: 0 },
        agentsByPhase: { normal: 1, warning: 0, intervention: 0, termination: 0 },
        ...{ totalWarnings: 15, totalInterventions: 0, totalTerminations: 2 },
      },
    })
    expect(answer.config.warnOnly).not.toContain('maxApiCalls')
    expect(answer.metrics.recentEvents).toHaveLength(10)
    expect(answer.metrics.recentEvents[0]).toMatchObject({ id: 'e00014', at: '1970-01-01T00:00:00.014Z' })
    expect(asked[0]).toBe(Date.UTC(2026, 0, 1))
  })

  it('answers with what is true when it is switched off', async () => {
    const { get, settings } = await setUp([])
    settings.config = { ...settings.config, enabled: false }
    expect((await get('/api/v1/resources')).json()).toMatchObject({
      enabled: false,
      metrics: { totalAgentsTracked: 2 },
    })
  })

  it('shows a limited token only its agents', async () => {
    const { get } = await setUp(
      [eventOf(1, 'b'), eventOf(2, 'team-a-1')],
      [
        { agent: 'b', countsAs: 'warning', count: 15 },
        { agent: 'team-a-1', countsAs: 'warning', count: 1 },
      ],
    )
    const { metrics } = (await get('/api/v1/resources', bearer(TEAM_TOKEN))).json()
    expect(metrics).toMatchObject({ totalAgentsTracked: 1, totalWarnings: 1 })
    expect(metrics.recentEvents.map((e: ExhaustionEvent) => e.agent)).toEqual(['team-a-1'])
  })

  it('refuses a time that is none', async () => {
    const { get } = await setUp([])
    for (const since of ['yesterday', '5', '2026-99-01']) {
      const answer = await get(`/api/v1/resources?since=${since}`)
      expect([answer.statusCode, answer.json().code]).toEqual([422, 'AE_INVALID'])
    }
  })
})

describe('GET /api/v1/resources/events', () => {
  it('pages through all events, each once (A05)', async () => {
    const { get } = await setUp(Array.from({ length: 5 }, (_, n) => eventOf(n, 'b')))
    const seen: string[] = []
    let cursor = ''
    for (let page = 0; page < 3; page++) {
      const { items, nextCursor } = (await get(`/api/v1/resources/events?limit=2${cursor}`)).json()
      seen.push(...items.map((item: { id: string }) => item.id))
      cursor = `&cursor=${nextCursor}`
    }
    expect(seen).toEqual(['e00004', 'e00003', 'e00002', 'e00001', 'e00000'])
  })

  it('hands on its filters and refuses others', async () => {
    const { get, asked } = await setUp([])
    await get('/api/v1/resources/events?agent=b&phase=warning&since=2026-01-01T00:00:00Z')
    expect(asked).toEqual([{ agent: 'b', phase: 'warning', sinceMs: Date.UTC(2026, 0, 1) }])
    for (const query of ['phase=angry', 'agent=..%2f', 'cursor=x', 'limit=0']) {
      expect((await get(`/api/v1/resources/events?${query}`)).statusCode).toBe(422)
    }
  })

  it('finds the few events of a limited token among many', async () => {
    const events = Array.from({ length: 3_000 }, (_, n) => eventOf(n, n % 1_000 === 0 ? 'team-a-1' : 'b'))
    const { get } = await setUp(events)
    const first = (await get('/api/v1/resources/events?limit=2', bearer(TEAM_TOKEN))).json()
    expect(first.items.map((e: { id: string }) => e.id)).toEqual(['e02000', 'e01000'])
    const second = (
      await get(`/api/v1/resources/events?limit=2&cursor=${first.nextCursor}`, bearer(TEAM_TOKEN))
    ).json()
    expect(second.items.map((e: { id: string }) => e.id)).toEqual(['e00000'])
    expect(second.nextCursor).toBeNull()
  })
})
