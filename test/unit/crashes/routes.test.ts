import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CrashRecord } from '../../../src/crashes/model.ts'
import type { CrashesRepository } from '../../../src/crashes/repository.ts'
import { crashRoutes } from '../../../src/crashes/routes.ts'
import { mintAgentToken } from '../../../src/platform/http/agent-token.ts'
import { crashRecord, verdictOf } from '../../support/crash-records.ts'
import { bearer, CONTROL_TOKEN, TEAM_TOKEN, type TestServer, testServer } from '../platform/http/support.ts'
import { createRoom } from './room.ts'

let room: ReturnType<typeof createRoom>
let server: TestServer
let records: CrashRecord[]
let trusted: boolean

beforeEach(async () => {
  room = createRoom()
  records = []
  trusted = true
  const repository: CrashesRepository = {
    async save(record) {
      records = [...records.filter(({ id }) => id !== record.id), record]
    },
    async remove(ids) {
      records = records.filter(({ id }) => !ids.includes(id))
    },
    find: async (id) => records.find((record) => record.id === id),
    list: async ({ agent, cause, origin }, limit, after) =>
      records
        .filter((one) => agent === undefined || one.agent === agent)
        .filter((one) => cause === undefined || one.verdict.cause === cause)
        .filter((one) => origin === undefined || one.origin === origin)
        .toSorted((a, b) => b.atMs - a.atMs)
        .filter(({ atMs }) => after === undefined || atMs < after[0])
        .slice(0, limit),
  }
  server = await testServer(
    crashRoutes({
      crashes: { ...room.crashes, repository, list: () => records },
      daemonId: 'me',
      agents: {
        get: (id) => room.agents.get(id),
        list: () => room.agents.values(),
        mayTell: async (caller, { id }) => caller.mayTouch(id) && (trusted || caller.kind !== 'anonymous'),
      },
      alerts: { pending: async () => [{ id: 'alert-1' }], count24h: async () => 3 },
    }),
  )
})
afterEach(() => server.close())

const get = (url: string, headers = {}) => server.app.inject({ url, headers })
const post = (url: string, payload: object, headers = {}) =>
  server.app.inject({ method: 'POST', url, payload, headers })

describe('POST /api/monitoring/crash (R22)', () => {
  it.each([
    [{ exitCode: 137, oomKilled: false, cgroupOomKills: 0 }, 'killed', 'signal', 'low'],
    [{ exitCode: 137, oomKilled: true, cgroupOomKills: 1 }, 'oom_cgroup', 'oom', 'medium'],
    [{ signal: 'SIGKILL' }, 'killed', 'signal', 'low'],
    [{ signal: 'SIGSEGV' }, 'segfault', 'signal', 'medium'],
    [{ exitCode: 139 }, 'segfault', 'signal', 'medium'],
    [
      {
        exitCode: 134,
        lastOutput: 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n',
      },
      'heap_limit',
      'oom',
      'medium',
    ],
    [
      { exitCode: 1, lastOutput: 'MemoryError\n', memoryTrend: 'growing', peakMemory: 5 },
      'memory_leak',
      'memory_leak',
      'medium',
    ],
    [{ likelyCause: 'oom', confidence: 'high' }, 'oom_cgroup', 'oom', 'medium'],
    [{ exitCode: 1, likelyCause: 'oom' }, 'error', 'error', 'medium'],
    [{}, 'unknown', 'unknown', 'low'],
  ])('judges %j', async (said, cause, likelyCause, confidence) => {
    const answer = await post('/api/monitoring/crash', { crash: { agentName: 'far', ...said } })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ success: true, cause, likelyCause, confidence })
    expect(answer.json().crashId).toMatch(/^crash-[0-9a-f]{20}$/)
  })

  it.each([
    [{ exitCode: 0 }, 'clean'],
    [{ signal: 'SIGTERM' }, 'stopped'],
    [{ exitCode: 137, killedByUs: true }, 'terminated'],
  ])('keeps nothing of %j: that is no crash (E12)', async (said, end) => {
    const answer = await post('/api/monitoring/crash', { crash: { agentName: 'far', ...said } })
    expect(answer.json()).toMatchObject({ success: true, crashId: null, end })
  })

  it('is the same crash when it is told again (E21)', async () => {
    const crash = { agentName: 'far', exitCode: 3, crashedAt: '2026-01-01T00:00:00Z' }
    const [one, two] = [
      await post('/api/monitoring/crash', { crash }, bearer(CONTROL_TOKEN)),
      await post('/api/monitoring/crash', { crash }, bearer(CONTROL_TOKEN)),
    ]
    expect(one.json().witness).toBe('told')
    expect(one.json().crashId).toBe(two.json().crashId)
    expect(room.crashed).toEqual(['far error'])
  })

  it('keeps whole bytes of the fractions that are sent (E21)', async () => {
    const memory = {
      peakMemory: 1_945_381_221.59,
      lastKnownMemory: 5.4,
      averageMemory: 0.6,
      memoryLimit: 7.5,
    }
    const crash = { agentName: 'far', signal: 'SIGABRT', ...memory }
    const { crashId } = (await post('/api/monitoring/crash', { crash })).json()
    expect(room.crashes.list().find(({ id }) => id === crashId)?.memory).toMatchObject({
      ...{ peakBytes: 1_945_381_222, lastBytes: 5, averageBytes: 1, limitBytes: 8 },
    })
  })

  it('believes a stranger nothing, and nobody what is no crash report', async () => {
    trusted = false
    expect((await post('/api/monitoring/crash', { crash: { agentName: 'far' } })).statusCode).toBe(403)
    expect((await post('/api/monitoring/crash', { crash: { agentName: '../x' } })).statusCode).toBe(422)
    expect((await post('/api/monitoring/crash', { crash: {} })).statusCode).toBe(422)
    expect(
      (await post('/api/monitoring/crash', { crash: { agentName: 'a', exitCode: 'x' } })).statusCode,
    ).toBe(422)
  })
})

