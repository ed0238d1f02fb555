import type { AgentId } from '../agents/model.ts'
import type { CrashEvents, ExitReason } from '../crashes/model.ts'
import type { Bus } from '../platform/bus.ts'

/** A life that has ended while this daemon ran. */
export interface EndedLife {
  readonly agent: AgentId
  readonly reason: ExitReason
  /** Wall clock, milliseconds. */
  readonly atMs: number
}

/** What is told of the past is told of the last this many. */
const MOST = 1_000

/** How the lives of agents ended lately. Newest last. */
export function followEnds(bus: Pick<Bus<CrashEvents>, 'on'>): () => readonly EndedLife[] {
  const ended: EndedLife[] = []
  bus.on('agent.ended', ({ subject, verdict, atMs }) => {
    if (verdict.reason === 'lives') return
    ended.push({ agent: subject.agent, reason: verdict.reason, atMs })
    if (ended.length > MOST) ended.shift()
  })
  return () => ended
}
