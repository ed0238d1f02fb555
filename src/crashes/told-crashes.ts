import type { Agent, AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import { Problem } from '../platform/problem.ts'
import type { Ends, SeenEnd } from './ends.ts'
import type { CrashHistory } from './history.ts'
import type { CrashRecord } from './model.ts'
import { type CrashReport, exitSaid, type Reported, readReport, type Teller, toldAtMs } from './report.ts'
import type { CrashesRepository } from './repository.ts'
import { subjectOf } from './subject.ts'
import { outputFacts, redactedTail } from './tail.ts'
import type { EndWatch } from './watch.ts'

export interface ToldCrashesDependencies {
  readonly clock: Clock
  readonly agents: { get(id: AgentId): Agent | undefined }
  readonly watch: Pick<EndWatch, 'stateOf' | 'tell'>
  readonly ends: Pick<Ends, 'last' | 'within'>
  readonly history: Pick<CrashHistory, 'of' | 'get'>
  readonly repository: Pick<CrashesRepository, 'find' | 'save'>
  readonly outputTail: () => number
  /** Writes a new record down, counts and tells it. @throws Problem AE_STORE_UNAVAILABLE */
  readonly keepNew: (record: CrashRecord) => Promise<void>
}

/** Takes what somebody tells of a crash. @throws Problem AE_STORE_UNAVAILABLE, AE_TOO_MANY_REQUESTS */
export type TellCrash = (report: CrashReport, teller: Teller) => Promise<Reported>

/** A crash that is told from outside and the one that was seen here are the same when they lie this close. */
const SAME_END_MS = 15_000
/** The next sample sees that it is gone, and what belongs to the end is waited for: a daemon that is slow at that is not. */
const JUDGED_WITHIN_MS = 6_000
/** A fleet that fails at once tells hundreds; who tells more is a loop, or lies. */
const MOST_AT_ONCE = 500
const REFILL_MS = 10_000

/**
 * A report about an agent of this host is one witness more of what is seen here, never more than that: of an end that
 * is being looked into it is part of the evidence, of one that has been judged it changes nothing, and of a life that
 * goes on it is kept as an allegation.
 */
export function createToldCrashes(dependencies: ToldCrashesDependencies): TellCrash {
  const { clock, agents, watch, ends, history, repository, outputTail, keepNew } = dependencies
  const takeOne = createAllowance(clock)

  /** What became of the life that the report is about; undefined when nobody here has seen it. */
  async function seenHere(report: CrashReport): Promise<SeenEnd | 'lives' | undefined> {
    const { agentName } = report
    const atMs = toldAtMs(report, clock.now())
    const agent = agents.get(agentName)
    if (agent !== undefined && atMs >= agent.startedAtMs) {
      const subject = subjectOf(agent)
      const state = watch.stateOf(subject)
      if (state === 'lives') return 'lives'
      if (state !== 'settled') {
        const judged = ends.within(JUDGED_WITHIN_MS, agent.incarnation)
        watch.tell(subject, { exit: exitSaid(report), output: outputOf(report) })
        // Its root is gone, and the program below it goes on.
        return (await judged) ?? (agents.get(agentName)?.endedAtMs === undefined ? 'lives' : undefined)
      }
    }
    const last = ends.last(agentName)
    return last !== undefined && Math.abs(last.atMs - atMs) <= SAME_END_MS ? last : undefined
  }

  function outputOf({ lastOutput }: CrashReport) {
    if (lastOutput == null) return undefined
    return { facts: outputFacts(lastOutput), text: redactedTail(lastOutput, outputTail()) }
  }

  /** What an earlier run of this daemon saw. */
  function seenBefore({ agent, atMs }: CrashRecord): CrashRecord | undefined {
    return history
      .of(agent)
      .findLast(
        (one) =>
          one.witness === 'seen' &&
          one.verdict.reason !== 'lives' &&
          Math.abs(one.atMs - atMs) <= SAME_END_MS,
      )
  }

  /** The output is the only thing that was not seen here. */
  async function withOutput(known: CrashRecord, report: CrashReport): Promise<Reported> {
    const stored = (await repository.find(known.id)) ?? known
    const text = outputOf(report)?.text
    if (stored.lastOutput !== undefined || text === undefined)
      return { record: stored, verdict: stored.verdict }
    const kept = { ...stored, lastOutput: text }
    await repository.save(kept)
    return { record: kept, verdict: kept.verdict }
  }

  return async (report, teller) => {
    const { name, origin, credit, isHere } = teller
    const seen = isHere ? await seenHere(report) : undefined
    if (seen !== undefined && seen !== 'lives' && seen.verdict.reason !== 'unknown') {
      const { record, verdict } = seen
      return record === undefined ? { record, verdict } : await withOutput(record, report)
    }
    const witness = seen === 'lives' ? 'alleged' : credit
    const told = readReport(report, { origin, witness }, clock.now(), outputTail())
    const { record } = told
    if (record === undefined) return told
    const known = isHere && seen !== 'lives' ? seenBefore(record) : undefined
    if (known !== undefined) return await withOutput(known, report)
    if (history.get(record.id) !== undefined) return told
    takeOne(name)
    await keepNew(record)
    return told
  }
}

/** @throws Problem AE_TOO_MANY_REQUESTS */
function createAllowance(clock: Clock): (who: string) => void {
  const spent = new Map<string, { count: number; atMs: number }>()
  return (who) => {
    const now = clock.monotonic()
    for (const [one, { count, atMs }] of spent) if ((now - atMs) / REFILL_MS >= count) spent.delete(one)
    const before = spent.get(who)
    const count =
      Math.max(0, (before?.count ?? 0) - (before === undefined ? 0 : (now - before.atMs) / REFILL_MS)) + 1
    if (count > MOST_AT_ONCE) {
      throw new Problem(
        'AE_TOO_MANY_REQUESTS',
        'Too many crashes were told in the same name; try again later.',
      )
    }
    spent.set(who, { count, atMs: now })
  }
}
