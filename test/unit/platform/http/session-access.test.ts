import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { InjectOptions, LightMyRequestResponse as Response } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FakeClock, fakeClock } from '../../../support/fake-clock.ts'
import {
  ACCESS,
  bearer,
  CONTROL_TOKEN,
  READER_TOKEN,
  TEAM_TOKEN,
  type TestServer,
  testServer,
} from './support.ts'

const HOST = '127.0.0.1:10780'
const ORIGIN = `http://${HOST}`
const CLOSED = { ...ACCESS, anonymous: { loopback: [], remote: [] } } as const

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/read/:id', { config: { scope: 'read', subject: { param: 'id' } } }, async ({ caller }) => ({
    name: caller.name,
    kind: caller.kind,
    scopes: [...caller.scopes].sort(),
  }))
  app.get(
    '/ui/agents',
    { config: { scope: 'read', subject: 'handler', format: 'page' } },
    async () => 'agents',
  )
  app.get(
    '/ui/agents/:id',
    { config: { scope: 'read', subject: { param: 'id' }, format: 'page' } },
    async () => 'one',
  )
  app.post('/act/:id', { config: { scope: 'control', subject: { param: 'id' } } }, async ({ caller }) => ({
    actor: caller.name,
  }))
  app.post('/broken', { config: { scope: 'control' } }, async () => {
    throw new Error('something failed')
  })
  app.post('/admin', { config: { scope: 'admin' } }, async () => ({}))
  app.post('/tell', { config: { scope: 'ingest' } }, async () => ({}))
}

let clock: FakeClock
let server: TestServer
beforeEach(async () => {
  clock = fakeClock()
  server = await testServer(routes, { clock })
})
afterEach(() => server.close())

const ask = (request: InjectOptions): Promise<Response> =>
  server.app.inject({ ...request, headers: { host: HOST, ...request.headers } })

async function askLink(token: string, headers: Record<string, string> = {}): Promise<URL> {
  const answer = await ask({
    method: 'POST',
    url: '/api/v1/ui/links',
    headers: { ...bearer(token), 'content-type': 'application/json', ...headers },
  })
  expect(answer.statusCode).toBe(201)
  return new URL(answer.json().url)
}

interface SignedIn {
  readonly cookie: string
  readonly proof: string
}

