import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { Type } from 'typebox'
import { PROBLEMS } from '../problem.ts'
import { pagePolicy } from './security-headers.ts'

/** Schema of every error, for response tables and generated clients. */
const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ enum: Object.keys(PROBLEMS) }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ in: Type.Optional(Type.String()), path: Type.String(), message: Type.String() }),
      ),
    ),
    requestId: Type.Optional(Type.String()),
  },
  { description: 'RFC 9457 problem details' },
)

const DESCRIPTION = `Scopes: \`metrics\`, \`read\`, \`ingest\`, \`control\` (implies \`read\`), \`admin\` (implies all).
Without a token, callers of this host have \`metrics\`, \`read\` and \`ingest\` and others have \`metrics\`; \`control\` and
\`admin\` always need a token, or a session of the control page (never \`admin\`): its cookie alone reads, with the header
\`X-Agent-Exporter-Proof\` it also has \`control\`, from our own pages only. Bodies are \`application/json\`. Mutating calls accept \`Idempotency-Key\`.
Errors are \`application/problem+json\`.`

const PROBLEM_RESPONSE = {
  description: 'Any error',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

interface DocumentedRoute {
  readonly config?: { readonly scope?: string }
}

function describeRoute(
  schema: FastifySchema & { description?: string },
  { config }: DocumentedRoute,
): FastifySchema {
  const scope = config?.scope ?? 'none'
  const note = scope === 'none' ? 'Open to everybody.' : `Scope: \`${scope}\`.`
  const described = {
    ...schema,
    description: schema.description === undefined ? note : `${schema.description}\n\n${note}`,
    security: scope === 'none' ? [] : [{ token: [] }],
    'x-scope': scope,
  }
  return described
}

/** Every operation also answers problems, and says `default` for them. */
function addProblems(document: { paths?: Record<string, object | undefined> }): void {
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path ?? {}) as { responses?: Record<string, unknown> }[]) {
      operation.responses = { ...operation.responses, default: PROBLEM_RESPONSE }
    }
  }
}

/** The page's scripts set styles; nothing of what it shows comes from a user. */
const UI_POLICY = pagePolicy("'unsafe-inline'")

/** `/openapi.json` and the human page `/docs`. Must be registered before the routes it describes. */
export async function useOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Agent Exporter', version, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      components: {
        schemas: { Problem: ProblemSchema as object },
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      },
    },
    transform: ({ schema, url, route }) => ({
      url,
      schema: describeRoute(schema ?? {}, route as DocumentedRoute),
    }),
    transformObject: (input) => {
      if (!('openapiObject' in input)) return {}
      const { openapiObject } = input
      addProblems(openapiObject as { paths?: Record<string, object> })
      return openapiObject
    },
  })

  let document: string | undefined
  app.get('/openapi.json', { config: { scope: 'none' }, schema: { hide: true } }, (_request, reply) => {
    document ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(document)
  })

  // The page's routes come from a package that knows no scopes; a hook of this context names theirs.
  await app.register(async (pages) => {
    pages.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'none' }
    })
    pages.addHook('onSend', async (_request, reply) => {
      reply.header('content-security-policy', UI_POLICY)
    })
    await pages.register(swaggerUi, {
      routePrefix: '/docs',
      uiConfig: { validatorUrl: null, deepLinking: true },
    })
  })
}
