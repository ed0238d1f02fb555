import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { HealthCheck } from '../feature.ts'
import { Problem } from '../problem.ts'
import { renderErrorsPage } from './errors-page.ts'
import { PAGE_POLICY } from './html.ts'
import { type LandingLink, renderLandingPage } from './landing-page.ts'

/** One group of Prometheus' HTTP service discovery. */
export interface TargetGroup {
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

export interface BaseRoutesOptions {
  readonly version: string
  /** True once the first collection is done. */
  readonly isReady: () => boolean
  /** `health()` of every room that has one, by name. */
  readonly checks: () => Readonly<Record<string, HealthCheck>>
  /** What Prometheus can scrape through us. */
  readonly targets: () => readonly TargetGroup[]
  /** Reads the config anew; rejects with a Problem or an Error whose message names what is wrong. */
  readonly reload: () => Promise<void>
  /** Further links of the landing page. */
  readonly links?: readonly LandingLink[]
}

const LINKS: readonly LandingLink[] = [
  { href: '/ui/', text: 'Control page', description: 'the agents, what is wrong with them, and what to do' },
  { href: '/metrics', text: 'Metrics', description: 'for Prometheus' },
  { href: '/health', text: 'Health', description: 'what works and what does not' },
  { href: '/docs', text: 'API', description: 'every address with its parameters' },
  { href: '/docs/errors', text: 'Errors', description: 'what each code means' },
]

const RANK = { healthy: 0, degraded: 1, unhealthy: 2 } as const

/** The whole is as well as its worst part. */
function worst(checks: Readonly<Record<string, HealthCheck>>): HealthCheck['status'] {
  let status: HealthCheck['status'] = 'healthy'
  for (const check of Object.values(checks)) if (RANK[check.status] > RANK[status]) status = check.status
  return status
}

const HTML = 'text/html; charset=utf-8'
const TEXT = 'text/plain; charset=utf-8'

/** The addresses every exporter has. */
export function createBaseRoutes(options: BaseRoutesOptions): FastifyPluginAsyncTypebox {
  const landing = renderLandingPage({
    name: 'Agent Exporter',
    description: 'Prometheus exporter for AI agents: processes and containers of this host.',
    version: options.version,
    links: [...LINKS, ...(options.links ?? [])],
  })
  const errors = renderErrorsPage()

  return async (app) => {
    app.get('/', { config: { scope: 'none' }, schema: { hide: true } }, (_request, reply) =>
      reply.type(HTML).header('content-security-policy', PAGE_POLICY).send(landing),
    )

    app.get('/docs/errors', { config: { scope: 'none' }, schema: { hide: true } }, (_request, reply) =>
      reply.type(HTML).header('content-security-policy', PAGE_POLICY).send(errors),
    )

    app.get(
      '/-/healthy',
      {
        config: { scope: 'none' },
        schema: { summary: 'Liveness: the process answers', tags: ['management'] },
      },
      (_request, reply) => reply.type(TEXT).send('Agent Exporter is Healthy.\n'),
    )

    app.get(
      '/-/ready',
      {
        config: { scope: 'none' },
        schema: { summary: 'Readiness: a collection is done', tags: ['management'] },
      },
      (_request, reply) => {
        if (app.draining.aborted) throw new Problem('AE_NOT_READY', 'The exporter is stopping.')
        if (!options.isReady()) throw new Problem('AE_NOT_READY', 'The first collection is not done yet.')
        return reply.type(TEXT).send('Agent Exporter is Ready.\n')
      },
    )

    app.route({
      method: ['POST', 'PUT'],
      url: '/-/reload',
      // As in Prometheus: no body and no content type. Safe because the scope is never anonymous.
      config: { scope: 'admin', mediaTypes: 'none' },
      schema: { summary: 'Read the config anew', tags: ['management'] },
      async handler(_request, reply) {
        await options.reload()
        return reply.type(TEXT).send('')
      },
    })

    app.get(
      '/health',
      {
        config: { scope: 'metrics' },
        schema: { summary: 'State of every part; 503 when unhealthy', tags: ['management'] },
      },
      (_request, reply) => {
        const checks = options.checks()
        const status = worst(checks)
        return reply.code(status === 'unhealthy' ? 503 : 200).send({ status, checks })
      },
    )

    app.get(
      '/sd',
      {
        config: { scope: 'read' },
        schema: {
          summary: "Targets for Prometheus' http_sd_configs",
          tags: ['management'],
          response: {
            200: Type.Array(
              Type.Object({
                targets: Type.Array(Type.String()),
                labels: Type.Record(Type.String(), Type.String()),
              }),
            ),
          },
        },
      },
      async () =>
        options.targets().map(({ targets, labels }) => ({ targets: [...targets], labels: { ...labels } })),
    )
  }
}
