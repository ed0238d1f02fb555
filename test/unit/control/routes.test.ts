import type { InjectOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import type { ControlEvents, KillSwitch } from '../../../src/control/model.ts'
import { controlRoutes } from '../../../src/control/routes.ts'
import { createWaiters } from '../../../src/control/waiters.ts'
import { parseBudget } from '../../../src/exhaustion/budget.ts'
import type { Phase } from '../../../src/exhaustion/model.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  bearer,
  CONTROL_TOKEN,
  READER_TOKEN,
  TEAM_TOKEN,
  type TestServer,
  testServer,
} from '../platform/http/support.ts'
import { entryOf, fakeAgent, fakeDesk } from './fake-desk.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const control = bearer(CONTROL_TOKEN)
const team = bearer(TEAM_TOKEN)
const reader = bearer(READER_TOKEN)
const VERBS = ['pause', 'resume', 'terminate', 'resize'] as const

async function setUp() {
  const clock = fakeClock()
  const fake = fakeDesk()
  const bus = createBus<AgentEvents & ControlEvents>((error) => {
    throw error
  })
  const agents = new Map<string, Agent>()
  for (const id of ['mine', 'team-a-1', 'other']) agents.set(id, fakeAgent(id))
  agents.set('over', fakeAgent('over', { endedAtMs: 1 }))
  const told = { mayTell: true, phase: 'normal' as Phase, enforced: true }
  const switched: unknown[][] = []
  let broken: Error | undefined
  const flip = (...args: unknown[]): void => {
    switched.push(args)
    if (broken !== undefined) throw broken
  }
  const killSwitch = {
    engage: (...args: unknown[]) => flip('engage', ...args),
    release: (...args: unknown[]) => flip('release', ...args),
    describe: () => ({ engaged: true, actor: 'control', sinceMs: 0 }),
  } as unknown as KillSwitch
  const waiters = createWaiters({
    bus,
    isHeld: fake.desk.isHeld,
    isTerminal: fake.desk.isTerminal,
    isLive: (id) => agents.get(id)?.endedAtMs === undefined && agents.has(id),
  })
  server = await testServer(
    controlRoutes({
      clock,
      desk: fake.desk,
      killSwitch,
      waiters,
      agent: (id) => agents.get(id),
      mayTell: async () => told.mayTell,
      phase: () => told.phase,
      isEnforced: () => told.enforced,
      budgetKeys: ['maxApiCalls', 'maxTokensConsumed', 'tokens', 'wall_clock'],
      readExtraBudget: (extra) => parseBudget(extra, '/extraBudget'),
    }),
  )
  const { app } = server
  const send = (method: 'POST' | 'PUT', url: string, payload: unknown, headers: object = control) =>
    app.inject({
      method,
      url,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      headers: { 'content-type': 'application/json', ...headers },
    } as InjectOptions)
  const post = (url: string, payload: unknown = {}, headers?: object) => send('POST', url, payload, headers)
  const put = (url: string, payload: unknown = {}, headers?: object) => send('PUT', url, payload, headers)
  const get = (url: string, headers: object = {}) => app.inject({ url, headers } as InjectOptions)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    ...fake,
    app,
    agents,
    bus,
    clock,
    told,
    switched,
    waiters,
    post,
    put,
    get,
    turn,
    breakSwitch(error: Error) {
      broken = error
    },
  }
}

