import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintAgentToken } from '../../src/platform/http/agent-token.ts'
import { eventually } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
}
interface Operation {
  readonly 'x-scope': string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}
interface Route {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}
interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

const { paths } = JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}
const ROUTES: readonly Route[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
)
const named = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const)
const MUTATING = named.filter(([, { method }]) => !['GET', 'HEAD'].includes(method))
const MINE = 'team-a-one'
const THEIRS = 'team-b-one'
const SECRETS = {
  ingest: 'token-for-reporting',
  read: 'token-for-reading',
  team: 'token-of-the-team-a',
  all: 'token-of-all-teams',
}
/** Bodies that are right and are about MINE; others are right when they are empty. */
const RIGHT: Readonly<Record<string, object>> = {
  '/api/v1/agents': { id: MINE },
  '/api/monitoring/crash': { crash: { agentName: MINE } },
  '/api/monitoring/metrics': { agents: [{ name: MINE }] },
  '/api/monitoring/alert': { alert: { agentName: MINE, alertType: 'warning' } },
}
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
const json = { 'content-type': 'application/json' }

describe('bad input on every route that is documented', () => {
  let daemon: Daemon
  let control: string
  let pendingId: string

  beforeAll(async () => {
    daemon = await startDaemon({
      config: {
        control: { lock: `bad-input-${process.pid}` },
        // What else runs here comes and goes.
        agents: { discovery: { processes: false } },
        auth: {
          tokens: [
            { name: 'reporter', hashSha256: hashOf(SECRETS.ingest), scopes: ['ingest'] },
            { name: 'reader', hashSha256: hashOf(SECRETS.read), scopes: ['read'] },
            {
              name: 'team-a',
              hashSha256: hashOf(SECRETS.team),
              scopes: ['read', 'ingest', 'control'],
              agents: ['team-a-*'],
            },
          ],
        },
      },
    })
    control = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
    for (const id of [MINE, THEIRS]) {
      const answer = await send('POST', '/api/v1/agents', bearer(control), JSON.stringify({ id }))
      expect(answer.status).toBe(201)
      const refused = await send('POST', `/api/v1/agents/${id}/pause`, bearer(control), '{"dryRun":true}')
      expect(refused.status).toBe(202)
      if (id === THEIRS) pendingId = JSON.parse(refused.text).actionId as string
    }
  })
  afterAll(() => daemon?.[Symbol.asyncDispose]())

  const bearer = (token: string) => ({ authorization: `Bearer ${token}`, ...json })

  async function send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Answer> {
    // A stream of events has no end: its head is all that is asked for.
    const cut = new AbortController()
    const answer = await daemon.get(path, {
      method,
      headers,
      signal: cut.signal,
      ...(body === undefined ? {} : { body }),
    })
    const type = answer.headers.get('content-type') ?? ''
    const text = type.startsWith('text/event-stream') ? '' : await answer.text()
    cut.abort()
    return { status: answer.status, type, text }
  }

  const pathOf = ({ path }: Route, id = MINE) =>
    path.replace('{id}', path.includes('/actions/') ? pendingId : id)

  /** Everything that a request could have changed. */
  async function dump(): Promise<unknown> {
    const lists = ['/api/v1/agents', '/api/v1/actions', '/api/v1/control', '/api/v1/resources/events']
    const ofAgents = [MINE, THEIRS].flatMap((id) => [
      `/api/v1/agents/${id}`,
      `/api/v1/agents/${id}/deliverables`,
    ])
    const all = await Promise.all(
      [...lists, ...ofAgents].map(async (path) => (await send('GET', path, bearer(control))).text),
    )
    // How long ago something was is another number each time.
    return all.map((text) =>
      JSON.parse(text, (key, value) =>
        /totalAgents|agentsByPhase|cpu|memory|ratio|seconds|Ms$|lastActivity|state|reading|time/i.test(key)
          ? undefined
          : value,
      ),
    )
  }

  function expectProblem(answer: Answer, what: string): void {
    // What answers HEAD has no body.
    if (what.startsWith('HEAD ')) {
      expect(Math.floor(answer.status / 100), what).toBe(4)
      return
    }
    const code = answer.status >= 400 ? (JSON.parse(answer.text) as { code?: string }).code : undefined
    expect({ what, status: answer.status, type: answer.type, code }).toEqual({
      what,
      status: expect.toSatisfy((status: number) => status >= 400 && status < 500),
      type: expect.stringMatching(/^application\/problem\+json/),
      code: expect.stringMatching(/^AE_[A-Z_]+$/),
    })
  }

  it('knows every route', () => expect(ROUTES.length).toBeGreaterThan(25))

  describe('bodies', () => {
    const withBody = named.filter(([, { operation }]) => operation.requestBody !== undefined)
    const VALUES = [
      null,
      true,
      -1,
      0.5,
      'x'.repeat(100_000),
      'a\u0000b',
      '\u001b[31m',
      '\u009b',
      [],
      [[]],
      {},
      { a: 1 },
      '',
    ]
    const NUMBERS = ['1e400', '-1e400', 'NaN', 'Infinity', '-0.1', '99999999999999999999999']

    it.each(withBody)('of %s', async (name, route) => {
      const before = await dump()
      const schema = Object.values(route.operation.requestBody?.content ?? {})[0]?.schema ?? {}
      const variants = [schema, ...(schema.anyOf ?? [])]
      const keys = [...new Set(variants.flatMap(({ properties }) => Object.keys(properties ?? {})))]
      const bad: string[] = [
        ...[
          'null',
          '"x"',
          '7',
          'true',
          '{',
          '[',
          '{"a":',
          'x=1',
          '\u0000',
          '{"a":1}{"b":2}',
          '[1]',
          '[null]',
        ],
        '{"__proto__":{"polluted":true}}',
        '{"constructor":{"prototype":{"polluted":true}}}',
        '{"nobody-knows-this":1}',
        `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
        `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
      ]
      const mild: string[] = []
      for (const key of keys) {
        for (const value of VALUES) mild.push(JSON.stringify({ [key]: value }))
        for (const number of NUMBERS) mild.push(`{${JSON.stringify(key)}:${number}}`)
      }
      for (const body of bad)
        expectProblem(
          await send(route.method, pathOf(route), bearer(control), body),
          `${name} ${body.slice(0, 60)}`,
        )
      // One of the values may be right for one of the fields: then the rest of the body is wrong.
      for (const body of mild) {
        const spoilt = `${body.slice(0, -1)},"nobody-knows-this":1}`
        // Daemons are updated one after the other: what is not known is ignored, and there may be no agents at all.
        if (route.path === '/api/monitoring/metrics' && body === '{"agents":[]}') continue
        expectProblem(
          await send(route.method, pathOf(route), bearer(control), spoilt),
          `${name} ${spoilt.slice(0, 60)}`,
        )
      }
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/jsonp',
        '',
      ]) {
        const headers = { ...bearer(control), 'content-type': type }
        expectProblem(await send(route.method, pathOf(route), headers, '{}'), `${name} as ${type}`)
      }
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
      expect(await dump()).toEqual(before)
    })
  })

  it.each(named.filter(([, { path }]) => path.includes('{id}')))('ids of %s', async (name, route) => {
    const before = await dump()
    const ids = [
      '%00',
      '%0a',
      '..%2f..%2fcontrol',
      '%2e%2e',
      '%20',
      '*',
      'a%2fb',
      'x'.repeat(129),
      '%ff',
      '%',
      "a'b",
      '%F0%9F%92%A9',
      '__proto__',
      'a%00b',
    ]
    for (const id of ids) {
      const body = route.operation.requestBody === undefined ? undefined : '{}'
      const answer = await send(route.method, route.path.replace('{id}', id), bearer(control), body)
      expectProblem(answer, `${name} ${id}`)
    }
    expect(await dump()).toEqual(before)
  })

  it.each(
    named.filter(([, { operation }]) => operation.parameters?.some((parameter) => parameter.in === 'query')),
  )('queries of %s', async (name, route) => {
    const before = await dump()
    const body = route.operation.requestBody === undefined ? undefined : '{"nobody-knows-this":1}'
    for (const parameter of route.operation.parameters ?? []) {
      if (parameter.in !== 'query') continue
      for (const value of [
        '%00',
        '-1',
        '1e400',
        'NaN',
        'Infinity',
        'x'.repeat(3_000),
        '%5B%5D',
        '1&X=2',
        '%0d%0a',
        "';--",
        '{}',
      ]) {
        // `NaN` is a good id, and a daemon may be called almost anything.
        if (/^agent(Name)?$/.test(parameter.name) && /^[A-Za-z0-9]{1,128}$/.test(value)) continue
        if (parameter.name === 'daemonId' && value.length < 128 && !/^%0|&/.test(value)) continue
        const query =
          value === '1&X=2' ? `${parameter.name}=%0a&${parameter.name}=%0b` : `${parameter.name}=${value}`
        const answer = await send(route.method, `${pathOf(route)}?${query}`, bearer(control), body)
        expectProblem(answer, `${name}?${query.slice(0, 60)}`)
      }
    }
    expect(await dump()).toEqual(before)
  })

  // Who has no session ends none by signing out; everything else is somebody's right.
  const owned = MUTATING.filter(([, { operation }]) => operation['x-scope'] !== 'none')
  it('leaves nothing but signing out to everybody', () => {
    const free = MUTATING.filter((one) => !owned.includes(one)).map(([name]) => name)
    expect(free).toEqual(['DELETE /api/v1/ui/session'])
  })
  it.each(owned)('%s without the right to it', async (name, route) => {
    const before = await dump()
    const scope = route.operation['x-scope']
    const body =
      route.operation.requestBody === undefined ? undefined : JSON.stringify(RIGHT[route.path] ?? {})
    const callers: Record<string, string | undefined> = {
      nobody: undefined,
      reader: SECRETS.read,
      reporter: SECRETS.ingest,
      'another agent': mintAgentToken(control, 'team-b-two'),
      'a stale agent token': mintAgentToken('the-control-token-of-yesterday', MINE),
      nonsense: 'x'.repeat(5_000),
    }
    for (const [who, token] of Object.entries(callers)) {
      const isAllowed = scope === 'ingest' && (who === 'nobody' || who === 'reporter')
      if (isAllowed) continue
      const headers = token === undefined ? json : bearer(token)
      const answer = await send(route.method, pathOf(route), headers, body)
      expectProblem(answer, `${name} by ${who}`)
      expect([401, 403], `${name} by ${who}`).toContain(answer.status)
    }
    expect(await dump()).toEqual(before)
  })

  describe('a token that is bound to team-a-*', () => {
    it.each(named.filter(([, { path }]) => path.includes('{id}')))(
      'cannot use %s for another team',
      async (_, route) => {
        const before = await dump()
        const body = route.operation.requestBody === undefined ? undefined : '{}'
        const answer = await send(route.method, pathOf(route, THEIRS), bearer(SECRETS.team), body)
        expectProblem(answer, route.path)
        expect([403, 404]).toContain(answer.status)
        expect(await dump()).toEqual(before)
      },
    )

    it.each(['/-/reload', '/api/v1/control/kill-switch', '/api/v1/control/reset', '/metrics', '/health'])(
      'has no say in %s, which is about everybody',
      async (path) => {
        for (const { method, operation } of ROUTES.filter((route) => route.path === path)) {
          const body = operation.requestBody === undefined ? undefined : '{"engaged":true}'
          expect((await send(method, path, bearer(SECRETS.team), body)).status).toBe(403)
        }
      },
    )

    it('registers nobody else, and sees nobody else in any list', async () => {
      const answer = await send('POST', '/api/v1/agents', bearer(SECRETS.team), '{"id":"team-b-new"}')
      expect(answer.status).toBe(403)
      for (const { path } of ROUTES.filter(({ method, path }) => method === 'GET' && !path.includes('{'))) {
        if (path === '/api/v1/events/stream') continue
        const { text } = await send('GET', path, bearer(SECRETS.team))
        expect(text, path).not.toContain('team-b')
      }
      for (const query of [`agent=${THEIRS}`, 'limit=500']) {
        for (const path of ['/api/v1/actions', '/api/v1/resources/events']) {
          const { status, text } = await send('GET', `${path}?${query}`, bearer(SECRETS.team))
          expect([200, 403]).toContain(status)
          expect(text).not.toContain('team-b')
        }
      }
    })

    it('hears of nobody else in the stream of events', async () => {
      const cut = new AbortController()
      const answer = await daemon.get('/api/v1/events/stream', {
        headers: { authorization: `Bearer ${SECRETS.team}`, 'last-event-id': '0-0' },
        signal: cut.signal,
      })
      let heard = ''
      const reading = (async () => {
        for await (const part of answer.body!.pipeThrough(new TextDecoderStream())) heard += part
      })().catch(() => {})
      for (const id of [THEIRS, MINE]) {
        await send('POST', `/api/v1/agents/${id}/deliverables`, bearer(control), '{"type":"report"}')
        await send('POST', `/api/v1/agents/${id}/deliverables`, bearer(SECRETS.ingest), '{"type":"report"}')
      }
      await eventually('its own agent is heard of', () => heard.includes(`"agent":"${MINE}"`) || undefined)
      cut.abort()
      await reading
      expect(heard).not.toContain('team-b')
    })
  })
})
