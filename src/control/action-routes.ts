import { createHash, randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Agent, AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { Problem, type ProblemField } from '../platform/problem.ts'
import '../platform/http/scope.ts'
import { answerEntry } from './answer.ts'
import {
  ACTIONS,
  type Action,
  type ActionEntry,
  type ActionRequest,
  type ControlDesk,
  isSettled,
} from './model.ts'
import { withPatience } from './patience.ts'
import {
  type ActionBody,
  AgentParams,
  actionBodies,
  type ExtraBudget,
  readDuration,
  WaitQuery,
} from './request-schema.ts'

export interface ActionRoutesOptions {
  readonly clock: Clock
  readonly desk: ControlDesk
  readonly agent: (id: AgentId) => Agent | undefined
  /** Names of the limits that a resume may raise. */
  readonly budgetKeys: readonly string[]
  /** Amounts of an extra budget by the names of the limits, and every place where it is wrong. */
  readonly readExtraBudget: (extra: ExtraBudget) => {
    readonly budget: Readonly<Record<string, number>>
    readonly problems: readonly ProblemField[]
  }
}

const MAX_WAIT_MS = 60_000
const SUMMARIES: Readonly<Record<Action, string>> = {
  pause: 'Stop an agent until it is resumed',
  resume: 'Let an agent go on: releases every hold and opens a new budget epoch',
  terminate: 'End an agent with every process of its tree',
  resize: 'Change the memory or the CPUs of an agent in a container',
}

/** @throws Problem AE_AGENT_NOT_FOUND, AE_AGENT_ENDED */
export function liveAgent(agentOf: ActionRoutesOptions['agent'], id: AgentId): Agent {
  const agent = agentOf(id)
  if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
  if (agent.endedAtMs !== undefined) throw new Problem('AE_AGENT_ENDED', `The agent ${id} has ended.`)
  return agent
}

/** Several attempts with one key are one action, also after a restart; without a key every call is its own. */
function episodeOf(caller: string, key: string | undefined, body: unknown): string {
  if (key === undefined) return `api:${randomUUID()}`
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex')
  // Neither part can hold a colon now: two pairs never make one episode.
  return `api:${encodeURIComponent(caller)}:${encodeURIComponent(key)}:${hash}`
}

/** `POST /api/v1/agents/{id}/{pause|resume|terminate|resize}`. */
export function actionRoutes(options: ActionRoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, desk } = options
  const bodies = actionBodies(options.budgetKeys)

  /** @throws Problem AE_INVALID: an amount that could only be left out is refused, never half granted. */
  function extraOf(extra: ExtraBudget | undefined): ActionRequest['extraBudget'] {
    if (extra === undefined) return undefined
    const { budget, problems } = options.readExtraBudget(extra)
    if (problems.length > 0) throw new Problem('AE_INVALID', 'The extra budget is not valid.', problems)
    return budget
  }

  function toRequest(action: Action, agent: Agent, body: ActionBody, request: FastifyRequest): ActionRequest {
    const { reason = 'no reason given', dryRun, enforce, memoryBytes, cpus } = body
    const extraBudget = extraOf(body.extraBudget)
    const key = request.headers['idempotency-key']
    return {
      action,
      agent: agent.id,
      incarnation: agent.incarnation,
      trigger: 'human',
      episode: episodeOf(request.caller.name, typeof key === 'string' ? key : undefined, body),
      actor: request.caller.name,
      reason,
      hold: 'human',
      ...(dryRun === true ? { dryRun } : {}),
      ...(enforce === true ? { optIn: true } : {}),
      ...(extraBudget === undefined ? {} : { extraBudget }),
      ...(action === 'resize'
        ? {
            size: {
              ...(memoryBytes === undefined ? {} : { memoryBytes }),
              ...(cpus === undefined ? {} : { cpus }),
            },
          }
        : {}),
    }
  }

  /** A request that was meant for a life that has ended since is not carried out on the next one. */
  async function repeated(
    action: Action,
    id: AgentId,
    body: ActionBody,
    { caller, headers }: FastifyRequest,
  ): Promise<ActionEntry | undefined> {
    const key = headers['idempotency-key']
    if (typeof key !== 'string') return undefined
    return desk.ofEarlierLife(id, action, episodeOf(caller.name, key, body))
  }

  return async (app) => {
    for (const action of ACTIONS) {
      app.post(
        `/api/v1/agents/:id/${action}`,
        {
          config: { scope: 'control', subject: { param: 'id' } },
          schema: {
            summary: SUMMARIES[action],
            description:
              'Answers 202 once it is decided and written down; what came of it is in `status`, a refusal included. ' +
              'An agent that was only discovered is a dry run unless `enforce` is set.',
            tags: ['control'],
            params: AgentParams,
            querystring: WaitQuery,
            body: bodies[action],
          },
        },
        async (request, reply) => {
          const { params, query } = request
          const waitMs = readDuration('wait', query.wait, MAX_WAIT_MS)
          const body: ActionBody = request.body
          const entry =
            (await repeated(action, params.id, body, request)) ??
            (await desk.request(toRequest(action, liveAgent(options.agent, params.id), body, request)))
          return answerWhenSettled(entry, waitMs, reply, { clock, desk, draining: app.draining })
        },
      )
    }
  }
}

interface Waiting {
  readonly clock: Clock
  readonly desk: Pick<ControlDesk, 'settled'>
  readonly draining: AbortSignal
}

/** 202 with the entry: settled, or as it is after `waitMs`. */
export async function answerWhenSettled(
  entry: ActionEntry,
  waitMs: number | undefined,
  reply: FastifyReply,
  { clock, desk, draining }: Waiting,
): Promise<FastifyReply> {
  const last =
    waitMs === undefined || isSettled(entry)
      ? entry
      : await withPatience(reply, waitMs, { clock, draining }, (signal) => desk.settled(entry.id, signal))
  return reply
    .code(202)
    .header('location', `/api/v1/actions/${encodeURIComponent(last.id)}`)
    .send({ actionId: last.id, ...answerEntry(last) })
}
