import type { AgentId } from '../agents/model.ts'
import type { Log } from '../platform/log.ts'
import type { Observation } from '../runtimes/model.ts'
import type { Driven } from './effect.ts'
import type { HoldBoard } from './holds.ts'
import type { ActionRequest } from './model.ts'
import type { ActionRecord } from './record.ts'

export interface LateDeps {
  readonly board: HoldBoard
  readonly observe: (agent: AgentId) => Promise<Observation>
  readonly request: (request: ActionRequest) => Promise<unknown>
  readonly mayAct: () => boolean
  readonly log: Log
}

/**
 * A resume whose driver was given up cannot be called back: nothing may keep a resume from going on, so it may still
 * continue the agent when everybody believes it is held. When it answers after all, the two are brought together: the
 * resume is completed, or, when somebody wanted the agent held since then, it is stopped again.
 */
export function createLate({ board, observe, request, mayAct, log }: LateDeps) {
  return async function watch({ entry }: ActionRecord, answer: Promise<Driven>): Promise<void> {
    const { id, agent, incarnation, trigger, hold } = entry
    if (incarnation === undefined) return
    const before = board.of(incarnation)
    const { touched } = await answer
    const held = board.of(incarnation)
    if (!touched || held === undefined || !mayAct()) return
    const seen = await observe(agent)
    if (seen !== 'running' && seen !== 'partial') return
    const [cause = 'unknown'] = held.holds.keys()
    const common = { agent, incarnation, actor: 'journal', episode: `late:${id}` } as const
    log.warn('a resume that was given up has continued the agent', { agent, action: id })
    await request(
      held === before
        ? { ...common, action: 'resume', trigger, hold, reason: 'the driver of a resume answered late' }
        : {
            ...{ ...common, action: 'pause', trigger: 'human', hold: cause, optIn: true },
            reason: 'it was continued by a resume that had been given up',
          },
    )
  }
}