describe('POST /api/v1/agents/{id}/{verb}', () => {
  it('hands a person’s wish to the desk and answers before it is done', async () => {
    const { post, asked } = await setUp()
    const answer = await post('/api/v1/agents/mine/pause', { reason: 'look at this' })
    expect(answer.statusCode).toBe(202)
    expect(answer.headers['location']).toBe('/api/v1/actions/act-1')
    expect(answer.json()).toMatchObject({
      actionId: 'act-1',
      id: 'act-1',
      status: 'intended',
      at: '2026-01-01T00:00:00.000Z',
      agent: 'mine',
      action: 'pause',
    })
    expect(asked).toEqual([
      {
        name: 'request',
        args: [
          {
            action: 'pause',
            agent: 'mine',
            incarnation: 'life-1',
            trigger: 'human',
            episode: expect.stringMatching(/^api:[0-9a-f-]{36}$/),
            actor: 'control',
            reason: 'look at this',
            hold: 'human',
          },
        ],
      },
    ])
  })

  it('waits for the verified outcome when asked to', async () => {
    const { post } = await setUp()
    const answer = await post('/api/v1/agents/mine/pause?wait=5s')
    expect([answer.statusCode, answer.json()]).toEqual([
      202,
      expect.objectContaining({
        status: 'done',
        rung: 'sigstop',
        durationMs: 83,
        verifiedAt: '1970-01-01T00:00:01.000Z',
      }),
    ])
  })

  it('answers as it is when the time is up, and when the server stops', async () => {
    const { post, settlesAs, clock, turn } = await setUp()
    settlesAs({})
    const one = post('/api/v1/agents/mine/pause?wait=5s')
    for (let n = 0; n < 5; n++) await turn()
    clock.advance(5_000)
    expect((await one).json().status).toBe('intended')
    const two = post('/api/v1/agents/mine/pause?wait=60s')
    for (let n = 0; n < 5; n++) await turn()
    await server?.close()
    expect((await two).json().status).toBe('intended')
  })

  it('hands on opt-in, dry run, size and extra budget', async () => {
    const { post, asked } = await setUp()
    await post('/api/v1/agents/mine/resize', { memoryBytes: 2 ** 30, cpus: 0.5, enforce: true })
    await post('/api/v1/agents/mine/resume', { extraBudget: { maxApiCalls: 50 }, dryRun: true })
    await post('/api/v1/agents/mine/terminate', { enforce: false, dryRun: false })
    const [resize, resume, terminate] = asked.map(({ args }) => args[0])
    expect(resize).toMatchObject({ size: { memoryBytes: 2 ** 30, cpus: 0.5 }, optIn: true })
    expect(resume).toMatchObject({ extraBudget: { maxApiCalls: 50 }, dryRun: true })
    await post('/api/v1/agents/mine/resume', { extraBudget: { tokens: '50', wall_clock: '5m' } })
    expect(asked.at(-1)?.args[0]).toMatchObject({
      extraBudget: { maxTokensConsumed: 50, maxWallClockMs: 300_000 },
    })
    for (const key of ['optIn', 'dryRun', 'size', 'extraBudget']) expect(terminate).not.toHaveProperty(key)
  })

  it('says what the guard would say, and asks the desk for nothing else', async () => {
    const { post, judges, asked } = await setUp()
    const rehearse = async (body: unknown, id = 'mine', headers: object = control) => {
      const answer = await post(`/api/v1/agents/${id}/rehearse`, body, headers)
      return [answer.statusCode, answer.json()]
    }
    expect(await rehearse({ action: 'terminate', enforce: true })).toEqual([200, { verdict: 'allow' }])
    expect(asked).toMatchObject([
      {
        name: 'judge',
        args: [{ agent: 'mine', incarnation: 'life-1', action: 'terminate', trigger: 'human', optIn: true }],
      },
    ])
    judges({ verdict: 'refused', reason: 'kill_switch', detail: 'engaged by\u001b[2J bob' })
    expect(await rehearse({ action: 'pause' })).toEqual([
      200,
      { verdict: 'refused', refusal: 'kill_switch', detail: 'engaged by\ufffd[2J bob' },
    ])
    expect(asked.map(({ name }) => name)).toEqual(['judge', 'judge'])
    expect(await rehearse({ action: 'resize' })).toMatchObject([422, {}])
    expect(await rehearse({})).toMatchObject([422, {}])
    expect(await rehearse({ action: 'pause' }, 'mine', reader)).toMatchObject([403, { code: 'AE_FORBIDDEN' }])
    expect(await rehearse({ action: 'pause' }, 'mine', team)).toMatchObject([403, { code: 'AE_FORBIDDEN' }])
    expect(await rehearse({ action: 'pause' }, 'over')).toMatchObject([409, { code: 'AE_AGENT_ENDED' }])
    expect(asked).toHaveLength(2)
  })

  it('shows a refusal with its reason, and waits for nothing', async () => {
    const { post, answers, asked } = await setUp()
    answers({ status: 'refused', refusal: 'kill_switch', detail: 'engaged by\u001b[2J bob' })
    const answer = await post('/api/v1/agents/mine/pause?wait=5s')
    expect([answer.statusCode, answer.json()]).toEqual([
      202,
      expect.objectContaining({
        status: 'refused',
        refusal: 'kill_switch',
        detail: 'engaged by\ufffd[2J bob',
      }),
    ])
    expect(asked.map(({ name }) => name)).toEqual(['request'])
  })

  it('makes one episode of a key and a body', async () => {
    const { post, asked } = await setUp()
    const key = (text: string) => ({ ...control, 'idempotency-key': text })
    await post('/api/v1/agents/mine/pause', { reason: 'a' }, key('k:1'))
    await post('/api/v1/agents/mine/pause?wait=0s', { reason: 'b' }, key('k2'))
    const again = await post('/api/v1/agents/mine/pause', { reason: 'a' }, key('k:1'))
    expect(again.headers['idempotency-replayed']).toBe('true')
    const episodes = asked.filter(({ name }) => name === 'request').map(({ args }) => args[0])
    expect(episodes).toEqual([
      expect.objectContaining({ episode: expect.stringMatching(/^api:control:k%3A1:[0-9a-f]{64}$/) }),
      expect.objectContaining({ episode: expect.stringMatching(/^api:control:k2:[0-9a-f]{64}$/) }),
    ])
  })

  it.each(VERBS)('%s needs control, of that agent, known and alive', async (verb) => {
    const { post, asked } = await setUp()
    const body = verb === 'resize' ? { cpus: 1 } : {}
    const at = async (id: string, headers: object) => {
      const answer = await post(`/api/v1/agents/${id}/${verb}`, body, headers)
      return [answer.statusCode, answer.json().code]
    }
    expect(await at('mine', {})).toEqual([401, 'AE_UNAUTHENTICATED'])
    expect(await at('mine', reader)).toEqual([403, 'AE_FORBIDDEN'])
    expect(await at('mine', team)).toEqual([403, 'AE_FORBIDDEN'])
    expect(await at('nobody', control)).toEqual([404, 'AE_AGENT_NOT_FOUND'])
    expect(await at('over', control)).toEqual([409, 'AE_AGENT_ENDED'])
    expect(asked).toEqual([])
    expect(await at('team-a-1', team)).toEqual([202, undefined])
  })

  it('refuses what does not fit and asks the desk for nothing', async () => {
    const { post, asked } = await setUp()
    const bad: [string, unknown, number][] = [
      ['pause', '{', 400],
      ['pause', [], 422],
      ['pause', 'null', 422],
      ['pause', { reason: '' }, 422],
      ['pause', { reason: 'a\nb' }, 422],
      ['pause', { reason: 'x'.repeat(501) }, 422],
      ['pause', { reason: 7 }, 422],
      ['pause', { dryRun: 'yes' }, 422],
      ['pause', { enforce: 1 }, 422],
      ['pause', { force: true }, 422],
      ['pause', { extraBudget: { maxApiCalls: 1 } }, 422],
      ['pause', { memoryBytes: 2 ** 30 }, 422],
      ['terminate', { cpus: 1 }, 422],
      ['resume', { extraBudget: {} }, 422],
      ['resume', { extraBudget: { maxApiCalls: 0 } }, 422],
      ['resume', { extraBudget: { maxApiCalls: -5 } }, 422],
      ['resume', '{"extraBudget":{"maxApiCalls":1e999}}', 422],
      ['resume', { extraBudget: { maxEverything: 5 } }, 422],
      ['resume', { extraBudget: { maxApiCalls: 1.5 } }, 422],
      ['resume', { extraBudget: { maxApiCalls: 1e13 } }, 422],
      ['resume', { extraBudget: { maxApiCalls: '5m' } }, 422],
      ['resume', { extraBudget: { maxApiCalls: '' } }, 422],
      ['resume', { extraBudget: { wall_clock: 1 } }, 422],
      ['resume', { extraBudget: { tokens: 5, maxTokensConsumed: 5 } }, 422],
      ['resume', '{"extraBudget":{"__proto__":{"maxApiCalls":1}}}', 400],
      ['resize', {}, 422],
      ['resize', { reason: 'smaller' }, 422],
      ['resize', { memoryBytes: 0 }, 422],
      ['resize', { memoryBytes: 1.5e9 + 0.5 }, 422],
      ['resize', { memoryBytes: '1GiB' }, 422],
      ['resize', { cpus: 0 }, 422],
      ['resize', { cpus: -1 }, 422],
      ['pause?wait=soon', {}, 422],
      ['pause?wait=61s', {}, 422],
      ['pause?wait=99999999999999999999d', {}, 422],
      ['pause?wait=1s&wait=2s', {}, 422],
    ]
    for (const [path, payload, status] of bad) {
      const answer = await post(`/api/v1/agents/mine/${path}`, payload)
      const code = status === 400 ? 'AE_BAD_REQUEST' : 'AE_INVALID'
      expect([path, payload, answer.statusCode, answer.json().code]).toEqual([path, payload, status, code])
    }
    expect(asked).toEqual([])
  })

  it('takes nothing but JSON, and no id that could be a path', async () => {
    const { post, asked } = await setUp()
    const form = await post('/api/v1/agents/mine/pause', '', { ...control, 'content-type': 'text/plain' })
    expect(form.json().code).toBe('AE_UNSUPPORTED_MEDIA_TYPE')
    expect((await post('/api/v1/agents/..%2fmine/pause')).json().code).toBe('AE_INVALID')
    expect(asked).toEqual([])
    expect((await post('/api/v1/agents/mine/pause', '')).statusCode).toBe(202)
  })
})

