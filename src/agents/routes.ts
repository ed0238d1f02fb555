import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Clock } from '../platform/clock.ts'
import { PageQuery, pageOfList } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import type { Admission } from './admission.ts'
import { answerAgent, fullAnswer } from './answer.ts'
import { AGENT_ID_PATTERN, type Agent, type AgentId } from './model.ts'
import type { Register } from './register.ts'
import type { Registry } from './registry.ts'

export interface AgentRoutesOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly admit: Admission
  readonly register: Register
  readonly exposePaths: () => boolean
  /** What the other rooms know of one agent, side by side with what this room says, which wins. */
  readonly describe: (id: AgentId) => Readonly<Record<string, unknown>>
}

const Id = Type.String({ pattern: AGENT_ID_PATTERN })
const Word = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' })
const Path = Type.String({ minLength: 1, maxLength: 4_096, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' })
/** Whoever keeps the limits knows their names. */
const Budget = Type.Record(
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' }),
  Type.Union([Type.Number(), Type.String({ maxLength: 32 })]),
  { maxProperties: 16, additionalProperties: false },
)
const Params = Type.Object({ id: Id })
const ListQuery = Type.Object({
  ...PageQuery.properties,
  view: Type.Optional(
    Type.Union([Type.Literal('summary'), Type.Literal('full')], {
      description: '`full`: every agent as GET /api/v1/agents/{id} answers it',
    }),
  ),
})
const Registration = Type.Object(
  {
    id: Id,
    role: Type.Optional(Word),
    workspace: Type.Optional(Path),
    profile: Type.Optional(Word),
    budget: Type.Optional(Budget),
    enforce: Type.Optional(Type.Boolean()),
    runtime: Type.Optional(
      Type.Union([
        Type.Object(
          { pid: Type.Integer({ minimum: 2, maximum: 4_194_304 }) },
          { additionalProperties: false },
        ),
        Type.Object({ container: Word }, { additionalProperties: false }),
      ]),
    ),
  },
  { additionalProperties: false },
)

/** `GET`, `POST /api/v1/agents`, `GET`, `DELETE /api/v1/agents/{id}`. */
export function agentRoutes(options: AgentRoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, registry, admit, register, describe } = options

  const context = () => ({ exposePaths: options.exposePaths, nowMs: clock.now() })
  const summary = (agent: Agent) => answerAgent(agent, context())
  const answer = (agent: Agent): object => fullAnswer(agent, context(), describe(agent.id))

  function find(id: AgentId): Agent {
    const agent = registry.get(id)
    if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
    return agent
  }

  return async (app) => {
    app.get(
      '/api/v1/agents',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: { summary: 'Agents, oldest first', tags: ['agents'], querystring: ListQuery },
      },
      async ({ query: { view, ...query }, caller }) => {
        const visible = [...registry.list()].filter((agent) => caller.mayTouch(agent.id))
        const { items, nextCursor } = pageOfList(visible, query, (agent) => [agent.ordinal])
        return { items: items.map(view === 'full' ? answer : summary), nextCursor }
      },
    )

    app.get(
      '/api/v1/agents/:id',
      {
        config: { scope: 'read', subject: { param: 'id' } },
        schema: {
          summary: 'One agent with what every part of the daemon knows of it',
          tags: ['agents'],
          params: Params,
        },
      },
      async ({ params }) => answer(find(params.id)),
    )

    app.post(
      '/api/v1/agents',
      {
        config: { scope: 'ingest', subject: 'handler' },
        schema: {
          summary: 'Register an agent',
          description:
            'A runtime needs the scope control, unless the environment of that process names the agent; profile, budget and enforce always need it. Registering with that scope opts in to enforcement unless `enforce` is false.',
          tags: ['agents'],
          body: Registration,
        },
      },
      async ({ body, caller }, reply) => {
        const owner = await admit(caller, body)
        const scope = caller.scopes.has('control') ? 'control' : 'ingest'
        const { agent, created } = await register.register(body, { owner, scope })
        return reply.code(created ? 201 : 200).send(answer(agent))
      },
    )

    app.delete(
      '/api/v1/agents/:id',
      {
        config: { scope: 'control', subject: { param: 'id' } },
        schema: { summary: 'Forget an agent; its stored history stays', tags: ['agents'], params: Params },
      },
      async ({ params, caller }, reply) => {
        await register.remove(find(params.id), caller.name)
        return reply.code(204).send()
      },
    )
  }
}
