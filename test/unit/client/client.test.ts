import { afterEach, describe, expect, it, vi } from 'vitest'
import { createClient, DaemonError } from '../../../src/index.ts'
import { createWorld, ok, problem } from './daemon.ts'

afterEach(() => vi.unstubAllEnvs())

const keys = (asked: readonly { headers: Readonly<Record<string, string>> }[]) =>
  asked.map(({ headers }) => headers['idempotency-key'])

describe('where a client connects to', () => {
  it('is what it is told, else what the environment says', async () => {
    const calls: { url: string; authorization: string | undefined }[] = []
    const fetch = (async (url: URL, init: RequestInit) => {
      const { authorization } = init.headers as Record<string, string>
      calls.push({ url: String(url), authorization })
      return new Response('{"allowed":true,"phase":"normal"}')
    }) as typeof globalThis.fetch
    vi.stubEnv('AGENT_EXPORTER_URL', 'http://env.test/prefix')
    vi.stubEnv('AGENT_EXPORTER_TOKEN', 'env-token')
    vi.stubEnv('AGENT_EXPORTER_AGENT', 'env-agent')
    await createClient({ fetch }).gate()
    await createClient({ fetch, url: 'http://told.test', token: 'told', agent: 'a:b@c' }).gate()
    expect(calls).toEqual([
      { url: 'http://env.test/prefix/api/v1/agents/env-agent/gate', authorization: 'Bearer env-token' },
      { url: 'http://told.test/api/v1/agents/a%3Ab%40c/gate', authorization: 'Bearer told' },
    ])
  })

  it('must be an address, and the agent must be named', () => {
    vi.stubEnv('AGENT_EXPORTER_AGENT', '')
    expect(() => createClient()).toThrow('AGENT_EXPORTER_AGENT')
    for (const url of ['daemon:1', 'file:///etc/passwd', 'http://']) {
      expect(() => createClient({ agent: 'a', url })).toThrow(TypeError)
    }
  })
})

describe('what is recorded', () => {
  it('is sent in one batch after a moment, in the shape of the API and with its own time', async () => {
    const { client, clock, asked, pass } = createWorld()
    const at = new Date(clock.now()).toISOString()
    client.recordFileOperation('write')
    client.recordFileOperation('read', 3)
    client.recordApiCall({ input: 10, output: 2, provider: 'anthropic', model: 'm' })
    client.recordApiCall(7)
    client.recordSubtaskSpawn()
    client.record({ costUsd: 0.5, at: '2026-01-01T00:00:00Z' })
    await pass(900)
    expect(asked).toEqual([])
    await pass(100)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatchObject({ method: 'POST', path: '/api/v1/agents/mine/usage' })
    expect(asked[0]?.body).toEqual([
      { at, files: [{ op: 'write', count: 1 }] },
      { at, files: [{ op: 'read', count: 3 }] },
      { at, apiCalls: 1, tokens: { input: 10, output: 2, provider: 'anthropic', model: 'm' } },
      { at, apiCalls: 1, tokens: 7 },
      { at, subtasks: 1 },
      { at: '2026-01-01T00:00:00Z', costUsd: 0.5 },
    ])
    expect(client.stats()).toEqual({ sent: 6, buffered: 0, dropped: 0, retries: 0 })
  })

  it('is what it was when it was recorded', async () => {
    const { client, asked, pass } = createWorld()
    const usage = { apiCalls: 1 }
    client.record(usage)
    usage.apiCalls = 99
    await pass(1_000)
    expect(asked[0]?.body).toMatchObject([{ apiCalls: 1 }])
  })

  it('goes out in order, deliverables one by one, in batches of at most 500', async () => {
    const { client, asked, pass } = createWorld()
    for (let i = 0; i < 700; i++) client.record({ apiCalls: 1 })
    client.recordDeliverable('code_commit', 'Fix it', ['a.ts'])
    client.record({ subtasks: 1 })
    await pass(1_000)
    expect(
      asked.map(({ path, body }) => [path.split('/').at(-1), (body as unknown[]).length ?? body]),
    ).toEqual([
      ['usage', 500],
      ['usage', 200],
      ['deliverables', { type: 'code_commit', description: 'Fix it', artifacts: ['a.ts'] }],
      ['usage', 1],
    ])
    expect(new Set(keys(asked)).size).toBe(4)
  })

  it('never throws, whatever it is', async () => {
    const { client, drops, pass } = createWorld({
      onDrop: () => {
        throw new Error('listener')
      },
    })
    const ring: Record<string, unknown> = {}
    ring['ring'] = ring
    const trap = {
      get apiCalls(): number {
        throw new Error('trap')
      },
    }
    for (const usage of [ring, trap, { costUsd: 1n }, { source: 'x'.repeat(20_000) }])
      client.record(usage as object)
    client.recordDeliverable('other', 'x'.repeat(20_000))
    await pass(1_000)
    expect(client.stats()).toMatchObject({ dropped: 5, buffered: 0, sent: 0 })
    expect(drops).toEqual([])
  })
})

