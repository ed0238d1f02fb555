import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { InjectOptions, LightMyRequestResponse as Response } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBaseRoutes } from '../../../../src/platform/http/routes.ts'
import { PROBLEMS, Problem } from '../../../../src/platform/problem.ts'
import {
  ACCESS,
  bearer,
  CONTROL_TOKEN,
  READER_TOKEN,
  TEAM_TOKEN,
  type TestServer,
  testServer,
} from './support.ts'

const SECRET = 'hunter2-and-a-prompt'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  const body = Type.Object(
    { count: Type.Integer({ minimum: 0 }), note: Type.Optional(Type.String()) },
    { additionalProperties: false },
  )
  app.post('/things', { config: { scope: 'ingest' }, schema: { body } }, async (request) => request.body)
  app.post('/empty', { config: { scope: 'ingest' } }, async (request) => ({ body: request.body }))
  app.get(
    '/list',
    { config: { scope: 'read' }, schema: { querystring: Type.Object({ n: Type.Integer() }) } },
    async (request) => ({ n: request.query.n }),
  )
  app.get('/agents/:id', { config: { scope: 'read', subject: { param: 'id' } } }, async (request) => ({
    caller: request.caller.name,
  }))
  app.get('/whole', { config: { scope: 'read' } }, async () => ({}))
  app.delete(
    '/agents/:id',
    { config: { scope: 'control', subject: { param: 'id' } } },
    async (_request, reply) => reply.code(204).send(),
  )
  app.get('/broken', { config: { scope: 'read' } }, async () => {
    throw new Error(SECRET)
  })
  app.get('/conflict', { config: { scope: 'read' } }, async () => {
    throw new Problem('AE_AGENT_CONFLICT', 'Two live incarnations have this id.')
  })
}

let server: TestServer
beforeAll(async () => {
  server = await testServer(routes)
})
afterAll(() => server.close())

const inject = (request: InjectOptions): Promise<Response> => server.app.inject(request)

describe('errors', () => {
  it.each([
    ['unknown address', { url: '/nothing' }, 404, 'AE_NOT_FOUND'],
    [
      'wrong method',
      { method: 'PUT', url: '/things', headers: { 'content-type': 'application/json' } },
      405,
      'AE_METHOD_NOT_ALLOWED',
    ],
    [
      'broken JSON',
      {
        method: 'POST',
        url: '/things',
        headers: { 'content-type': 'application/json' },
        payload: '{"count":',
      },
      400,
      'AE_BAD_REQUEST',
    ],
    [
      'prototype poisoning',
      {
        method: 'POST',
        url: '/things',
        headers: { 'content-type': 'application/json' },
        payload: '{"__proto__":{"a":1}}',
      },
      400,
      'AE_BAD_REQUEST',
    ],
    [
      'text body',
      { method: 'POST', url: '/things', headers: { 'content-type': 'text/plain' }, payload: '{"count":1}' },
      415,
      'AE_UNSUPPORTED_MEDIA_TYPE',
    ],
    ['no type on an empty body', { method: 'POST', url: '/empty' }, 415, 'AE_UNSUPPORTED_MEDIA_TYPE'],
    ['wrong type', { method: 'POST', url: '/things', payload: { count: '1' } }, 422, 'AE_INVALID'],
    ['unknown key', { method: 'POST', url: '/things', payload: { count: 1, extra: 1 } }, 422, 'AE_INVALID'],
    ['bad query', { url: '/list?n=x' }, 422, 'AE_INVALID'],
    ['bad escape in the path', { url: '/agents/%zz' }, 400, 'AE_BAD_REQUEST'],
    ['very long part of the path', { url: `/agents/${'a'.repeat(2000)}` }, 414, 'AE_URI_TOO_LONG'],
    ['a coded error of a room', { url: '/conflict' }, 409, 'AE_AGENT_CONFLICT'],
    ['a mistake of ours', { url: '/broken' }, 500, 'AE_INTERNAL'],
  ] as const)('%s is a coded problem and counted', async (_name, request, status, code) => {
    server.counted.length = 0
    const response = await inject(request as InjectOptions)
    expect(response.statusCode).toBe(status)
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(response.json()).toMatchObject({
      status,
      code,
      title: PROBLEMS[code].title,
      type: `/docs/errors#${code}`,
    })
    expect(response.json().requestId).toBe(response.headers['x-request-id'])
    expect(server.counted).toEqual([code])
  })

  it('names the allowed methods', async () => {
    const response = await inject({
      method: 'PATCH',
      url: '/agents/a',
      headers: { 'content-type': 'application/json' },
    })
    expect(response.headers.allow).toBe('DELETE, GET, HEAD')
  })

  it('says where the schema was missed and which keys are known, and repeats nothing that was sent', async () => {
    const response = await inject({ method: 'POST', url: '/things', payload: { count: 1, [SECRET]: SECRET } })
    expect(response.json().errors).toEqual([
      { in: 'body', path: '', message: 'has an unknown key; known keys: count, note' },
    ])
    expect(response.payload).not.toContain(SECRET)
  })

  it('does not tell what went wrong inside', async () => {
    const response = await inject({ url: '/broken' })
    expect(response.payload).not.toContain(SECRET)
    expect(response.payload).not.toContain('at ')
  })

  it('refuses an announced body above the limit before reading it', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': '104857600' }
    const response = await inject({ method: 'POST', url: '/things', headers, payload: '{' })
    expect(response.json()).toMatchObject({ status: 413, code: 'AE_PAYLOAD_TOO_LARGE' })
  })
})