function signedIn(answer: Response): SignedIn {
  const [pair = ''] = String(answer.headers['set-cookie']).split(';')
  const target = answer.headers.location ?? answer.headers['refresh']
  return { cookie: pair, proof: /#proof=(.+)$/.exec(String(target))?.[1] ?? '' }
}

async function signIn(token = CONTROL_TOKEN): Promise<SignedIn> {
  const link = await askLink(token)
  return signedIn(await ask({ url: `${link.pathname}${link.search}` }))
}

const outcome = (answer: Response): unknown => answer.json().code ?? answer.statusCode
const proofOf = ({ proof }: SignedIn) => ({ 'x-agent-exporter-proof': proof })
const JSON_BODY = { 'content-type': 'application/json' }

async function act(headers: Record<string, string>, url = '/act/x'): Promise<unknown> {
  return outcome(await ask({ method: 'POST', url, headers: { ...JSON_BODY, ...headers } }))
}

describe('the link', () => {
  it('leads to the address by which the daemon was asked', async () => {
    const { origin, pathname, searchParams } = await askLink(CONTROL_TOKEN)
    expect([origin, pathname, searchParams.get('code')]).toEqual([
      ORIGIN,
      '/ui/enter',
      expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    ])
    const proxied = { host: 'exporter.example.org', 'x-forwarded-proto': 'https' }
    expect((await askLink(CONTROL_TOKEN, proxied)).origin).toBe('https://exporter.example.org')
    expect((await askLink(CONTROL_TOKEN, { host: '[::1]:9000' })).origin).toBe('http://[::1]:9000')
  })

  it('names an address and not localhost, on whose other address somebody else may listen', async () => {
    expect((await askLink(CONTROL_TOKEN, { host: 'localhost:10780' })).origin).toBe(ORIGIN)
  })

  it.each([
    ['nobody', {}, 'AE_UNAUTHENTICATED'],
    ['a token that may only read', bearer(READER_TOKEN), 'AE_FORBIDDEN'],
  ])('is not made for %s', async (_, headers, code) => {
    expect(await act(headers, '/api/v1/ui/links')).toBe(code)
  })

  it('is not made for a session, which would never end', async () => {
    const session = await signIn()
    const headers = { cookie: session.cookie, ...proofOf(session), origin: ORIGIN }
    expect(await act(headers, '/api/v1/ui/links')).toBe('AE_FORBIDDEN')
  })

  it('is new each time, also with the same Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'the same' }
    const [one, other] = [await askLink(CONTROL_TOKEN, key), await askLink(CONTROL_TOKEN, key)]
    expect(one.href).not.toBe(other.href)
  })

  it('signs in with a cookie for this host alone, and hands the proof to the page alone', async () => {
    const link = await askLink(CONTROL_TOKEN)
    const answer = await ask({ url: `${link.pathname}${link.search}` })
    expect([answer.statusCode, answer.headers.location, answer.headers['cache-control']]).toEqual([
      303,
      expect.stringMatching(/^\/ui\/#proof=[A-Za-z0-9_-]{43}$/),
      'no-store',
    ])
    expect(answer.headers['set-cookie']).toMatch(
      /^agent-exporter-10780=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    )
  })

  it('sets a cookie that never goes without TLS where a proxy speaks it', async () => {
    const link = await askLink(CONTROL_TOKEN)
    const headers = { host: 'exporter.example.org', 'x-forwarded-proto': 'https' }
    const answer = await ask({ url: `${link.pathname}${link.search}`, headers })
    expect(answer.headers['set-cookie']).toMatch(/^agent-exporter-443=.*; SameSite=Strict; Secure$/)
  })

  it('goes on by a page of our own where a page of another site led here', async () => {
    const link = await askLink(CONTROL_TOKEN)
    const headers = { 'sec-fetch-site': 'cross-site' }
    const answer = await ask({ url: `${link.pathname}${link.search}`, headers })
    const { cookie, proof } = signedIn(answer)
    expect([answer.statusCode, answer.headers['refresh']]).toEqual([200, `0; url=/ui/#proof=${proof}`])
    expect(await act({ cookie, ...proofOf({ cookie, proof }), origin: ORIGIN })).toBe(200)
  })

  it.each([
    ['HEAD', { method: 'HEAD' }],
    ['a prefetch', { headers: { 'sec-purpose': 'prefetch' } }],
    ['a prerender', { headers: { 'sec-purpose': 'prefetch;prerender' } }],
    ['an older prefetch', { headers: { purpose: 'prefetch' } }],
    ['a preview', { headers: { 'x-purpose': 'preview' } }],
  ] as const)('is not used up by %s', async (_, request) => {
    const link = await askLink(CONTROL_TOKEN)
    const url = `${link.pathname}${link.search}`
    const ahead = await ask({ ...request, url })
    expect([ahead.headers['set-cookie'], ahead.headers.location]).toEqual([undefined, undefined])
    expect((await ask({ url })).statusCode).toBe(303)
  })

  it.each([
    ['used', (url: string) => ask({ url })],
    ['expired', async () => clock.advance(60_000)],
    [
      'taken back with its token',
      async () => server.updateAccess({ ...ACCESS, controlToken: 'another'.repeat(6) }),
    ],
  ])('that is %s answers a page that says what to do, and is counted', async (_, before) => {
    const link = await askLink(CONTROL_TOKEN)
    const url = `${link.pathname}${link.search}`
    await before(url)
    const answer = await ask({ url })
    expect([answer.statusCode, answer.headers['content-type'], answer.headers['set-cookie']]).toEqual([
      403,
      'text/html; charset=utf-8',
      undefined,
    ])
    expect(answer.payload).toContain('<code>agent-exporter ui</code>')
    expect(answer.payload).not.toContain(link.searchParams.get('code'))
    expect(server.counted).toEqual(['AE_LINK_SPENT'])
  })

  it.each(['', '?code=', '?code=x', '?code=a&code=b', '?code[]=a', `?code=${'x'.repeat(5_000)}`, '?other=1'])(
    'that nobody made is spent: %s',
    async (query) => {
      expect((await ask({ url: `/ui/enter${query}` })).statusCode).toBe(403)
    },
  )
})

describe('a session', () => {
  let session: SignedIn
  beforeEach(async () => {
    session = await signIn()
  })
  const both = () => ({ cookie: session.cookie, ...proofOf(session), origin: ORIGIN })

  it('reads with the cookie alone', async () => {
    const answer = await ask({ url: '/read/x', headers: { cookie: session.cookie } })
    expect(answer.json()).toEqual({ name: 'ui:control', kind: 'session', scopes: ['metrics', 'read'] })
  })

  it('acts with cookie and proof, under the name of the token', async () => {
    const answer = await ask({ method: 'POST', url: '/act/x', headers: { ...JSON_BODY, ...both() } })
    expect(answer.json()).toEqual({ actor: 'ui:control' })
  })

  it.each([
    ['without the proof', () => ({ cookie: session.cookie, origin: ORIGIN }), 'AE_PROOF_MISSING'],
    ['with an empty proof', () => ({ ...both(), 'x-agent-exporter-proof': '' }), 'AE_PROOF_MISSING'],
    [
      'with its cookie for a proof',
      () => ({ ...both(), 'x-agent-exporter-proof': session.cookie.split('=')[1] as string }),
      'AE_PROOF_MISSING',
    ],
    ['with the proof alone', () => ({ ...proofOf(session), origin: ORIGIN }), 'AE_UNAUTHENTICATED'],
    ['without an Origin', () => ({ cookie: session.cookie, ...proofOf(session) }), 'AE_FOREIGN_ORIGIN'],
    [
      'from another port of this host',
      () => ({ ...both(), origin: 'http://127.0.0.1:8080' }),
      'AE_FOREIGN_ORIGIN',
    ],
    ['from a page without an origin', () => ({ ...both(), origin: 'null' }), 'AE_FOREIGN_ORIGIN'],
    [
      'from a page that may call with a token',
      () => ({ ...both(), origin: 'https://grafana.example.org' }),
      'AE_FOREIGN_ORIGIN',
    ],
    ['from the same site only', () => ({ ...both(), 'sec-fetch-site': 'same-site' }), 'AE_FOREIGN_ORIGIN'],
    [
      'by a name that was rebound to us',
      () => ({ ...both(), host: 'evil.example:10780', origin: 'http://evil.example:10780' }),
      'AE_MISDIRECTED',
    ],
    ['as a form', () => ({ ...both(), 'content-type': 'text/plain' }), 'AE_UNSUPPORTED_MEDIA_TYPE'],
  ])('does not act %s', async (_, headers, code) => {
    expect(await act(headers())).toBe(code)
    expect(server.counted).toEqual([code])
  })

  it('acts from the very same origin, where the browser says so', async () => {
    expect(await act({ ...both(), 'sec-fetch-site': 'same-origin' })).toBe(200)
  })

  it('does not act with the proof of another session', async () => {
    expect(await act({ ...both(), ...proofOf(await signIn()) })).toBe('AE_PROOF_MISSING')
  })

  it('never administers and tells nothing, whatever the token could', async () => {
    expect([await act(both(), '/admin'), await act(both(), '/tell')]).toEqual([
      'AE_FORBIDDEN',
      'AE_FORBIDDEN',
    ])
  })

  it('gives way to a token, better or worse', async () => {
    expect(await act({ ...both(), ...bearer(READER_TOKEN) })).toBe('AE_FORBIDDEN')
    expect(await act({ cookie: session.cookie, ...bearer(CONTROL_TOKEN) })).toBe(200)
    expect(await act({ ...both(), ...bearer('not-a-token-of-anybody') })).toBe('AE_UNAUTHENTICATED')
  })

  it('is known by a cookie among others, also among such that a neighbour set', async () => {
    const cookie = `theme=dark; agent-exporter-10780=${'x'.repeat(43)}; agent-exporter-10780=; ${session.cookie}; a=b`
    expect(await act({ ...both(), cookie })).toBe(200)
    expect(await act({ ...both(), cookie: session.cookie.replace('10780', '10781') })).toBe(
      'AE_UNAUTHENTICATED',
    )
  })

  it('that has ended leaves what everybody may do, and says what it is', async () => {
    clock.advance(31 * 60_000)
    const answer = await ask({ url: '/read/x', headers: { cookie: session.cookie } })
    expect(answer.json()).toMatchObject({ name: 'anonymous' })
    expect(await act(both())).toBe('AE_SESSION_ENDED')
  })

  it('answers who it is', async () => {
    const who = async (headers: Record<string, string>) =>
      (await ask({ url: '/api/v1/ui/session', headers })).json()
    const expiresAt = new Date(clock.now() + 30 * 60_000).toISOString()
    expect(await who({})).toEqual({
      signedIn: false,
      name: 'anonymous',
      scopes: ['metrics', 'read', 'ingest'],
      canControl: false,
    })
    const cookieOnly = { signedIn: true, name: 'ui:control', canControl: false, expiresAt }
    expect(await who({ cookie: session.cookie })).toMatchObject(cookieOnly)
    expect(await who(both())).toMatchObject({ ...cookieOnly, canControl: true })
    clock.advance(12 * 3_600_000)
    expect(await who(both())).toMatchObject({ signedIn: false, canControl: false })
  })

  it('is signed out from its own page, with the cookie alone', async () => {
    const leave = (headers: Record<string, string>) =>
      ask({ method: 'DELETE', url: '/api/v1/ui/session', headers })
    const foreign = await leave({ cookie: session.cookie, origin: 'http://127.0.0.1:8080' })
    expect(outcome(foreign)).toBe('AE_FOREIGN_ORIGIN')
    expect(await act(both())).toBe(200)
    const answer = await leave({ cookie: session.cookie, origin: ORIGIN })
    expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([
      204,
      'agent-exporter-10780=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0',
    ])
    expect(await act(both())).toBe('AE_SESSION_ENDED')
  })

  it('ends when its token does, and follows it when it loses agents', async () => {
    const team = await signIn(TEAM_TOKEN)
    const headers = { cookie: team.cookie, ...proofOf(team), origin: ORIGIN }
    expect([await act(headers, '/act/team-a-1'), await act(headers)]).toEqual([200, 'AE_FORBIDDEN'])
    const narrower = ACCESS.tokens.map((token) => ({
      ...token,
      ...(token.agents && { agents: ['team-a-2'] }),
    }))
    server.updateAccess({ ...ACCESS, tokens: narrower })
    expect([await act(headers, '/act/team-a-2'), await act(headers, '/act/team-a-1')]).toEqual([
      200,
      'AE_FORBIDDEN',
    ])
    server.updateAccess({
      ...ACCESS,
      tokens: narrower.map((token) => ({ ...token, scopes: ['read'] as const })),
    })
    expect(await act(headers, '/act/team-a-2')).toBe('AE_SESSION_ENDED')
    server.updateAccess(ACCESS)
    expect(await act(headers, '/act/team-a-2')).toBe('AE_SESSION_ENDED')
    expect(await act(both())).toBe(200)
  })
})

describe('a server that nobody may read', () => {
  beforeEach(async () => {
    await server.close()
    server = await testServer(routes, { clock, access: CLOSED })
  })

  it('shows how to sign in instead of a page, and a way on for whoever came from another site', async () => {
    const answer = await ask({ url: '/ui/agents?page=2' })
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8'])
    expect(answer.payload).toContain('<code>agent-exporter ui</code>')
    expect(answer.payload).toContain('<a href="">Continue</a>')
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'")
    expect(server.counted).toEqual(['AE_UNAUTHENTICATED'])
  })

  it('lets a session in, and answers who it is to everybody', async () => {
    const { cookie } = await signIn()
    expect((await ask({ url: '/ui/agents', headers: { cookie } })).statusCode).toBe(200)
    expect((await ask({ url: '/api/v1/ui/session' })).json()).toMatchObject({ signedIn: false, scopes: [] })
  })

  it('says in a page, too, what else is not open', async () => {
    const answer = await ask({ url: '/ui/agents/b', headers: { cookie: (await signIn(TEAM_TOKEN)).cookie } })
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8'])
    expect(answer.payload).toContain('<a href="/docs/errors#AE_FORBIDDEN">')
  })
})

it('writes no secret of a link or a session into the log, whatever goes wrong', async () => {
  const lines: string[] = []
  const write = (message: string, fields?: object) => void lines.push(JSON.stringify([message, fields]))
  await server.close()
  server = await testServer(routes, { clock, log: { debug: write, info: write, warn: write, error: write } })
  const [used, unused] = [await askLink(CONTROL_TOKEN), await askLink(CONTROL_TOKEN)]
  const url = `${used.pathname}${used.search}`
  const session = signedIn(await ask({ url }))
  const headers = { cookie: session.cookie, ...proofOf(session), origin: ORIGIN }
  await ask({ url })
  await ask({ url: `${url}%` })
  await ask({ method: 'POST', url: `/ui/enter${unused.search}`, headers: { ...headers, ...JSON_BODY } })
  for (const path of ['/act/x', '/broken', '/admin', `/act/${session.proof}`, '/%', '/act/x?%'])
    for (const changed of [
      headers,
      { ...headers, origin: 'null' },
      { ...headers, cookie: `${session.cookie}%` },
    ])
      await ask({ method: 'POST', url: path, headers: { ...JSON_BODY, ...changed } })
  expect(lines.join('\n')).toMatch(/a person signed in.*request failed/s)
  const codes = [used, unused].map(({ searchParams }) => searchParams.get('code') ?? '')
  for (const secret of [...codes, session.proof, session.cookie.split('=')[1] ?? '', CONTROL_TOKEN]) {
    expect(secret.length).toBeGreaterThan(40)
    expect(lines.join('\n')).not.toContain(secret)
  }
})
