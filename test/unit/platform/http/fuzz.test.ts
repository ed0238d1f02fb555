import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import fc from 'fast-check'
import type { HTTPMethods } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT_ID_PATTERN } from '../../../../src/agents/model.ts'
import { PageQuery, pageOfList } from '../../../../src/platform/http/pagination.ts'
import { PROBLEMS } from '../../../../src/platform/problem.ts'
import { type TestServer, testServer } from './support.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/api/agents/:id',
    {
      config: { scope: 'read' },
      schema: { params: Type.Object({ id: Type.String({ pattern: AGENT_ID_PATTERN }) }) },
    },
    async ({ params }) => params,
  )
  app.get('/api/list', { config: { scope: 'read' }, schema: { querystring: PageQuery } }, async ({ query }) =>
    pageOfList([1, 2, 3], query, (n) => [n]),
  )
  const body = Type.Object({ name: Type.String(), tags: Type.Record(Type.String(), Type.Number()) })
  app.post('/api/things', { config: { scope: 'ingest' }, schema: { body } }, async (request) => request.body)
}

const segment = fc.oneof(
  fc.constantFrom(
    'api',
    'agents',
    'list',
    'things',
    'docs',
    '-',
    'ready',
    'static',
    '..',
    '.',
    '%2e%2e',
    '..%2f',
    '%00',
    '%',
    '%zz',
    '*',
    ':id',
    '//',
    ';',
  ),
  fc.string({ maxLength: 12 }),
  fc
    .string({ unit: 'binary', maxLength: 6 })
    .map((text) => encodeURIComponent(text.replaceAll(/[\ud800-\udfff]/g, '~'))),
)
const path = fc
  .tuple(fc.array(segment, { maxLength: 5 }), fc.option(fc.string({ maxLength: 30 })))
  .map(([parts, query]) => `/${parts.join('/')}${query === null ? '' : `?${query}`}`)
  // A request line holds no spaces, controls or non-ASCII; the parser refuses those before us.
  .map((url) => url.replaceAll(/[^\x21-\x7e]/g, '~').replaceAll('#', ''))
  // What `inject` itself cannot send is sent over real sockets in the contract suite.
  .filter((url) => URL.canParse(url, 'http://localhost'))

const headerValue = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')),
  fc.constantFrom(
    'null',
    'Bearer x',
    'Basic Og==',
    'Basic !!!',
    'bytes=0-1',
    'gzip',
    'application/json',
    '*/*;q=9',
    '[::1',
    '127.0.0.1',
    '100-continue',
    'x'.repeat(5000),
  ),
)
const headers = fc.dictionary(
  fc.constantFrom(
    'host',
    'origin',
    'authorization',
    'accept',
    'accept-version',
    'accept-encoding',
    'content-type',
    'content-encoding',
    'cookie',
    'range',
    'idempotency-key',
    'x-forwarded-for',
    'access-control-request-method',
    'if-none-match',
    'expect',
    'connection',
    'x-request-id',
  ),
  headerValue,
  { maxKeys: 4 },
)
const body = fc.option(
  fc.oneof(
    fc.json(),
    fc.string(),
    fc.constantFrom(
      '[',
      '{"__proto__":1}',
      '{"constructor":{"prototype":1}}',
      '"'.repeat(99),
      '[['.repeat(9999),
    ),
  ),
)

describe('any request', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await testServer(routes)
  })
  afterAll(() => server.close())

  it('gets an answer below 500, and an error is always a problem of the table', async () => {
    const method = fc.constantFrom<HTTPMethods>(
      'GET',
      'HEAD',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'PROPFIND',
      'TRACE',
    )
    await fc.assert(
      fc.asyncProperty(method, path, headers, body, async (verb, url, extra, payload) => {
        const response = await server.app.inject({
          method: verb as 'GET',
          url,
          headers: extra,
          ...(payload === null ? {} : { payload }),
        })
        expect(response.statusCode).toBeLessThan(500)
        if (response.statusCode < 400 || verb === 'HEAD') return
        expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8')
        expect(Object.keys(PROBLEMS)).toContain(response.json().code)
      }),
      { numRuns: 1_500 },
    )
  })

  it.each(['..%2f', '%2e%2e', '..%2f..%2fetc', 'a%00', 'a%0a', '%252e', 'a%2fb'])(
    'finds no agent named %s',
    async (id) => {
      expect([404, 422]).toContain((await server.app.inject({ url: `/api/agents/${id}` })).statusCode)
    },
  )
})