describe('GET /api/v1/agents/{id}/gate', () => {
  it('opens and closes', async () => {
    const { get, hold, terminal, told } = await setUp()
    const gate = async () => (await get('/api/v1/agents/mine/gate')).json()
    expect(await gate()).toEqual({ allowed: true, phase: 'normal' })
    told.phase = 'intervention'
    expect(await gate()).toMatchObject({ allowed: false, phase: 'intervention' })
    told.enforced = false
    expect(await gate()).toMatchObject({ allowed: true })
    hold('mine', 'budget', 'tokens')
    expect(await gate()).toMatchObject({
      allowed: false,
      reason: 'The agent is paused by budget (tokens).',
      retryAfterMs: 5_000,
    })
    terminal.add('mine')
    expect(await gate()).toMatchObject({ allowed: false, phase: 'termination' })
  })

  it.each(['gate', 'wait-for-resume'])('%s is for the agent and its own user', async (path) => {
    const { get, told } = await setUp()
    const at = async (id: string, headers?: object) => {
      const answer = await get(`/api/v1/agents/${id}/${path}`, headers)
      return [answer.statusCode, answer.json().code]
    }
    expect(await at('nobody')).toEqual([404, 'AE_AGENT_NOT_FOUND'])
    expect(await at('mine', reader)).toEqual([403, 'AE_FORBIDDEN'])
    expect(await at('mine')).toEqual([200, undefined])
    told.mayTell = false
    expect(await at('mine')).toEqual([403, 'AE_FORBIDDEN'])
    expect(await at('..%2fmine')).toEqual([422, 'AE_INVALID'])
  })
})