describe('bodies and queries', () => {
  it('takes an empty JSON body as an empty object', async () => {
    const response = await inject({
      method: 'POST',
      url: '/empty',
      headers: { 'content-type': 'application/json' },
    })
    expect(response.json()).toEqual({ body: {} })
  })
  it('reads numbers from the query but not from body text', async () => {
    expect((await inject({ url: '/list?n=3' })).json()).toEqual({ n: 3 })
  })
  it('needs no type to delete', async () => {
    const response = await inject({ method: 'DELETE', url: '/agents/a', headers: bearer(CONTROL_TOKEN) })
    expect(response.statusCode).toBe(204)
  })
  it('answers with and without a trailing slash and never redirects', async () => {
    expect((await inject({ url: '/whole/' })).statusCode).toBe(200)
    expect((await inject({ url: '/docs/' })).statusCode).toBe(200)
    expect((await inject({ url: '/docs' })).statusCode).toBe(200)
  })
  it('answers HEAD where it answers GET', async () => {
    const response = await inject({ method: 'HEAD', url: '/whole' })
    expect([response.statusCode, response.payload]).toEqual([200, ''])
  })
})

describe('scopes', () => {
  it('needs a token for control even from this host', async () => {
    const response = await inject({ method: 'DELETE', url: '/agents/a' })
    expect(response.json().code).toBe('AE_UNAUTHENTICATED')
    expect(response.headers['www-authenticate']).toBe('Bearer')
  })
  it('refuses a token without the scope', async () => {
    const response = await inject({ method: 'DELETE', url: '/agents/a', headers: bearer(READER_TOKEN) })
    expect(response.json().code).toBe('AE_FORBIDDEN')
  })
  it('refuses a wrong token even where none is needed', async () => {
    expect((await inject({ url: '/whole', headers: bearer('wrong') })).statusCode).toBe(401)
  })
  it('gives remote callers only metrics', async () => {
    const remoteAddress = '192.0.2.7'
    expect((await inject({ url: '/whole', remoteAddress })).statusCode).toBe(401)
    expect((await inject({ url: '/health', remoteAddress })).statusCode).toBe(200)
    expect((await inject({ url: '/whole', remoteAddress, headers: bearer(READER_TOKEN) })).statusCode).toBe(
      200,
    )
  })
  it.each(['forwarded', 'x-forwarded-for', 'x-forwarded-anything', 'via', 'x-real-ip'])(
    'does not take a proxy on this host for this host (%s)',
    async (name) => {
      expect((await inject({ url: '/whole', headers: { [name]: '127.0.0.1' } })).statusCode).toBe(401)
    },
  )
  it('keeps a limited token to its agents and away from routes without a subject', async () => {
    const headers = bearer(TEAM_TOKEN)
    expect((await inject({ url: '/agents/team-a-1', headers })).json()).toEqual({ caller: 'team-a' })
    expect((await inject({ url: '/agents/team-b-1', headers })).statusCode).toBe(403)
    expect((await inject({ url: '/whole', headers })).statusCode).toBe(403)
    expect((await inject({ url: '/health', headers })).statusCode).toBe(403)
  })
  it('refuses to start with a route that names no scope', async () => {
    const open: FastifyPluginAsyncTypebox = async (app) => {
      app.get('/open', async () => ({}))
    }
    await expect(testServer(open)).rejects.toThrow('The route GET /open names no scope.')
  })
  it('never gives control to anonymous callers, whatever the config says', async () => {
    const anonymous = { loopback: ['control', 'admin', 'read'], remote: ['admin'] } as const
    const access = { tokens: [], anonymous, allowedHosts: [], allowedOrigins: [] }
    const other = await testServer(routes, { access })
    expect((await other.app.inject({ method: 'DELETE', url: '/agents/a' })).statusCode).toBe(401)
    expect((await other.app.inject({ url: '/whole', remoteAddress: '192.0.2.7' })).statusCode).toBe(401)
    await other.close()
  })
})

