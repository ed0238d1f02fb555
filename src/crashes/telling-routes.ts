import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { AGENT_ID_PATTERN, type Agent, type AgentId, type Incarnation } from '../agents/model.ts'
import type { Caller } from '../platform/http/caller.ts'
import { reporterOf } from '../platform/http/reporter.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { seedCause, type Teller } from './report.ts'
import type { Crashes } from './service.ts'

export interface CrashTellingOptions {
  readonly crashes: Pick<Crashes, 'report' | 'tellExit' | 'tellUnseen'>
  readonly agents: {
    get(id: AgentId): Agent | undefined
    list(): Iterable<Agent>
    /** Whether what this caller says about the agent counts; also asked for agents that nobody knows. */
    mayTell(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<boolean>
  }
  readonly daemonId: string
}

const REPORT_BODY_BYTES = 64 * 1024

const maybe = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))
const Bytes = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Line = (maxLength: number) => Type.String({ maxLength })
const Name = Type.String({ minLength: 1, maxLength: 128, pattern: AGENT_ID_PATTERN })

/** The seed's body, and what we can judge by. Unknown members are ignored: daemons are updated one after the other. */
const Report = Type.Object({
  crash: Type.Object({
    agentName: Name,
    pid: maybe(Type.Integer({ minimum: 0, maximum: 4_194_304 })),
    exitCode: maybe(Type.Integer({ minimum: -255, maximum: 4_294_967_295 })),
    signal: maybe(Line(32)),
    reason: maybe(Line(4_000)),
    likelyCause: maybe(Line(50)),
    confidence: maybe(Line(20)),
    summary: maybe(Line(1_000)),
    details: Type.Optional(Type.Unknown()),
    recommendations: maybe(Type.Array(Line(1_000), { maxItems: 50 })),
    peakMemory: maybe(Bytes),
    lastKnownMemory: maybe(Bytes),
    averageMemory: maybe(Bytes),
    memoryLimit: maybe(Bytes),
    memoryTrend: maybe(Line(20)),
    lastOutput: maybe(Line(32 * 1024)),
    oomKilled: maybe(Type.Boolean()),
    cgroupOomKills: maybe(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    killedByUs: maybe(Type.Boolean()),
    crashedAt: maybe(Line(64)),
  }),
})

const ExitBody = Type.Object(
  {
    exitCode: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
    signal: Type.Optional(Type.String({ pattern: '^SIG[A-Z0-9+-]{2,12}$' })),
    incarnation: Type.Optional(Line(256)),
    role: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' }),
    ),
    lastOutput: Type.Optional(Line(32 * 1024)),
  },
  { additionalProperties: false },
)

/** `POST /api/monitoring/crash`, `POST /api/v1/agents/{id}/exit`: what is told of ends. */
export function crashTellingRoutes({
  crashes,
  agents,
  daemonId,
}: CrashTellingOptions): FastifyPluginAsyncTypebox {
  async function admit(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<void> {
    if (await agents.mayTell(caller, agent)) return
    throw new Problem('AE_FORBIDDEN', 'That agent belongs to another user, or is not known here.')
  }

  /** Whose life it is, whatever id it is told under; undefined: nobody's that is known. */
  function whose(id: AgentId, incarnation: Incarnation | undefined): Agent | undefined {
    const named = agents.get(id)
    if (incarnation === undefined || named?.incarnation === incarnation) return named
    for (const agent of agents.list()) if (agent.incarnation === incarnation) return agent
    return undefined
  }

  return async (app) => {
    app.post(
      '/api/monitoring/crash',
      {
        bodyLimit: REPORT_BODY_BYTES,
        config: { scope: 'ingest', subject: 'handler' },
        schema: {
          summary: 'Report a crash',
          description:
            'The cause is judged from exitCode, signal, oomKilled, cgroupOomKills, killedByUs, memory and lastOutput; likelyCause counts where they prove nothing. The same report again is the same crash. Of an agent of this host it is one witness more: what was seen here stays as it is, and what is said of a life that goes on, or without credentials, is kept as alleged and counted nowhere.',
          tags: ['monitoring'],
          body: Report,
        },
      },
      async ({ body: { crash }, caller }) => {
        await admit(caller, agents.get(crash.agentName) ?? { id: crash.agentName, uid: undefined })
        const { record, verdict } = await crashes.report(crash, tellerOf(caller, daemonId))
        return {
          success: true,
          crashId: record?.id ?? null,
          witness: record?.witness ?? null,
          ...(record === undefined ? { end: verdict.reason } : {}),
          cause: verdict.cause ?? null,
          likelyCause: seedCause(verdict.cause),
          confidence: verdict.confidence,
          evidence: verdict.evidence,
        }
      },
    )

    app.post(
      '/api/v1/agents/:id/exit',
      {
        bodyLimit: REPORT_BODY_BYTES,
        config: { scope: 'ingest', subject: { param: 'id' } },
        schema: {
          summary: 'Tell how an agent ended, by who waited for it',
          description:
            'With its incarnation, and the scope control, also for a process that ended before it was ever seen. Nothing that is said of a process that lives is believed.',
          tags: ['agents'],
          params: Type.Object({ id: Type.String({ pattern: AGENT_ID_PATTERN }) }),
          body: ExitBody,
        },
      },
      async ({ params: { id }, body, caller }, reply) => {
        const { exitCode, signal, incarnation, role, lastOutput } = body
        if ((exitCode === undefined) === (signal === undefined)) {
          throw new Problem('AE_INVALID', 'Exactly one of exitCode and signal must be given.')
        }
        const told = {
          // A control token is what `run` has; whoever has less may be the agent itself.
          by: caller.scopes.has('control') ? ('parent' as const) : ('report' as const),
          ...(exitCode === undefined ? {} : { exitCode }),
          ...(signal === undefined ? {} : { signal }),
          ...(lastOutput === undefined ? {} : { lastOutput }),
        }
        const agent = whose(id, incarnation)
        await admit(caller, agent ?? agents.get(id) ?? { id, uid: undefined })
        if (agent !== undefined) crashes.tellExit(agent, told)
        else if (
          // Nobody else is believed about a life that nobody saw: it can be made up.
          told.by !== 'parent' ||
          incarnation === undefined ||
          !crashes.tellUnseen({ agent: id, incarnation, role }, told)
        ) {
          throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id} with that life.`)
        }
        return reply.code(204).send()
      },
    )
  }
}

function tellerOf(caller: Caller, daemonId: string): Teller {
  const origin = reporterOf(caller, daemonId)
  const { name, kind, loopback } = caller
  const isDaemon = origin !== daemonId
  return {
    ...{ name, origin, credit: isDaemon || kind === 'control' ? 'told' : 'alleged' },
    // An agent's own token also comes from a container with an address of its own.
    isHere: loopback || !isDaemon,
  }
}