describe('GET /api/v1/agents/{id}/wait-for-resume', () => {
  it('answers at once when nothing holds the agent, and for one that ended', async () => {
    const { get } = await setUp()
    expect((await get('/api/v1/agents/mine/wait-for-resume')).json()).toEqual({ outcome: 'not_paused' })
    expect((await get('/api/v1/agents/over/wait-for-resume')).json()).toEqual({ outcome: 'removed' })
  })

  it('answers everybody when the agent is resumed', async () => {
    const { get, hold, release, bus, waiters, turn } = await setUp()
    hold('mine', 'human')
    const answers = Promise.all([1, 2, 3].map(() => get('/api/v1/agents/mine/wait-for-resume')))
    while (waiters.count() < 3) await turn()
    release('mine')
    bus.emit('agent.resumed', { entry: entryOf({ action: 'resume' }), released: ['human'] })
    expect((await answers).map((answer) => answer.json().outcome)).toEqual(['resumed', 'resumed', 'resumed'])
    expect(waiters.count()).toBe(0)
  })

  it('answers after its timeout, 30 s when none is given', async () => {
    const { get, hold, clock, waiters, turn } = await setUp()
    hold('mine', 'human')
    for (const [query, ms] of [
      ['', 30_000],
      ['?timeout=2m', 120_000],
    ] as const) {
      const answer = get(`/api/v1/agents/mine/wait-for-resume${query}`)
      while (waiters.count() < 1) await turn()
      clock.advance(ms - 1)
      expect(waiters.count()).toBe(1)
      clock.advance(1)
      expect((await answer).json()).toEqual({ outcome: 'timeout' })
    }
  })

  it('answers when the server stops', async () => {
    const { get, hold, waiters, turn } = await setUp()
    hold('mine', 'human')
    const answer = get('/api/v1/agents/mine/wait-for-resume')
    while (waiters.count() < 1) await turn()
    await server?.close()
    expect((await answer).json()).toEqual({ outcome: 'timeout' })
  })

  it('knows from the journal that the agent was terminated', async () => {
    const { get, terminal, entries } = await setUp()
    terminal.add('mine')
    entries.push(entryOf({ action: 'terminate' }, { status: 'done' }))
    expect((await get('/api/v1/agents/mine/wait-for-resume')).json()).toEqual({ outcome: 'terminated' })
  })

  it('has a limit of callers', async () => {
    const { app, get, hold, waiters } = await setUp()
    hold('mine', 'human')
    for (let n = 0; n < 32; n++) void waiters.wait('mine', app.draining)
    const answer = await get('/api/v1/agents/mine/wait-for-resume')
    expect([answer.statusCode, answer.json().code]).toEqual([429, 'AE_TOO_MANY_WAITERS'])
  })

  it('forgets a caller who goes away', async () => {
    const { hold, waiters, turn } = await setUp()
    hold('mine', 'human')
    const [url] = (await server?.listen()) ?? []
    const caller = new AbortController()
    const asked = fetch(`${url}/api/v1/agents/mine/wait-for-resume`, { signal: caller.signal })
    while (waiters.count() < 1) await turn()
    caller.abort()
    await expect(asked).rejects.toThrow()
    while (waiters.count() > 0) await turn()
    expect(waiters.count()).toBe(0)
  })

  it('refuses a timeout that is none or too long', async () => {
    const { get, hold, waiters } = await setUp()
    hold('mine', 'human')
    for (const timeout of ['301s', '30', '-1s', '', '1.5s']) {
      const answer = await get(`/api/v1/agents/mine/wait-for-resume?timeout=${timeout}`)
      expect([timeout, answer.statusCode, answer.json().code]).toEqual([timeout, 422, 'AE_INVALID'])
    }
    expect(waiters.count()).toBe(0)
  })
})