describe('a reloaded auth section', () => {
  it('is in force at once, and a bad one changes nothing', async () => {
    const other = await testServer(routes)
    const status = async () =>
      (await other.app.inject({ url: '/whole', headers: bearer(READER_TOKEN) })).statusCode
    expect(await status()).toBe(200)
    const broken = { name: 'x', hashSha256: 'no', scopes: [] }
    expect(() => other.updateAccess({ ...ACCESS, tokens: [broken] })).toThrow('auth.tokens[x].hashSha256')
    expect(await status()).toBe(200)
    other.updateAccess({ ...ACCESS, tokens: [], allowedHosts: ['new.example.org'] })
    expect(await status()).toBe(401)
    const named = (host: string) => other.app.inject({ url: '/whole', headers: { host } })
    expect((await named('new.example.org')).statusCode).toBe(200)
    expect((await named('exporter.example.org')).statusCode).toBe(421)
    await other.close()
  })
})

describe('hosts and origins', () => {
  const get = async (headers: Record<string, string>, url = '/whole') =>
    (await inject({ url, headers })).statusCode

  it.each([
    'localhost',
    'localhost:10780',
    '127.0.0.1:1',
    '[::1]:80',
    '10.1.2.3',
    'EXPORTER.example.org:80',
    'exporter.example.org.',
  ])('serves %s', async (host) => expect(await get({ host })).toBe(200))
  it.each([
    'attacker.example',
    'localhost.attacker.example',
    'xexporter.example.org',
    '127.0.0.1.attacker.example',
  ])('does not serve %s', async (host) => expect(await get({ host })).toBe(421))
  it.each(['a b', 'a@b', 'host:99999999', '[::1', 'a/b', '\u00e9'])('calls %j malformed', async (host) => {
    expect(await get({ host })).toBe(400)
  })
  it('lets health checks and token bearers use any name', async () => {
    const host = 'pod-7.cluster.example'
    expect(await get({ host }, '/-/healthy')).toBe(200)
    expect(await get({ host }, '/-/ready')).toBe(200)
    expect(await get({ host, ...bearer(READER_TOKEN) })).toBe(200)
    expect(await get({ host, ...bearer('wrong') })).toBe(421)
  })
  it.each(['https://attacker.example', 'null', 'http://localhost:1', 'garbage', 'http://localhost:10780/x'])(
    'refuses the foreign origin %s',
    async (origin) => expect(await get({ host: 'localhost:10780', origin })).toBe(403),
  )
  it('takes its own origin, also behind a proxy that ends TLS', async () => {
    expect(await get({ host: 'localhost:10780', origin: 'http://localhost:10780' })).toBe(200)
    expect(await get({ host: 'exporter.example.org', origin: 'https://exporter.example.org' })).toBe(200)
  })
  it("answers listed origins and their preflight, and nobody else's", async () => {
    const origin = 'https://grafana.example.org'
    const response = await inject({ url: '/whole', headers: { origin } })
    expect(response.headers['access-control-allow-origin']).toBe(origin)
    const asked = { 'access-control-request-method': 'POST' }
    const preflight = await inject({ method: 'OPTIONS', url: '/things', headers: { origin, ...asked } })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers['access-control-allow-headers']).toContain('Authorization')
    const foreign = { origin: 'https://attacker.example', ...asked }
    expect((await inject({ method: 'OPTIONS', url: '/things', headers: foreign })).statusCode).toBe(403)
  })
})

