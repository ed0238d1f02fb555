import type { Agent, AgentId } from '../agents/model.ts'
import type { AlertRepository } from '../memory/repository.ts'
import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import { reporterOf } from '../platform/http/reporter.ts'
import { Problem, type ProblemField } from '../platform/problem.ts'
import { createQuota } from './quota.ts'
import type { Remotes } from './remotes.ts'
import { type AlertReport, type MetricsReport, readAlert, readMetrics } from './report.ts'
import type { MetricsRepository } from './repository.ts'
import { METRICS_KEPT_MS } from './tables.ts'

/** What other daemons tell of their agents, taken down. */
export interface Ingest {
  /**
   * All of it or nothing, durable when it settles.
   * @returns how many samples are on record; those older than what is kept are not.
   * @throws Problem AE_FORBIDDEN when the caller may not tell about one of the agents, AE_TOO_MANY_REQUESTS from this
   * host, AE_STORE_UNAVAILABLE
   */
  metrics(caller: Caller, report: MetricsReport): Promise<number>
  /** @returns its id. @throws Problem as above */
  alert(caller: Caller, report: AlertReport): Promise<string>
}

export interface IngestDependencies {
  readonly clock: Clock
  readonly daemonId: string
  readonly agents: {
    get(id: AgentId): Agent | undefined
    mayTell(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<boolean>
  }
  readonly metrics: Pick<MetricsRepository, 'save'>
  readonly alerts: Pick<AlertRepository, 'keep'>
  readonly remotes: Remotes
}

/** Places named in a refusal; the rest are as wrong. */
const MOST_NAMED = 10

export function createIngest(dependencies: IngestDependencies): Ingest {
  const { clock, daemonId, agents, metrics, alerts, remotes } = dependencies
  const quota = createQuota(clock)

  async function admit(caller: Caller, names: readonly AgentId[], place: (i: number) => string) {
    const refused: ProblemField[] = []
    for (const [i, id] of names.entries()) {
      if (await agents.mayTell(caller, agents.get(id) ?? { id, uid: undefined })) continue
      refused.push({ in: 'body', path: place(i), message: 'not covered by the credentials' })
      if (refused.length === MOST_NAMED) break
    }
    if (refused.length === 0) return
    const detail = 'An agent belongs to another user or daemon, or is not known here.'
    throw new Problem('AE_FORBIDDEN', detail, refused)
  }

  return {
    async metrics(caller, report) {
      const names = report.agents.map(({ name }) => name)
      await admit(caller, names, (i) => `/agents/${i}/name`)
      const origin = reporterOf(caller, daemonId)
      // A daemon has a token that a person gave it; whoever is of this host may be an agent itself.
      if (origin === daemonId) quota.take('sample', names)
      const now = clock.now()
      const samples = readMetrics(report, now).filter(({ atMs }) => now - atMs < METRICS_KEPT_MS)
      await metrics.save(origin, samples)
      remotes.told(origin, samples)
      return samples.length
    },

    async alert(caller, report) {
      await admit(caller, [report.alert.agentName], () => '/alert/agentName')
      const origin = reporterOf(caller, daemonId)
      if (origin === daemonId) quota.take('alert', [report.alert.agentName])
      const alert = readAlert(report, origin, clock.now())
      await alerts.keep(alert)
      remotes.seen(origin)
      return alert.id
    },
  }
}