describe('GET /api/monitoring/crashes (R25)', () => {
  beforeEach(() => {
    records = Array.from({ length: 120 }, (_, n) =>
      crashRecord({
        ...{ id: `crash-${n}`, atMs: n, agent: n % 2 === 0 ? 'team-a-1' : 'other' },
        verdict: verdictOf(n % 3 === 0 ? 'segfault' : 'error'),
        lastOutput: `output of ${n}`,
      }),
    )
  })

  it('lists newest first with what each was, and without outputs', async () => {
    const { crashes, nextCursor, stats } = (await get('/api/monitoring/crashes')).json()
    expect(crashes).toHaveLength(50)
    expect(crashes[0]).toMatchObject({
      id: 'crash-119',
      agentName: 'other',
      likelyCause: 'error',
      cause: 'error',
    })
    expect(crashes[0]).not.toHaveProperty('lastOutput')
    expect(stats).toEqual({ total: 50, byCause: { error: 34, segfault: 16 } })
    const second = (await get(`/api/monitoring/crashes?cursor=${nextCursor}`)).json()
    expect(second.crashes[0].id).toBe('crash-69')
  })

  it('filters, and refuses what is no filter (E18)', async () => {
    const own = (await get('/api/monitoring/crashes?agentName=other&cause=segfault&limit=5')).json()
    expect(own.crashes.map(({ cause }: { cause: string }) => cause)).toEqual(Array(5).fill('segfault'))
    for (const query of ['limit=0', 'limit=5000', 'cause=bad', 'cursor=x', 'agentName=a%2F..']) {
      expect((await get(`/api/monitoring/crashes?${query}`)).statusCode, query).toBe(422)
    }
  })

  it('shows a limited token its own agents only, in the list and one by one (E17)', async () => {
    const { crashes } = (await get('/api/monitoring/crashes', bearer(TEAM_TOKEN))).json()
    expect(new Set(crashes.map(({ agentName }: { agentName: string }) => agentName))).toEqual(
      new Set(['team-a-1']),
    )
    expect((await get('/api/monitoring/crashes/crash-1', bearer(TEAM_TOKEN))).statusCode).toBe(404)
    const own = (await get('/api/monitoring/crashes/crash-2', bearer(TEAM_TOKEN))).json()
    expect(own).toMatchObject({ crash: { lastOutput: 'output of 2' }, daemon: { id: 'daemon-a' } })
    expect(own.crash.relatedCrashes).toEqual(['crash-0'])
    expect((await get('/api/monitoring/crashes/none')).statusCode).toBe(404)
  })
})

