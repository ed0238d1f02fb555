import type { AgentEvents } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import { isCrash, judgeEnd } from './cause.ts'
import type { CrashTallies } from './collector.ts'
import { endingOf } from './ending.ts'
import { type Ends, seenEnd } from './ends.ts'
import type { Case } from './gather.ts'
import type { CrashHistory } from './history.ts'
import type { CrashEvents, CrashRecord, Evidence, Verdict } from './model.ts'
import { recommend } from './recommendations.ts'
import { idOf } from './report.ts'

/** Children killed one after the other in a living agent are one crash while they follow each other this closely. */
const SAME_ILLNESS_MS = 60_000

export interface ConcludeDependencies {
  readonly bus: Pick<Bus<AgentEvents & CrashEvents>, 'emit'>
  readonly daemonId: string
  readonly gather: (settled: Case) => Promise<Evidence>
  readonly history: Pick<CrashHistory, 'of'>
  readonly tallies: Pick<CrashTallies, 'exit' | 'crash'>
  readonly ends: Pick<Ends, 'put'>
  /** Never rejects. */
  readonly keep: (record: CrashRecord) => Promise<void>
}

/** What came of an end or an incident: judged, counted, written down when it was a crash, and told. */
export function createConclude(dependencies: ConcludeDependencies): (settled: Case) => Promise<void> {
  const { bus, daemonId, gather, history, tallies, ends, keep } = dependencies

  /** The record of children of this life that were killed just before. */
  function openIllness({ subject, ended }: Case): CrashRecord | undefined {
    return history
      .of(subject.agent)
      .findLast(
        ({ incarnation, verdict, lastAtMs }) =>
          incarnation === subject.incarnation &&
          verdict.reason === 'lives' &&
          ended.atMs - lastAtMs <= SAME_ILLNESS_MS,
      )
  }

  function recordOf(
    { subject, life, ended, output, exit, agent: measured }: Case,
    evidence: Evidence,
    verdict: Verdict,
  ): CrashRecord {
    const { agent, incarnation, runtime, role, pid } = subject
    const ending = endingOf(exit)
    return {
      id: idOf(life === 'ended' ? [incarnation] : [incarnation, ended.atMs]),
      origin: daemonId,
      // Of a process that nobody here ever saw there is only the word of who waited for it.
      witness: runtime === 'process' && measured === undefined ? 'told' : 'seen',
      ...{ agent, incarnation, runtime, role, pid, occurrences: 1 },
      atMs: ended.atMs,
      lastAtMs: ended.atMs,
      exitCode: exit?.code,
      signal: ending?.kind === 'signal' ? ending.signal : undefined,
      reported: undefined,
      verdict,
      memory: evidence.memory,
      lastOutput: output?.text,
      recommendations: recommend(verdict, evidence),
    }
  }

  return async (settled) => {
    const { subject, life, ended } = settled
    const evidence = await gather(settled)
    const verdict = judgeEnd(evidence)
    if (life === 'ended') {
      if (verdict.reason !== 'lives') tallies.exit(subject.role, verdict.reason)
      bus.emit('agent.ended', { subject, verdict, atMs: ended.atMs })
    }
    if (!isCrash(verdict)) {
      if (life === 'ended') ends.put(seenEnd(settled, verdict, undefined))
      return
    }
    const again = life === 'alive' ? openIllness(settled) : undefined
    const record =
      again === undefined
        ? recordOf(settled, evidence, verdict)
        : { ...again, occurrences: again.occurrences + 1, lastAtMs: ended.atMs }
    if (again === undefined) tallies.crash(subject.role, verdict.cause ?? 'unknown')
    await keep(record)
    if (life === 'ended') ends.put(seenEnd(settled, verdict, record))
    if (again === undefined) bus.emit('agent.crashed', { record })
  }
}
