import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { beforeEach, describe, expect, it } from 'vitest'
import { Problem } from '../../../../src/platform/problem.ts'
import { type FakeClock, fakeClock } from '../../../support/fake-clock.ts'
import { bearer, CONTROL_TOKEN, type TestServer, testServer } from './support.ts'

describe('Idempotency-Key', () => {
  let server: TestServer
  let clock: FakeClock
  let calls: number
  let release: () => void

  const routes: FastifyPluginAsyncTypebox = async (app) => {
    app.post('/count', { config: { scope: 'ingest' } }, async (_request, reply) =>
      reply.code(201).send({ calls: ++calls }),
    )
    app.post('/fail', { config: { scope: 'ingest' } }, async () => {
      calls += 1
      throw new Problem('AE_STORE_UNAVAILABLE', 'The disk is full.')
    })
    app.post('/slow', { config: { scope: 'ingest' } }, async () => {
      await new Promise<void>((resolve) => {
        release = resolve
      })
      return { calls: ++calls }
    })
  }
  beforeEach(async () => {
    calls = 0
    clock = fakeClock()
    server = await testServer(routes, { clock })
    return () => server.close()
  })

  const post = (url: string, key: string, payload: object = {}, headers: Record<string, string> = {}) =>
    server.app.inject({ method: 'POST', url, payload, headers: { 'idempotency-key': key, ...headers } })

  it('gives the same answer to the same request, done once', async () => {
    const [first, second] = [await post('/count', 'k'), await post('/count', 'k')]
    expect([first.statusCode, first.json()]).toEqual([201, { calls: 1 }])
    expect([second.statusCode, second.json()]).toEqual([201, { calls: 1 }])
    expect(second.headers['content-type']).toBe(first.headers['content-type'])
    expect([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']]).toEqual([
      undefined,
      'true',
    ])
  })
  it('refuses the key for another request', async () => {
    await post('/count', 'k', { a: 1 })
    expect((await post('/count', 'k', { a: 2 })).json()).toMatchObject({
      status: 422,
      code: 'AE_IDEMPOTENCY_MISMATCH',
    })
    expect(calls).toBe(1)
  })
  it('keeps callers apart', async () => {
    await post('/count', 'k')
    expect((await post('/count', 'k', {}, bearer(CONTROL_TOKEN))).json()).toEqual({ calls: 2 })
  })
  it('lets a failure of ours be tried again', async () => {
    expect((await post('/fail', 'k')).statusCode).toBe(503)
    expect((await post('/fail', 'k')).statusCode).toBe(503)
    expect(calls).toBe(2)
  })
  it('does not start a second one while the first runs', async () => {
    const first = post('/slow', 'k')
    while (release === undefined) await new Promise(setImmediate)
    expect((await post('/slow', 'k')).json()).toMatchObject({
      status: 409,
      code: 'AE_IDEMPOTENCY_IN_PROGRESS',
    })
    release()
    expect((await first).json()).toEqual({ calls: 1 })
    expect((await post('/slow', 'k')).json()).toEqual({ calls: 1 })
  })
  it('forgets after a day', async () => {
    await post('/count', 'k')
    clock.advance(24 * 60 * 60 * 1000 + 1)
    expect((await post('/count', 'k')).json()).toEqual({ calls: 2 })
  })
  it('holds a bounded number of keys', async () => {
    for (let at = 0; at <= 5_000; at += 1) await post('/count', `k${at}`)
    expect((await post('/count', 'k5000')).json()).toEqual({ calls: 5001 })
    expect((await post('/count', 'k0')).json()).toEqual({ calls: 5002 })
  })
  it.each(['', 'a b', 'x'.repeat(256), 'ü'])('refuses the key %j', async (key) => {
    expect((await post('/count', key)).statusCode).toBe(422)
  })
})
