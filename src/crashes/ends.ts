import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { endingOf } from './ending.ts'
import type { Case } from './gather.ts'
import type { CrashRecord, Verdict } from './model.ts'

/** How a life ended, as it was judged here. */
export interface SeenEnd {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly atMs: number
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  readonly verdict: Verdict
  /** Only of a crash. */
  readonly record: CrashRecord | undefined
}

/** The last end of every agent, for those who ask how it is, and those who tell what is known already. */
export interface Ends {
  put(end: SeenEnd): void
  last(agent: AgentId): SeenEnd | undefined
  /** The end of this life, as soon as it is judged; undefined when that takes longer. */
  within(ms: number, incarnation: Incarnation): Promise<SeenEnd | undefined>
}

/** As many as crash in a bad hour of a large host. */
const MOST_REMEMBERED = 4_096

export function createEnds(clock: Clock): Ends {
  const byAgent = new Map<AgentId, SeenEnd>()
  const waiting = new Map<Incarnation, Set<(end: SeenEnd) => void>>()
  return {
    put(end) {
      const { agent, incarnation } = end
      byAgent.delete(agent)
      byAgent.set(agent, end)
      for (const oldest of byAgent.keys()) {
        if (byAgent.size <= MOST_REMEMBERED) break
        byAgent.delete(oldest)
      }
      for (const tell of waiting.get(incarnation) ?? []) tell(end)
      waiting.delete(incarnation)
    },
    last: (agent) => byAgent.get(agent),
    within(ms, incarnation) {
      return new Promise((resolve) => {
        const those = waiting.get(incarnation) ?? new Set()
        waiting.set(incarnation, those)
        const timer = clock.setTimer(ms, () => {
          those.delete(tell)
          if (those.size === 0 && waiting.get(incarnation) === those) waiting.delete(incarnation)
          resolve(undefined)
        })
        const tell = (end: SeenEnd): void => {
          timer.cancel()
          resolve(end)
        }
        those.add(tell)
      })
    },
  }
}

export function seenEnd(
  { subject, ended, exit }: Case,
  verdict: Verdict,
  record: CrashRecord | undefined,
): SeenEnd {
  const ending = endingOf(exit)
  return {
    ...{ agent: subject.agent, incarnation: subject.incarnation, atMs: ended.atMs, verdict, record },
    exitCode: exit?.code,
    signal: ending?.kind === 'signal' ? ending.signal : undefined,
  }
}

/** Its line in what is told about the agent. */
export function answerEnd({ incarnation, atMs, exitCode, signal, verdict }: SeenEnd): object {
  const { reason, cause, confidence, summary } = verdict
  return {
    ...{ incarnation, at: new Date(atMs).toISOString(), reason, cause: cause ?? null, confidence, summary },
    ...{ exitCode: exitCode ?? null, signal: signal ?? null },
  }
}
