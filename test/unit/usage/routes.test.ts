import type { InjectOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { type UsageTables, usageMigration } from '../../../src/usage/tables.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { bearer, READER_TOKEN, type TestServer, testServer } from '../platform/http/support.ts'
import { createUsageTestRoom } from './room.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function setUp(options: Parameters<typeof createUsageTestRoom>[0] = {}) {
  const room = createUsageTestRoom(options)
  await room.feature.start?.()
  room.start('a')
  server = await testServer(room.feature.routes)
  const { app } = server
  const post = (path: string, payload: unknown, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: `/api/v1/agents/${path}`,
      payload: JSON.stringify(payload),
      headers: { 'content-type': 'application/json', ...headers },
    } as InjectOptions)
  const totals = () => room.usage.epoch('a')?.totals
  return { room, post, totals, app }
}

describe('POST /api/v1/agents/{id}/usage', () => {
  it('takes one record with everything in it', async () => {
    const { room, post, totals } = await setUp()
    const answer = await post('a/usage', {
      files: [{ op: 'read' }, { op: 'modify', count: 2 }],
      apiCalls: 3,
      failedApiCalls: 1,
      tokens: { input: 10, output: 5, cacheRead: 100, cacheWrite: 7, provider: 'anthropic', model: 'm' },
      subtasks: 1,
      costUsd: 0.25,
      source: 'hook',
      at: new Date(room.clock.now() - 1_000).toISOString(),
    })
    expect([answer.statusCode, answer.json()]).toEqual([200, { phase: 'normal', ratios: { n: 1 } }])
    expect(totals()).toEqual({
      filesRead: 1,
      filesWritten: 0,
      filesModified: 2,
      apiCalls: 3,
      subtasks: 1,
      tokens: { input: 10, output: 5, cache_read: 100, cache_write: 7, unspecified: 0 },
      costUsd: 0.25,
    })
  })

  it('takes a bare number of tokens, an array, and nothing at all', async () => {
    const { post, totals } = await setUp()
    expect((await post('a/usage', { tokens: 5 })).statusCode).toBe(200)
    expect((await post('a/usage', [{ tokens: 5 }, { tokens: 0 }])).statusCode).toBe(200)
    expect((await post('a/usage', {})).statusCode).toBe(200)
    expect(totals()?.tokens.unspecified).toBe(10)
  })

  it.each([
    ['/2/apiCalls', [{ apiCalls: 1 }, { apiCalls: 1 }, { apiCalls: -1 }]],
    ['/1/files/0/op', [{ apiCalls: 1 }, { files: [{ op: 'delete' }] }]],
    ['/1/failedApiCalls', [{ apiCalls: 1 }, { apiCalls: 1, failedApiCalls: 2 }]],
    ['/1/at', [{ apiCalls: 1 }, { at: '2026-01-01T00:06:00Z' }]],
    ['/1', [{ apiCalls: 1 }, { apiCall: 1 }]],
    ['/apiCalls', { apiCalls: 1.5 }],
    ['/costUsd', { costUsd: -0.1 }],
    ['/apiCalls', { apiCalls: 2 ** 53 }],
    ['/source', { source: 'a b' }],
    ['/provider', { provider: 'x\u0007' }],
    ['/at', { at: 'yesterday' }],
  ])('refuses what is wrong at %s and counts nothing', async (path, body) => {
    const { post, totals } = await setUp()
    const answer = await post('a/usage', body)
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'AE_INVALID'])
    expect(answer.json().errors[0]).toMatchObject({ in: 'body', path })
    expect(totals()?.apiCalls).toBe(0)
  })

  it('refuses more than a thousand records and more than 512 KiB', async () => {
    const { post, totals } = await setUp()
    expect((await post('a/usage', Array(1_001).fill({ apiCalls: 1 }))).statusCode).toBe(422)
    expect((await post('a/usage', { source: 'x'.repeat(600 * 1024) })).statusCode).toBe(413)
    expect(totals()?.apiCalls).toBe(0)
    expect((await post('a/usage', Array(1_000).fill({ apiCalls: 1 }))).statusCode).toBe(200)
    expect(totals()?.apiCalls).toBe(1_000)
  })

  it('clamps a clock that is a little ahead', async () => {
    const { room, post } = await setUp()
    const at = new Date(room.clock.now() + 4 * 60_000).toISOString()
    expect((await post('a/usage', { apiCalls: 1, at })).statusCode).toBe(200)
    expect(room.usage.epoch('a')?.lastActivityAtMs).toBe(room.clock.now())
  })

  it('answers who may not, what is not there, and who was first', async () => {
    const { room, post } = await setUp()
    const unknown = await post('nobody/usage', { apiCalls: 1 })
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'AE_AGENT_NOT_FOUND'])
    expect((await post('..%2fx/usage', {})).statusCode).toBe(422)
    const reader = await post('a/usage', { apiCalls: 1 }, bearer(READER_TOKEN))
    expect(reader.json().code).toBe('AE_FORBIDDEN')
    await post('a/usage', { apiCalls: 1, source: 'hook' })
    const conflict = await post('a/usage', { apiCalls: 1 })
    expect([conflict.statusCode, conflict.json().code]).toEqual([409, 'AE_SOURCE_CONFLICT'])
    expect(conflict.json()).toMatchObject({
      detail: expect.stringContaining('hook'),
      errors: [{ in: 'body', path: '/source' }],
    })
    const second = await post('a/usage', [{ apiCalls: 1, source: 'hook' }, { apiCalls: 1 }])
    expect(second.json().errors).toMatchObject([{ path: '/1/source' }])
    expect((await post('a/usage', [{ apiCalls: 1 }])).json().errors).toMatchObject([{ path: '/0/source' }])
    room.state.mayTell = false
    const stranger = await post('a/usage', { apiCalls: 1, source: 'hook' })
    expect([stranger.statusCode, stranger.json().code]).toEqual([403, 'AE_FORBIDDEN'])
    expect(room.usage.epoch('a')?.totals.apiCalls).toBe(1)
  })

  it('counts a repeated request with the same key once', async () => {
    const { post, totals } = await setUp()
    const key = { 'idempotency-key': 'k1' }
    const first = await post('a/usage', { apiCalls: 1 }, key)
    expect((await post('a/usage', { apiCalls: 1 }, key)).body).toBe(first.body)
    const other = await post('a/usage', { apiCalls: 2 }, key)
    expect([other.statusCode, other.json().code]).toEqual([422, 'AE_IDEMPOTENCY_MISMATCH'])
    expect(totals()?.apiCalls).toBe(1)
  })
})