describe('GET /api/v1/actions', () => {
  const fill = (entries: ReturnType<typeof fakeDesk>['entries']) => {
    for (let n = 1; n <= 7; n++) {
      entries.push(entryOf({ agent: n % 2 === 0 ? 'team-a-1' : 'mine' }, { id: `act-${n}`, status: 'done' }))
    }
  }

  it('pages through the journal, newest first', async () => {
    const { get, entries } = await setUp()
    fill(entries)
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: { items: { id: string }[]; nextCursor: string | null } = (
        await get(`/api/v1/actions?limit=3${cursor && `&cursor=${cursor}`}`)
      ).json()
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor
    }
    expect(seen).toEqual(['act-7', 'act-6', 'act-5', 'act-4', 'act-3', 'act-2', 'act-1'])
  })

  it('hands its filters on', async () => {
    const { get, asked, clock } = await setUp()
    await get('/api/v1/actions?agent=mine&action=pause&status=done&since=24h')
    await get('/api/v1/actions?since=2026-01-01T00:00:00%2B01:00')
    expect(asked.map(({ args }) => args)).toEqual([
      [{ agent: 'mine', action: 'pause', status: 'done', sinceMs: clock.now() - 86_400_000 }, 101],
      [{ sinceMs: Date.UTC(2025, 11, 31, 23) }, 101],
    ])
  })

  it('refuses filters that do not fit', async () => {
    const { get, asked } = await setUp()
    for (const query of [
      '?agent=..',
      '?action=reboot',
      '?status=open',
      '?since=yesterday',
      '?since=2026-01-01',
      '?since=2026-13-01T00:00:00Z',
      '?limit=0',
      '?limit=1001',
      '?cursor=x',
      '?cursor=WzEsMl0',
    ]) {
      const answer = await get(`/api/v1/actions${query}`)
      expect([query, answer.statusCode, answer.json().code]).toEqual([query, 422, 'AE_INVALID'])
    }
    expect(asked).toEqual([])
  })

  it('shows a limited token the actions of its agents and nothing else', async () => {
    const { get, post, entries, asked } = await setUp()
    fill(entries)
    const { items } = (await get('/api/v1/actions', team)).json()
    expect(items.map(({ agent }: { agent: string }) => agent)).toEqual(['team-a-1', 'team-a-1', 'team-a-1'])
    expect((await get('/api/v1/actions/act-2', team)).json()).toMatchObject({ id: 'act-2' })
    for (const id of ['act-1', 'act-99']) {
      const answer = await get(`/api/v1/actions/${id}`, team)
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'AE_ACTION_NOT_FOUND'])
      const approved = await post(`/api/v1/actions/${id}/approve`, {}, team)
      expect([approved.statusCode, approved.json().code]).toEqual([404, 'AE_ACTION_NOT_FOUND'])
    }
    expect(asked.filter(({ name }) => name === 'approve')).toEqual([])
  })

  it('names the alert that asked', async () => {
    const { get, entries } = await setUp()
    entries.push(entryOf({ hold: 'alert:AgentOom#3' }, { id: 'act-1' }))
    expect((await get('/api/v1/actions/act-1')).json()).toMatchObject({ alert: 'AgentOom#3' })
  })
})

