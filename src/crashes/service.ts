import type { Agent, AgentEvents, AgentId, Incarnation } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Feature } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../platform/store/store.ts'
import { createCrashCollector, createCrashTallies } from './collector.ts'
import { createConclude } from './conclude.ts'
import { answerEnd, createEnds } from './ends.ts'
import { createGathering } from './gather.ts'
import { healthScore, type LiveState } from './health-score.ts'
import { createCrashHistory } from './history.ts'
import { type Insights, insightsOf } from './insights.ts'
import { createMarks } from './marks.ts'
import type { CrashEvents, CrashRecord } from './model.ts'
import { type CrashesRepository, createCrashesRepository } from './repository.ts'
import type { CrashSources } from './sources.ts'
import { subjectOf, subjectUnseen } from './subject.ts'
import type { CrashesTables } from './tables.ts'
import { outputFacts, redactedTail } from './tail.ts'
import { createToldCrashes, type TellCrash } from './told-crashes.ts'
import { createEndWatch } from './watch.ts'

/** Section `crashes` of the configuration. */
export interface CrashesConfig {
  /** Crashes that are kept. */
  readonly retain: number
  /** Characters of the last output that are kept. */
  readonly outputTail: number
}

export interface CrashesDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly bus: Bus<AgentEvents & CrashEvents>
  readonly store: Pick<Store<CrashesTables>, 'db' | 'put' | 'daemonId'>
  readonly agents: { get(id: AgentId): Agent | undefined; list(): Iterable<Agent> }
  readonly sources: CrashSources
  readonly config: () => CrashesConfig
  /** How those agents are, also of daemons that report here; left out: only how many are measured here is known. */
  readonly live?: (visible: (agent: AgentId) => boolean) => LiveState
}

/** What somebody says of the end of an agent. */
export interface ExitReport {
  /** `parent`: who is trusted to have waited for it. `report`: anybody. */
  readonly by: 'parent' | 'report'
  readonly exitCode?: number
  readonly signal?: string
  /** The end of its output; only of streams that are no terminal. */
  readonly lastOutput?: string
}

export interface Crashes {
  readonly collector: ReturnType<typeof createCrashCollector>
  readonly repository: CrashesRepository
  describe: NonNullable<Feature['describe']>
  health: NonNullable<Feature['health']>
  start(): Promise<void>
  /** Settles what is open. */
  stop(): Promise<void>
  /** Somebody says how an agent ended, before or after the end is seen here. */
  tellExit(agent: Agent, report: ExitReport): void
  /**
   * The same of a process that ended before it was ever looked at, by who is trusted to have waited for it; false when
   * it cannot have been on this host.
   */
  tellUnseen(
    life: { readonly agent: AgentId; readonly incarnation: Incarnation; readonly role: string | undefined },
    report: ExitReport,
  ): boolean
  /** Durable when it settles. */
  readonly report: TellCrash
  /** @param visible which agents the caller may see */
  insights(visible: (agent: AgentId) => boolean): Insights
  /** The crashes that are kept, oldest first, without their outputs. */
  list(): readonly CrashRecord[]
  /** How the agents are that the caller may see. */
  live(visible: (agent: AgentId) => boolean): LiveState
  size(): Readonly<Record<string, number>>
}

