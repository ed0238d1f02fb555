import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox'
import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import { PageQuery, pageOfList } from '../platform/http/pagination.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { answerAgent } from './answer.ts'
import { AGENT_ID_PATTERN, type Agent, type AgentId } from './model.ts'
import type { Quota } from './quota.ts'
import type { Register, RegistrationRequest } from './register.ts'
import type { Registry } from './registry.ts'

export interface AgentRoutesOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly quota: Quota
  readonly register: Register
  readonly exposePaths: () => boolean
  /** Blocks of the other rooms, by the name under which they appear in the answer. */
  readonly describe: (id: AgentId) => Readonly<Record<string, object>>
  /** Our own uid: whoever has it could do everything we can. */
  readonly ownUid: number | undefined
}

const Id = Type.String({ pattern: AGENT_ID_PATTERN })
const Word = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' })
const Path = Type.String({ minLength: 1, maxLength: 4_096, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' })
const Params = Type.Object({ id: Id })
const Registration = Type.Object(
  {
    id: Id,
    role: Type.Optional(Word),
    workspace: Type.Optional(Path),
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
  const { clock, registry, quota, register, describe } = options

  const summary = (agent: Agent) =>
    answerAgent(agent, { exposePaths: options.exposePaths, nowMs: clock.now() })

  const answer = (agent: Agent): object => ({ ...describe(agent.id), ...summary(agent) })

  function find(id: AgentId): Agent {
    const agent = registry.get(id)
    if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
    return agent
  }

  /** What an anonymous caller says about an agent counts only from the agent's own user, from root or from us. */
  async function mayTell(caller: Caller, uid: number | undefined): Promise<boolean> {
    if (caller.kind !== 'anonymous') return true
    const peer = await caller.peerUid()
    return peer !== undefined && (peer === uid || peer === 0 || peer === options.ownUid)
  }

  async function admit(caller: Caller, request: RegistrationRequest): Promise<void> {
    const { id, runtime } = request
    if (!caller.mayTouch(id)) throw new Problem('AE_FORBIDDEN', 'The token is limited to other agents.')
    if (caller.scopes.has('control')) return
    if (runtime !== undefined) {
      const isOwn = 'pid' in runtime && (await register.namesItself(runtime.pid, id))
      if (!isOwn) throw new Problem('AE_FORBIDDEN', 'Registering a runtime needs the scope control.')
      if (!(await mayTell(caller, register.uidOf(runtime.pid)))) {
        throw new Problem('AE_FORBIDDEN', 'That process belongs to another user.')
      }
    }
    const known = registry.get(id)
    if (known !== undefined && known.endedAtMs === undefined) {
      if (known.uid !== undefined && !(await mayTell(caller, known.uid))) {
        throw new Problem('AE_FORBIDDEN', 'That agent belongs to another user.')
      }
      return
    }
    if (caller.kind !== 'anonymous') return
    if (!quota.take(await caller.peerUid(), clock.monotonic())) {
      throw new Problem('AE_TOO_MANY_AGENTS', 'This user has registered too many agents within an hour.')
    }
  }

  return async (app) => {
    app.get(
      '/api/v1/agents',
      {
        config: { scope: 'read', subject: 'handler' },
        schema: { summary: 'Agents, oldest first', tags: ['agents'], querystring: PageQuery },
      },
      async ({ query, caller }) => {
        const visible = [...registry.list()].filter((agent) => caller.mayTouch(agent.id))
        const { items, nextCursor } = pageOfList(visible, query, (agent) => [agent.ordinal])
        return { items: items.map(summary), nextCursor }
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
            'With a runtime the scope control is needed, unless the environment of that process names the agent.',
          tags: ['agents'],
          body: Registration,
        },
      },
      async ({ body, caller }, reply) => {
        await admit(caller, body)
        const { agent, created } = await register.register(body)
        return reply.code(created ? 201 : 200).send(answer(agent))
      },
    )

    app.delete(
      '/api/v1/agents/:id',
      {
        config: { scope: 'control', subject: { param: 'id' } },
        schema: { summary: 'Forget an agent; its stored history stays', tags: ['agents'], params: Params },
      },
      async ({ params }, reply) => {
        await register.remove(find(params.id))
        return reply.code(204).send()
      },
    )
  }
}
