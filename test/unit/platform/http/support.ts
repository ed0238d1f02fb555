import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { createBaseRoutes } from '../../../../src/platform/http/routes.ts'
import {
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from '../../../../src/platform/http/server.ts'
import { silentLog } from '../../../../src/platform/log.ts'
import type { ProblemCode } from '../../../../src/platform/problem.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

export const CONTROL_TOKEN = 'control-token-of-this-test-0123456789abcdefg'
export const READER_TOKEN = 'reader-token-of-this-test'
export const TEAM_TOKEN = 'team-token-of-this-test'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

export const ACCESS: HttpServerOptions['access'] = {
  tokens: [
    { name: 'reader', hashSha256: sha256(READER_TOKEN), scopes: ['read'] },
    { name: 'team-a', hashSha256: sha256(TEAM_TOKEN), scopes: ['read', 'control'], agents: ['team-a-*'] },
  ],
  anonymous: { loopback: ['metrics', 'read', 'ingest'], remote: ['metrics'] },
  controlToken: CONTROL_TOKEN,
  allowedHosts: ['exporter.example.org'],
  allowedOrigins: ['https://grafana.example.org'],
}

export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

export interface TestServer extends HttpServer {
  readonly counted: ProblemCode[]
  setReady(ready: boolean): void
}

/** A server with the base routes and the given ones, and nothing else of the product. */
export async function testServer(
  routes: FastifyPluginAsyncTypebox = async () => {},
  options: Partial<HttpServerOptions> = {},
): Promise<TestServer> {
  const counted: ProblemCode[] = []
  const state = { ready: true }
  const server = await createHttpServer({
    listen: ['127.0.0.1:0'],
    access: ACCESS,
    version: '1.2.3',
    clock: fakeClock(),
    log: silentLog,
    onProblem: (code) => void counted.push(code),
    routes: [
      createBaseRoutes({
        version: '1.2.3',
        isReady: () => state.ready,
        checks: () => ({ database: { status: 'healthy' } }),
        targets: () => [{ targets: ['127.0.0.1:9'], labels: { agent: 'a' } }],
        reload: async () => {},
      }),
      routes,
    ],
    ...options,
  })
  return {
    ...server,
    counted,
    setReady(ready) {
      state.ready = ready
    },
  }
}