describe('POST /api/v1/actions/{id}/{approve|reject}', () => {
  it('is told to the desk with the name of who decided', async () => {
    const { post, entries, asked } = await setUp()
    entries.push(entryOf({}, { id: 'act-1', status: 'pending_approval' }))
    const approved = await post('/api/v1/actions/act-1/approve?wait=1s')
    expect([approved.statusCode, approved.json().status]).toEqual([202, 'done'])
    const rejected = await post('/api/v1/actions/act-1/reject', { reason: 'not now' })
    expect([rejected.statusCode, rejected.json()]).toEqual([
      200,
      expect.objectContaining({ actionId: 'act-1', status: 'refused', refusal: 'rejected' }),
    ])
    const decided = asked.filter(({ name }) => name !== 'settled')
    expect(decided).toEqual([
      { name: 'approve', args: ['act-1', 'control'] },
      { name: 'reject', args: ['act-1', 'control', 'not now'] },
    ])
  })

  it('refuse what does not fit', async () => {
    const { post, entries, asked } = await setUp()
    entries.push(entryOf({}, { id: 'act-1', status: 'pending_approval' }))
    for (const [path, payload] of [
      ['approve', { reason: 'x' }],
      ['reject', { reason: '\u0007' }],
      ['reject', { why: 'x' }],
      ['approve?wait=2m', {}],
    ] as const) {
      const answer = await post(`/api/v1/actions/act-1/${path}`, payload)
      expect([path, answer.statusCode, answer.json().code]).toEqual([path, 422, 'AE_INVALID'])
    }
    expect(asked).toEqual([])
  })

  it.each(['approve', 'reject'])('%s is control', async (verb) => {
    const { post, asked } = await setUp()
    expect((await post(`/api/v1/actions/act-1/${verb}`, {}, {})).statusCode).toBe(401)
    expect((await post(`/api/v1/actions/act-1/${verb}`, {}, reader)).statusCode).toBe(403)
    expect(asked).toEqual([])
  })
})