describe('a daemon that does not answer as it should', () => {
  it.each([
    ['a broken connection', 'broken' as const],
    ['503', problem(503, 'AE_STORE_UNAVAILABLE')],
    ['429', problem(429, 'AE_TOO_MANY_REQUESTS')],
    ['408', problem(408, 'AE_REQUEST_TIMEOUT')],
    ['its own first attempt', problem(409, 'AE_IDEMPOTENCY_IN_PROGRESS')],
    ['a proxy without words', { status: 502 }],
  ])('gets the same batch again under the same key: %s', async (_, reply) => {
    const { client, asked, answer, pass, drops } = createWorld()
    answer(reply, reply, reply, ok)
    client.record({ apiCalls: 1 })
    await pass(6_000)
    expect(asked).toHaveLength(4)
    expect(new Set(keys(asked)).size).toBe(1)
    expect(new Set(asked.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(client.stats()).toEqual({ sent: 1, buffered: 0, dropped: 0, retries: 3 })
    expect(drops).toEqual([])
  })

  it('is asked more and more seldom, at last every half minute', async () => {
    const { client, asked, answer, pass } = createWorld()
    answer('broken')
    client.record({ apiCalls: 1 })
    await pass(200_000)
    const gaps = asked.slice(1).map(({ atMs }, index) => atMs - asked[index]!.atMs)
    expect(gaps[0]).toBeLessThanOrEqual(300)
    expect(gaps[3]).toBeGreaterThanOrEqual(1_000)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(33_050)
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(15_000)
  })

  it('is not asked before the time that it names', async () => {
    const { client, asked, answer, pass } = createWorld()
    answer(problem(429, 'AE_TOO_MANY_REQUESTS', { 'retry-after': '7' }), ok)
    client.record({ apiCalls: 1 })
    await pass(9_000)
    expect(asked[1]!.atMs - asked[0]!.atMs).toBeGreaterThanOrEqual(7_000)
  })

  it('is given up after ten seconds of silence and asked again', async () => {
    const { client, asked, answer, pass } = createWorld()
    answer('silent', ok)
    client.record({ apiCalls: 1 })
    await pass(12_000)
    expect(keys(asked)[1]).toBe(keys(asked)[0])
    expect(client.stats()).toMatchObject({ sent: 1, retries: 1 })
  })

  it('leaves a bounded buffer: the newest are dropped and counted', async () => {
    const { client, asked, answer, pass, drops } = createWorld({ maxBuffered: 3 })
    answer('broken')
    for (let n = 1; n <= 5; n++) client.record({ apiCalls: n })
    expect(client.stats()).toMatchObject({ buffered: 3, dropped: 2 })
    expect(drops.map(({ code, count }) => [code, count])).toEqual([
      ['OVERFLOW', 1],
      ['OVERFLOW', 1],
    ])
    answer(ok)
    await pass(5_000)
    expect((asked.at(-1)!.body as { apiCalls: number }[]).map(({ apiCalls }) => apiCalls)).toEqual([1, 2, 3])
  })
})

describe('what the daemon refuses', () => {
  it.each([
    [401, 'AE_UNAUTHENTICATED'],
    [403, 'AE_FORBIDDEN'],
    [409, 'AE_SOURCE_CONFLICT'],
    [409, 'AE_AGENT_ENDED'],
    [422, 'AE_IDEMPOTENCY_MISMATCH'],
  ])('%s %s is dropped and told, and what comes later is sent', async (status, code) => {
    const { client, asked, answer, pass, drops } = createWorld()
    answer(problem(status, code), ok)
    client.record({ apiCalls: 1 })
    client.record({ apiCalls: 2 })
    await pass(1_000)
    expect(drops).toEqual([{ code, count: 2, detail: code }])
    client.record({ apiCalls: 3 })
    await pass(1_000)
    expect(asked).toHaveLength(2)
    expect(client.stats()).toEqual({ sent: 1, buffered: 0, dropped: 2, retries: 0 })
  })

  it('costs only the bad record, not those it travelled with', async () => {
    const counted: number[] = []
    const drops: number[] = []
    const fetch = (async (_: URL, init: RequestInit) => {
      const records = JSON.parse(init.body as string) as { apiCalls: number }[]
      if (records.some(({ apiCalls }) => apiCalls < 0)) {
        return new Response('{"code":"AE_INVALID","detail":"bad"}', { status: 422 })
      }
      counted.push(...records.map(({ apiCalls }) => apiCalls))
      return new Response('{}')
    }) as typeof globalThis.fetch
    const { client, pass } = createWorld({ fetch, onDrop: ({ count }) => void drops.push(count) })
    for (let n = 1; n <= 100; n++) client.record({ apiCalls: n === 37 || n === 38 ? -n : n })
    await pass(1_000)
    expect(counted).toEqual(Array.from({ length: 100 }, (_, i) => i + 1).filter((n) => n !== 37 && n !== 38))
    expect(drops).toEqual([1, 1])
    expect(client.stats()).toMatchObject({ sent: 98, dropped: 2, buffered: 0 })
  })

  it('because somebody else reports the same costs only what is disputed', async () => {
    const counted: object[] = []
    const fetch = (async (_: URL, init: RequestInit) => {
      const records = JSON.parse(init.body as string) as { tokens?: number }[]
      if (records.some(({ tokens }) => tokens !== undefined)) {
        return new Response('{"code":"AE_SOURCE_CONFLICT","detail":"tokens"}', { status: 409 })
      }
      counted.push(...records)
      return new Response('{}')
    }) as typeof globalThis.fetch
    const { client, pass, drops } = createWorld({ fetch })
    for (let n = 0; n < 20; n++) {
      client.recordApiCall(5)
      client.recordFileOperation('read')
    }
    await pass(1_000)
    expect(counted).toHaveLength(20)
    expect(drops).toEqual([{ code: 'AE_SOURCE_CONFLICT', count: 20, detail: 'tokens' }])
    expect(client.stats()).toMatchObject({ sent: 20, dropped: 20, buffered: 0 })
  })

  it('because it does not know the agent yet is asked again for a while, under another key', async () => {
    const { client, asked, answer, pass } = createWorld()
    const unknown = problem(404, 'AE_AGENT_NOT_FOUND')
    answer(unknown, unknown, ok)
    client.record({ apiCalls: 1 })
    await pass(3_000)
    expect(new Set(keys(asked)).size).toBe(3)
    expect(client.stats()).toMatchObject({ sent: 1, dropped: 0 })
  })

  it('because there is no such agent is dropped after a while', async () => {
    const { client, answer, pass, drops } = createWorld()
    answer(problem(404, 'AE_AGENT_NOT_FOUND'))
    client.record({ apiCalls: 1 })
    await pass(40_000)
    expect(drops).toEqual([{ code: 'AE_AGENT_NOT_FOUND', count: 1, detail: 'AE_AGENT_NOT_FOUND' }])
  })

  it('after an attempt without an answer keeps its key: it may have been counted', async () => {
    const { client, asked, answer, pass } = createWorld()
    answer('broken', problem(404, 'AE_AGENT_NOT_FOUND'), ok)
    client.record({ apiCalls: 1 })
    await pass(3_000)
    expect(new Set(keys(asked)).size).toBe(1)
  })
})

describe('the end', () => {
  it('flush sends at once and tells when all is acknowledged', async () => {
    const { client, asked, pass } = createWorld()
    client.record({ apiCalls: 1 })
    const flushed = client.flush()
    await pass(0)
    expect(await flushed).toBe('flushed')
    expect(asked).toHaveLength(1)
    expect(await client.flush()).toBe('flushed')
  })

  it('flush does not wait for ever', async () => {
    const { client, answer, pass } = createWorld()
    answer('broken')
    client.record({ apiCalls: 1 })
    const flushed = client.flush(2_000)
    await pass(2_000)
    expect(await flushed).toBe('timeout')
    expect(client.stats().buffered).toBe(1)
  })

  it('close sends what it can, counts the rest as dropped and takes nothing more', async () => {
    const { client, asked, answer, pass, drops } = createWorld()
    answer('silent')
    client.record({ apiCalls: 1 })
    const closed = client.close(1_000)
    await pass(1_000)
    await closed
    client.record({ apiCalls: 2 })
    await pass(60_000)
    expect(asked).toHaveLength(1)
    expect(drops.map(({ code, count }) => [code, count])).toEqual([
      ['CLOSED', 1],
      ['CLOSED', 1],
    ])
    expect(client.stats()).toEqual({ sent: 0, buffered: 0, dropped: 2, retries: 0 })
  })
})

describe('what a client asks', () => {
  it('gate answers once, and an unreachable daemon is an error of its own', async () => {
    const { client, answer } = createWorld()
    answer({ status: 200, body: { allowed: false, phase: 'intervention', reason: 'over' } })
    expect(await client.gate()).toEqual({ allowed: false, phase: 'intervention', reason: 'over' })
    answer('broken')
    await expect(client.gate()).rejects.toMatchObject({ code: 'UNREACHABLE', status: undefined })
    answer(problem(404, 'AE_AGENT_NOT_FOUND'))
    await expect(client.gate()).rejects.toMatchObject({ code: 'AE_AGENT_NOT_FOUND', status: 404 })
    await expect(client.gate()).rejects.toBeInstanceOf(DaemonError)
  })

  it('registers the agent', async () => {
    const { client, asked } = createWorld()
    await client.register({ role: 'reviewer' })
    expect(asked[0]).toMatchObject({ path: '/api/v1/agents', body: { id: 'mine', role: 'reviewer' } })
  })

  it('pause, resume and terminate are one action each, however often they are tried', async () => {
    const { client, asked, answer, pass } = createWorld({ token: 'control' })
    const done = { status: 202, body: { actionId: 'x', status: 'done' } }
    answer('broken', problem(503, 'AE_NOT_READY'), done)
    const paused = client.pause({ reason: 'lunch', waitMs: 5_000 })
    await pass(2_000)
    expect(await paused).toEqual({ actionId: 'x', status: 'done' })
    expect(new Set(keys(asked)).size).toBe(1)
    expect(asked[0]).toMatchObject({
      path: '/api/v1/agents/mine/pause?wait=5s',
      body: { reason: 'lunch' },
      headers: { authorization: 'Bearer control' },
    })
    await client.resume({ extraBudget: { maxApiCalls: 5 } })
    await client.terminate()
    expect(asked.slice(-2).map(({ path, body }) => [path, body])).toEqual([
      ['/api/v1/agents/mine/resume', { extraBudget: { maxApiCalls: 5 } }],
      ['/api/v1/agents/mine/terminate', {}],
    ])
    answer(problem(403, 'AE_FORBIDDEN'))
    await expect(client.pause()).rejects.toMatchObject({ code: 'AE_FORBIDDEN' })
  })
})

describe('waiting for a resume', () => {
  const outcome = (word: string) => ({ status: 200, body: { outcome: word } })

  it.each(['resumed', 'terminated', 'removed', 'not_paused'])(
    'ends with what the daemon says: %s',
    async (word) => {
      const { client, answer } = createWorld()
      answer(outcome(word))
      expect(await client.waitForResume()).toBe(word)
    },
  )

  it('goes on while the daemon is away', async () => {
    const { client, asked, answer, pass } = createWorld()
    answer('silent')
    const waiting = client.waitForResume()
    await pass(39_000)
    answer('broken', problem(503, 'AE_NOT_READY'), problem(429, 'AE_TOO_MANY_WAITERS'), outcome('resumed'))
    await pass(20_000)
    expect(await waiting).toBe('resumed')
    expect(asked[0]?.path).toBe('/api/v1/agents/mine/wait-for-resume?timeout=30s')
  })

  it('does not ask without pause while the daemon is being stopped', async () => {
    const { client, asked, answer, pass } = createWorld()
    answer(outcome('timeout'))
    const waiting = client.waitForResume({ timeoutMs: 20_000 })
    await pass(20_500)
    expect(await waiting).toBe('timeout')
    expect(asked.length).toBeLessThan(12)
  })

  it('takes a resume between two questions for what it is, and so a removal', async () => {
    const { client, answer, pass } = createWorld()
    answer(outcome('timeout'), outcome('not_paused'))
    const one = client.waitForResume()
    await pass(1_000)
    expect(await one).toBe('resumed')
    answer(outcome('timeout'), problem(404, 'AE_AGENT_NOT_FOUND'))
    const other = client.waitForResume()
    await pass(1_000)
    expect(await other).toBe('removed')
  })

  it('ends after its time though nobody answers, and when it is called off', async () => {
    const { client, answer, pass } = createWorld()
    answer('silent')
    const timed = client.waitForResume({ timeoutMs: 5_000 })
    await pass(5_500)
    expect(await timed).toBe('timeout')
    const abort = new AbortController()
    const called = client.waitForResume({ signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(called).rejects.toThrow('enough')
  })

  it('is an error where the agent is unknown from the start or the token is not good', async () => {
    const { client, answer } = createWorld()
    answer(problem(404, 'AE_AGENT_NOT_FOUND'))
    await expect(client.waitForResume()).rejects.toMatchObject({ code: 'AE_AGENT_NOT_FOUND' })
    answer(problem(401, 'AE_UNAUTHENTICATED'))
    await expect(client.waitForResume()).rejects.toMatchObject({ status: 401 })
  })
})
