import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Agent, AgentId } from '../agents/model.ts'
import type { Phase } from '../exhaustion/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import '../platform/http/scope.ts'
import { Problem } from '../platform/problem.ts'
import { judgeGate } from './gate.ts'
import type { ControlDesk } from './model.ts'
import { withPatience } from './patience.ts'
import { AgentParams, readDuration, TimeoutQuery } from './request-schema.ts'
import type { Waiters } from './waiters.ts'

export interface AgentRoutesOptions {
  readonly clock: Clock
  readonly desk: ControlDesk
  readonly waiters: Waiters
  /** A known agent; undefined: there is none of this name. */
  readonly agent: (id: AgentId) => Agent | undefined
  /** An anonymous caller only from the agent's own user, from root or from ours. */
  readonly mayTell: (caller: Caller, agent: Agent) => Promise<boolean>
  /** Phase of its budget; `normal` where nothing is judged. */
  readonly phase: (id: AgentId) => Phase
  /** Would an intervention act on it? */
  readonly isEnforced: (id: AgentId) => boolean
}

const DEFAULT_TIMEOUT_MS = 30_000
const MAX_TIMEOUT_MS = 300_000

/** `GET /api/v1/agents/{id}/gate` and `/wait-for-resume`: what an agent asks about itself. */
export function agentControlRoutes(options: AgentRoutesOptions): FastifyPluginAsyncTypebox {
  const { clock, desk, waiters, mayTell } = options

  async function find(id: AgentId, caller: Caller): Promise<Agent> {
    const agent = options.agent(id)
    if (agent === undefined) throw new Problem('AE_AGENT_NOT_FOUND', `There is no agent ${id}.`)
    if (!(await mayTell(caller, agent))) {
      throw new Problem('AE_FORBIDDEN', 'That agent belongs to another user.')
    }
    return agent
  }

  /** The journal knows it for good, also for an agent that has no process whose end could be seen. */
  async function wasTerminated({ id, incarnation, endedAtMs }: Agent): Promise<boolean> {
    if (endedAtMs !== undefined || !desk.isTerminal(id)) return false
    const [last] = await desk.list({ agent: id, action: 'terminate', status: 'done' }, 1)
    return last !== undefined && last.incarnation === incarnation
  }

  return async (app) => {
    app.get(
      '/api/v1/agents/:id/gate',
      {
        config: { scope: 'ingest', subject: { param: 'id' } },
        schema: {
          summary: 'May this agent begin its next step?',
          description:
            'No while it is held or terminated, and while an enforced agent is over its budget. ' +
            'An agent that is only observed is never refused.',
          tags: ['control'],
          params: AgentParams,
        },
      },
      async ({ params, caller }) => {
        const { id, endedAtMs } = await find(params.id, caller)
        const { mode, killSwitch } = desk.state()
        return judgeGate({
          held: desk.isHeld(id),
          holds: desk.holds(id),
          terminal: desk.isTerminal(id),
          phase: options.phase(id),
          enforced: options.isEnforced(id),
          ended: endedAtMs !== undefined,
          mode,
          killSwitch: killSwitch.engaged ? 'engaged' : 'released',
        })
      },
    )

    app.get(
      '/api/v1/agents/:id/wait-for-resume',
      {
        config: { scope: 'ingest', subject: { param: 'id' } },
        schema: {
          summary: 'Answers when the agent may go on, has ended, or after the timeout',
          description: 'After `timeout` ask again: holds are kept over a restart of the daemon.',
          tags: ['control'],
          params: AgentParams,
          querystring: TimeoutQuery,
        },
      },
      async ({ params, query, caller }, reply) => {
        const timeoutMs = readDuration('timeout', query.timeout, MAX_TIMEOUT_MS) ?? DEFAULT_TIMEOUT_MS
        const agent = await find(params.id, caller)
        if (await wasTerminated(agent)) return { outcome: 'terminated' }
        const patience = { clock, draining: app.draining }
        const outcome = await withPatience(reply, timeoutMs, patience, (signal) =>
          waiters.wait(agent.id, signal),
        )
        return { outcome }
      },
    )
  }
}
