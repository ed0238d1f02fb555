import { shownWorkspace } from './collectors.ts'
import type { Agent } from './model.ts'

export interface AnswerContext {
  readonly exposePaths: () => boolean
  readonly nowMs: number
}

const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString()

/** One agent as the API shows it. What is not known or not measured is left out, never 0. */
export function answerAgent(agent: Agent, { exposePaths, nowMs }: AnswerContext) {
  const { id, info, runtime, incarnation, origin, conflict, startedAtMs, endedAtMs } = agent
  const { groupOomKills: _, ...reading } = agent.reading
  return {
    id,
    name: info.name,
    role: info.role,
    vendor: info.vendor,
    workspace: shownWorkspace(info, exposePaths) || undefined,
    runtime,
    incarnation,
    origin,
    conflict,
    startedAt: iso(startedAtMs),
    endedAt: iso(endedAtMs),
    lastActivityAt: iso(agent.lastActivityAtMs),
    state: {
      lifecycleState: agent.state,
      lifecycleMetrics: {
        uptimeSeconds: Math.max(0, ((endedAtMs ?? nowMs) - startedAtMs) / 1_000),
        ...reading,
      },
    },
  }
}

/** The same with what the other rooms know of it. What the agents know themselves wins; what they do not know hides nothing. */
export function fullAnswer(
  agent: Agent,
  context: AnswerContext,
  described: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const known = Object.entries(answerAgent(agent, context)).filter(([, value]) => value !== undefined)
  return { ...described, ...Object.fromEntries(known) }
}