/** Finds out how agents end. Builds the room; nothing is read before `start`. */
export function createCrashes(dependencies: CrashesDependencies): Crashes {
  const { clock, log, bus, store, agents, sources, config } = dependencies
  const repository = createCrashesRepository(store)
  const history = createCrashHistory(() => config().retain)
  const tallies = createCrashTallies()
  const marks = createMarks()
  const ends = createEnds(clock)
  const looking = new Set<Promise<void>>()
  let fault: string | undefined

  const conclude = createConclude({
    ...{ bus, daemonId: store.daemonId, history, tallies, ends, keep },
    gather: createGathering(clock, sources, marks),
  })

  const watch = createEndWatch({
    ...{ clock, bus, sources, marks, agents },
    onSettled(settled) {
      const work = conclude(settled).catch((error: unknown) =>
        log.error('an end was not looked into', { agent: settled.subject.agent, error: String(error) }),
      )
      looking.add(work)
      void work.finally(() => looking.delete(work))
    },
  })

  async function keep(record: CrashRecord): Promise<void> {
    const gone = history.put(record)
    try {
      await repository.save(record)
      await repository.remove(gone)
      fault = undefined
    } catch (error) {
      // It is counted and told; only the next run of the daemon will not know it.
      fault = 'the last crash could not be written down'
      log.warn(fault, { agent: record.agent, error: String(error) })
    }
  }

  function live(visible: (agent: AgentId) => boolean): LiveState {
    if (dependencies.live !== undefined) return dependencies.live(visible)
    let count = 0
    for (const { id, endedAtMs } of agents.list()) if (visible(id) && endedAtMs === undefined) count++
    return { agents: count, criticalAgents: 0, oomImminentAgents: 0 }
  }

  const counted = () => history.list().filter(({ witness }) => witness !== 'alleged')
  /** Crashes of an agent of this host; another daemon may have one of the same name. */
  const ofHere = (id: AgentId) =>
    history.of(id).filter(({ origin, witness }) => origin === store.daemonId && witness !== 'alleged')

  const report = createToldCrashes({
    ...{ clock, agents, watch, ends, history, repository },
    outputTail: () => config().outputTail,
    async keepNew(record) {
      await repository.save(record)
      await repository.remove(history.put(record))
      if (record.witness === 'alleged') return
      const agent = record.origin === store.daemonId ? agents.get(record.agent) : undefined
      tallies.crash(agent?.info.role, record.verdict.cause ?? 'unknown')
      bus.emit('agent.crashed', { record })
    },
  })

  function toldEnd({ by, exitCode, signal, lastOutput }: ExitReport): Parameters<typeof watch.tell>[1] {
    const how = signal === undefined ? { code: exitCode ?? 0 } : { signal }
    const output =
      lastOutput === undefined
        ? undefined
        : { facts: outputFacts(lastOutput), text: redactedTail(lastOutput, config().outputTail) }
    return { exit: { source: by, ...how }, output }
  }

  const collector = createCrashCollector({
    tallies,
    agents: agents.list,
    lastCrashMs: (id) => ofHere(id).at(-1)?.lastAtMs,
    healthScore: () =>
      healthScore(
        counted(),
        live(() => true),
        clock.now(),
      ),
  })

  return {
    collector,
    repository,
    describe(id) {
      const own = ofHere(id)
      const end = ends.last(id)
      return {
        crashes: own.length,
        ...(own.length === 0 ? {} : { lastCrash: briefly(own.at(-1)!) }),
        ...(end === undefined ? {} : { lastEnd: answerEnd(end) }),
      }
    },
    health: () => ({
      status: fault === undefined ? 'healthy' : 'degraded',
      kept: history.list().length,
      ...(fault === undefined ? {} : { fault }),
    }),

    async start() {
      try {
        const stored = await repository.list({}, config().retain)
        for (const record of stored.toReversed()) history.put(record)
      } catch (error) {
        fault = 'earlier crashes could not be read'
        log.warn(fault, { error: String(error) })
      }
      bus.on('agent.started', ({ agent }) => tallies.meet(agent.info.role))
      watch.start()
    },

    async stop() {
      watch.stop()
      await Promise.all(looking)
    },

    tellExit: (agent, told) => watch.tell(subjectOf(agent), toldEnd(told)),

    tellUnseen(life, told) {
      const subject = sources.space === undefined ? undefined : subjectUnseen(life, sources.space)
      if (subject === undefined) return false
      watch.tell(subject, toldEnd(told))
      return true
    },

    report,

    insights(visible) {
      const records = counted().filter(({ agent }) => visible(agent))
      return insightsOf(records, live(visible), clock.now())
    },

    list: history.list,
    live,
    size: () => ({ ...watch.size(), kept: history.list().length }),
  }
}

function briefly({ id, lastAtMs, verdict: { cause, confidence, summary } }: CrashRecord): object {
  return { id, at: new Date(lastAtMs).toISOString(), cause, confidence, summary }
}