describe('/api/v1/control', () => {
  it('says what stands in the way, and of holds only what the caller may see', async () => {
    const { get, setState } = await setUp()
    const hold = { incarnation: 'x', cause: 'human', sinceMs: 0, reason: 'a\u001bb' } as const
    setState({
      killSwitch: { engaged: true, actor: 'bob', sinceMs: 1_000 },
      failureStops: [{ action: 'pause', trigger: 'alert', failures: 3, untilMs: 2_000 }],
      holds: [
        { ...hold, agent: 'mine' },
        { ...hold, agent: 'team-a-1' },
      ],
    })
    const seen = (agent: string) => ({
      agent,
      incarnation: 'x',
      cause: 'human',
      since: '1970-01-01T00:00:00.000Z',
      reason: 'a\ufffdb',
    })
    expect((await get('/api/v1/control', reader)).json()).toEqual({
      mode: 'enforce',
      acting: true,
      killSwitch: { engaged: true, actor: 'bob', since: '1970-01-01T00:00:01.000Z' },
      failureStops: [{ action: 'pause', trigger: 'alert', failures: 3, until: '1970-01-01T00:00:02.000Z' }],
      holds: [seen('mine'), seen('team-a-1')],
    })
    expect((await get('/api/v1/control', team)).json().holds).toEqual([seen('team-a-1')])
  })

  it('engages and releases the kill switch', async () => {
    const { put, switched } = await setUp()
    const answer = await put('/api/v1/control/kill-switch', { engaged: true, reason: 'fire' })
    expect([answer.statusCode, answer.json()]).toEqual([
      200,
      { engaged: true, actor: 'control', since: '1970-01-01T00:00:00.000Z' },
    ])
    await put('/api/v1/control/kill-switch', { engaged: false })
    expect(switched).toEqual([
      ['engage', 'control', 'fire'],
      ['release', 'control'],
    ])
  })

  it('says so when the file does not obey', async () => {
    const { put, breakSwitch } = await setUp()
    breakSwitch(new Error('/data/STOP cannot be written (EROFS): …'))
    const answer = await put('/api/v1/control/kill-switch', { engaged: true })
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'AE_DATA_DIR'])
  })

  it('clears failure stops', async () => {
    const { post, asked } = await setUp()
    expect((await post('/api/v1/control/reset')).statusCode).toBe(200)
    expect(asked).toEqual([{ name: 'reset', args: ['control'] }])
  })

  it.each([
    ['PUT', 'kill-switch', { engaged: true }],
    ['POST', 'reset', {}],
  ])('%s %s is for control of everything', async (method, path, payload) => {
    const { app, asked, switched } = await setUp()
    for (const [headers, status] of [
      [{}, 401],
      [reader, 403],
      [team, 403],
    ] as const) {
      const answer = await app.inject({
        method: method as 'PUT',
        url: `/api/v1/control/${path}`,
        payload,
        headers: { 'content-type': 'application/json', ...headers },
      })
      expect(answer.statusCode).toBe(status)
    }
    expect([asked, switched]).toEqual([[], []])
  })

  it('refuses a kill switch that is not said clearly', async () => {
    const { put, switched } = await setUp()
    for (const payload of [
      {},
      { engaged: 'true' },
      { engaged: true, reason: '\u0000' },
      { engaged: false, force: true },
    ]) {
      const answer = await put('/api/v1/control/kill-switch', payload)
      expect([answer.statusCode, answer.json().code]).toEqual([422, 'AE_INVALID'])
    }
    expect(switched).toEqual([])
  })
})