describe('insights and health (R19, R20, R27, R32)', () => {
  it('answer without any crash (E18)', async () => {
    expect((await get('/api/monitoring/insights')).json()).toMatchObject({
      ...{ healthScore: 100, issues: [], recommendations: [], trend: 'stable' },
      stats: {
        crashes24h: 0,
        crashes7d: 0,
        pendingAlerts: 1,
        connectedDaemons: 1,
        totalDaemons: 1,
        patterns: [],
      },
    })
  })

  it('tell the crashes that were seen (E10)', async () => {
    await room.crashes.start()
    const agent = room.process('p')
    room.crashes.tellExit(agent, { by: 'parent', signal: 'SIGSEGV' })
    room.exit(agent)
    await room.pass(3_000)
    const health = (await get('/api/metrics/health')).json()
    expect(health).toMatchObject({
      ...{ healthScore: 71, alerts: [{ id: 'alert-1' }] },
      crashes: [{ agentName: 'p', likelyCause: 'signal', cause: 'segfault' }],
      stats: { totalCrashes24h: 1, totalAlerts24h: 3, agentCount: 0 },
    })
    expect(health.issues[0]).toMatchObject({ severity: 'high', message: 'segfault ×1 in 24 hours: p.' })
    await room.crashes.stop()
  })
})

describe('POST /api/v1/agents/{id}/exit', () => {
  it('takes it for the life it names, and from nobody who may not speak for that one', async () => {
    await room.crashes.start()
    const agent = room.process('p')
    const [name, secret] = [room.process('other', 78), bearer(mintAgentToken(CONTROL_TOKEN, 'team-a-1'))]
    const url = '/api/v1/agents/team-a-1/exit'
    const lie = await post(url, { exitCode: 3, incarnation: name.incarnation }, secret)
    expect(lie.statusCode).toBe(403)
    const known = await post(url, { exitCode: 3, incarnation: agent.incarnation }, bearer(CONTROL_TOKEN))
    expect(known.statusCode).toBe(204)
    const unseen = { exitCode: 4, incarnation: agent.incarnation.replace('77:770', '9:90') }
    expect((await post(url, unseen, secret)).statusCode).toBe(404)
    expect((await post(url, unseen, bearer(CONTROL_TOKEN))).statusCode).toBe(204)
    room.exit(agent)
    room.exit(name)
    await room.pass(3_000)
    expect(room.crashed.toSorted()).toEqual(['p error', 'team-a-1 error'])
    expect(room.ended).toContain('other unknown')
    await room.crashes.stop()
  })

  it('takes the word of who waited for it, once', async () => {
    await room.crashes.start()
    const agent = room.process('p')
    const url = '/api/v1/agents/p/exit'
    expect((await post(url, { exitCode: 3, incarnation: 'another life' })).statusCode).toBe(404)
    expect((await post(url, { signal: 'SIGABRT', incarnation: agent.incarnation })).statusCode).toBe(204)
    room.exit(agent)
    await room.pass(3_000)
    expect(room.crashed).toEqual(['p abort'])
    await room.crashes.stop()
  })

  it('refuses what says nothing, strangers and agents that nobody knows', async () => {
    room.process('p')
    expect((await post('/api/v1/agents/p/exit', {})).statusCode).toBe(422)
    expect((await post('/api/v1/agents/p/exit', { exitCode: 1, signal: 'SIGHUP' })).statusCode).toBe(422)
    expect((await post('/api/v1/agents/p/exit', { exitCode: 999 })).statusCode).toBe(422)
    expect((await post('/api/v1/agents/nobody/exit', { exitCode: 1 })).statusCode).toBe(404)
    trusted = false
    expect((await post('/api/v1/agents/p/exit', { exitCode: 1 })).statusCode).toBe(403)
    const control = bearer(CONTROL_TOKEN)
    expect((await post('/api/v1/agents/p/exit', { exitCode: 1 }, control)).statusCode).toBe(204)
  })
})
