import type { Agent } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { ContainerInfo } from '../platform/docker/container.ts'
import { RECENT_MS, SAMPLE_DELAY_MS } from './cause.ts'
import type { Marks } from './marks.ts'
import { memoryEvidence, withLastMoment } from './memory-evidence.ts'
import type {
  Evidence,
  ExitEvidence,
  KernelEvidence,
  MemoryEvidence,
  OwnActionEvidence,
  Subject,
} from './model.ts'
import type { CrashSources } from './sources.ts'
import type { OutputFacts } from './tail.ts'

/** What is known of one end, or of one incident in a life that goes on, while it is being looked into. */
export interface Case {
  readonly subject: Subject
  readonly life: 'ended' | 'alive'
  /** Of whoever saw it: the engine's clock for its events. */
  readonly ended: { readonly atMs: number; readonly by: 'event' | 'sample' }
  /** Our own clocks when it was seen. */
  readonly seenAtMs: number
  readonly seenAtMono: number
  readonly agent: Agent | undefined
  containerId: string | undefined
  /** What the engine says after the end. */
  after: ContainerInfo | undefined
  exit: ExitEvidence | undefined
  output: { readonly facts: OutputFacts; readonly text: string | undefined } | undefined
  /** Largest limit and trend are taken when the end is seen: the gauges of an ended agent are gone. */
  readonly limitBytes: number | undefined
}

/** A journal on a disk that does not answer is not waited for. */
const JOURNAL_WITHIN_MS = 1_000

/** Reads every source once more and puts down what is known. Never rejects: a source that fails is absent. */
export function createGathering(
  clock: Clock,
  sources: CrashSources,
  marks: Marks,
): (of: Case) => Promise<Evidence> {
  function engineOf({ containerId, seenAtMs, seenAtMono, subject }: Case): Evidence['engine'] {
    if (subject.runtime !== 'container' || containerId === undefined) return undefined
    const since = sources.engine.coveredSince()
    const events = marks.events(containerId, seenAtMs - seenAtMono)
    if (since === undefined && events.length === 0) return undefined
    const watched = since !== undefined && since <= seenAtMs - RECENT_MS
    return { coverage: watched ? 'whole' : 'partial', events }
  }

  function inspectOf({ after, ended, life }: Case): Evidence['inspect'] {
    if (life === 'alive' || after === undefined || after.state === 'running') return undefined
    // A container that was started again tells of its new life.
    if (Date.parse(after.startedAt) > ended.atMs) return undefined
    return { oomKilled: after.oomKilled }
  }

  function kernelOf({ subject, seenAtMono }: Case, fromMs: number): KernelEvidence | undefined {
    const since = sources.kernelLog.coveredSince()
    if (since === undefined || (subject.runtime === 'process' && !sources.pidsAreOurs)) return undefined
    const kills = marks
      .kernelKills(fromMs)
      .flatMap(({ kill, owner }) =>
        owner?.incarnation === subject.incarnation ? [{ whom: owner.whom, kill }] : [],
      )
    return { coverage: since <= seenAtMono - RECENT_MS ? 'whole' : 'partial', kills }
  }

  function memoryOf({ agent, limitBytes, containerId }: Case, fromMs: number): MemoryEvidence | undefined {
    const sampled =
      agent === undefined
        ? undefined
        : memoryEvidence(agent.history.points(), limitBytes, sources.trend?.(agent))
    return withLastMoment(sampled, containerId === undefined ? undefined : marks.memory(containerId, fromMs))
  }

  async function actionsOf({ subject, seenAtMs }: Case): Promise<readonly OwnActionEvidence[] | undefined> {
    let cancel = (): void => {}
    const late = new Promise<undefined>((resolve) => {
      const timer = clock.setTimer(JOURNAL_WITHIN_MS, () => resolve(undefined))
      cancel = () => timer.cancel()
    })
    try {
      return await Promise.race([sources.terminates(subject.agent, subject.incarnation, seenAtMs), late])
    } catch {
      return undefined
    } finally {
      cancel()
    }
  }

  return async (of) => {
    const { subject, life, ended, seenAtMono, containerId, exit, output } = of
    const actions = life === 'ended' ? await actionsOf(of) : []
    const fromMs = seenAtMono - RECENT_MS - (ended.by === 'sample' ? SAMPLE_DELAY_MS : 0)
    const engine = engineOf(of)
    const inspect = inspectOf(of)
    const group = containerId === undefined ? undefined : marks.group(containerId, fromMs)
    const host = marks.host(fromMs, containerId)
    const kernel = kernelOf(of, fromMs)
    const memory = memoryOf(of, fromMs)
    return {
      runtime: subject.runtime,
      life,
      ended,
      ...(exit === undefined ? {} : { exit }),
      ...(engine === undefined ? {} : { engine }),
      ...(inspect === undefined ? {} : { inspect }),
      ...(group === undefined ? {} : { group }),
      ...(host === undefined ? {} : { host }),
      ...(kernel === undefined ? {} : { kernel }),
      ...(memory === undefined ? {} : { memory }),
      ...(output === undefined ? {} : { output: output.facts }),
      ...(actions === undefined ? {} : { actions }),
    }
  }
}