describe('POST /api/v1/agents/{id}/deliverables', () => {
  it('takes every type, and the names of others for them', async () => {
    const { post } = await setUp()
    const answer = await post('a/deliverables', { type: 'tests_passed', artifacts: ['https://ci/1'] })
    expect([answer.statusCode, answer.json()]).toEqual([
      201,
      expect.objectContaining({
        agent: 'a',
        type: 'test_passed',
        description: null,
        artifacts: ['https://ci/1'],
        verified: null,
        countedForClock: true,
        at: '2026-01-01T00:00:00.000Z',
      }),
    ])
    expect((await post('a/deliverables', { type: 'code_committed' })).json().type).toBe('code_commit')
  })

  it.each([
    {},
    { type: 'nothing' },
    { type: 'other', description: 'x'.repeat(2_001) },
    { type: 'other', description: 'a\u001b[2J' },
    { type: 'other', artifacts: Array(33).fill('x') },
    { type: 'other', artifacts: ['x'.repeat(513)] },
    { type: 'other', artifacts: ['a\nb'] },
    { type: 'other', verified: true },
  ])('refuses %j', async (body) => {
    const { room, post } = await setUp()
    const answer = await post('a/deliverables', body)
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'AE_INVALID'])
    expect(room.usage.epoch('a')?.lastDeliverableAtMs).toBeUndefined()
  })
})

describe('GET /api/v1/agents/{id}/deliverables', () => {
  it('answers page by page, newest first, each deliverable once', async () => {
    using folder = temporaryFolder()
    const clock = fakeClock()
    const store = await openStore<UsageTables>({
      url: 'sqlite',
      dataDir: folder.path,
      daemonId: 'daemon-a',
      clock: systemClock,
      log: silentLog,
      migrations: [usageMigration],
    })
    try {
      const { room, post, app } = await setUp({ clock, store })
      room.start('b')
      const made: string[] = []
      for (let i = 0; i < 5; i++) {
        // Two at the same time: the page may end between them.
        if (i % 2 === 0) clock.advance(1_000)
        made.push((await post('a/deliverables', { type: 'other', description: `${i}` })).json().id)
      }
      await post('b/deliverables', { type: 'other' })
      const seen: string[] = []
      const sizes: number[] = []
      for (let cursor = ''; ; ) {
        const answer = await app.inject(`/api/v1/agents/a/deliverables?limit=2${cursor}`)
        const { items, nextCursor } = answer.json() as { items: { id: string }[]; nextCursor: string | null }
        seen.push(...items.map(({ id }) => id))
        sizes.push(items.length)
        if (nextCursor === null) break
        cursor = `&cursor=${nextCursor}`
      }
      expect(sizes).toEqual([2, 2, 1])
      expect([...seen].sort()).toEqual([...made].sort())
      expect(seen[0]).toBe(made[4])
      const wrong = await app.inject('/api/v1/agents/a/deliverables?cursor=nonsense')
      expect([wrong.statusCode, wrong.json().code]).toEqual([422, 'AE_INVALID'])
      expect((await app.inject('/api/v1/agents/nobody/deliverables')).statusCode).toBe(404)
    } finally {
      await store.close()
    }
  })
})