describe('base routes', () => {
  it('shows a landing page that runs nothing', async () => {
    const response = await inject({ url: '/' })
    expect(response.payload).toContain('Version: 1.2.3')
    expect(response.payload).not.toContain('<script')
    expect(response.payload).not.toContain(CONTROL_TOKEN)
    expect(response.headers['content-security-policy']).toContain("default-src 'none'")
  })
  it('is ready after the first collection', async () => {
    server.setReady(false)
    expect((await inject({ url: '/-/ready' })).json().code).toBe('AE_NOT_READY')
    server.setReady(true)
    expect((await inject({ url: '/-/ready' })).statusCode).toBe(200)
  })
  it.each([
    ['healthy', 200],
    ['degraded', 200],
    ['unhealthy', 503],
  ] as const)('is as well as its worst part (%s)', async (status, code) => {
    const base = createBaseRoutes({
      version: '1',
      isReady: () => true,
      checks: () => ({ database: { status: 'healthy' }, docker: { status, version: '20.10' } }),
      targets: () => [],
      reload: async () => {},
    })
    const other = await testServer(undefined, { routes: [base] })
    const response = await other.app.inject('/health')
    expect(response.statusCode).toBe(code)
    expect(response.json()).toEqual({
      status,
      checks: { database: { status: 'healthy' }, docker: { status, version: '20.10' } },
    })
    await other.close()
  })
  it('reloads only for administrators, without a body', async () => {
    expect((await inject({ method: 'POST', url: '/-/reload' })).statusCode).toBe(401)
    expect(
      (await inject({ method: 'PUT', url: '/-/reload', headers: bearer(CONTROL_TOKEN) })).statusCode,
    ).toBe(200)
  })
  it('serves targets as Prometheus wants them', async () => {
    const response = await inject({ url: '/sd' })
    expect(response.headers['content-type']).toMatch(/^application\/json(; ?charset=utf-8)?$/)
    expect(response.json()).toEqual([{ targets: ['127.0.0.1:9'], labels: { agent: 'a' } }])
  })
  it('documents itself', async () => {
    const document = (await inject({ url: '/openapi.json' })).json()
    expect(document.openapi).toBe('3.1.0')
    expect(document.paths['/agents/{id}'].delete).toMatchObject({
      'x-scope': 'control',
      security: [{ token: [] }],
    })
    expect(document.paths['/-/healthy'].get.security).toEqual([])
    expect(document.paths['/whole'].get.responses.default.content).toHaveProperty([
      'application/problem+json',
    ])
    expect(document.components.schemas.Problem.properties).toHaveProperty('code')
  })
  it('shows the API with nothing from elsewhere', async () => {
    const index = await inject({ url: '/docs' })
    expect(index.statusCode).toBe(200)
    expect(index.payload).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    expect(index.payload).not.toMatch(/<script>|<style>/)
    expect((await inject({ url: '/docs/static/swagger-ui-bundle.js' })).statusCode).toBe(200)
  })
  it('explains every code where problems point to', async () => {
    const { payload } = await inject({ url: '/docs/errors' })
    for (const code of Object.keys(PROBLEMS)) expect(payload).toContain(`id="${code}"`)
  })
  it('forbids sniffing, framing and caching everywhere', async () => {
    for (const url of ['/', '/whole', '/nothing', '/docs', '/-/healthy']) {
      const { headers } = await inject({ url })
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'deny',
        'referrer-policy': 'no-referrer',
      })
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    }
    expect((await inject({ url: '/whole' })).headers['cache-control']).toBe('no-store')
  })
})
