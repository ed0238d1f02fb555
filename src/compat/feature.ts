import type { Agent, AgentEvents, AgentId } from '../agents/model.ts'
import type { LiveState } from '../crashes/health-score.ts'
import type { CrashEvents } from '../crashes/model.ts'
import type { HealthAlerts, HealthDaemons } from '../crashes/routes.ts'
import type { AlertRepository } from '../memory/repository.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Feature } from '../platform/feature.ts'
import type { HostMemory } from '../platform/host/memory.ts'
import type { Caller } from '../platform/http/caller.ts'
import type { Log } from '../platform/log.ts'
import { createFleet, type Visible } from './fleet.ts'
import { createHealthAlerts, healthDaemons } from './health.ts'
import { createIngest } from './ingest.ts'
import { createLocal, type MemoryOf } from './local.ts'
import { metricsRoutes } from './metrics-routes.ts'
import { monitoringRoutes } from './monitoring-routes.ts'
import { createRemotes, REMEMBERED_MS } from './remotes.ts'
import type { MetricsRepository } from './repository.ts'
import { followEnds } from './sessions.ts'

export interface CompatDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly bus: Pick<Bus<AgentEvents & CrashEvents>, 'on'>
  readonly daemonId: string
  readonly agents: {
    get(id: AgentId): Agent | undefined
    list(): Iterable<Agent>
    /** Whether what this caller says about the agent counts; also asked for agents that nobody knows. */
    mayTell(caller: Caller, agent: Pick<Agent, 'id' | 'uid'>): Promise<boolean>
  }
  readonly metrics: MetricsRepository
  readonly alerts: AlertRepository
  readonly memory: MemoryOf
  /** The main process of a live agent. */
  readonly pidOf: (agent: Agent) => number | undefined
  readonly host: () => HostMemory
  /** Crashes of the last day of those agents. */
  readonly crashes24h: (visible: (agent: AgentId) => boolean) => number
}

/** The shapes of the seed (`/api/monitoring`, `/api/metrics`), and what other daemons tell by them. */
export interface Compat {
  readonly feature: Feature
  /** For the answers about health, which the room of crashes gives. */
  readonly health: HealthAlerts
  daemons(): HealthDaemons
  /** How the agents of this host and of daemons that are not silent are. */
  live(visible: Visible): LiveState
}

export function createCompat(dependencies: CompatDependencies): Compat {
  const { clock, log, bus, daemonId, agents, metrics, alerts } = dependencies
  const remotes = createRemotes(clock)
  const local = createLocal(dependencies)
  const fleet = createFleet(local, remotes, daemonId)
  const health = createHealthAlerts(alerts, clock)
  const ingest = createIngest({ clock, daemonId, agents, metrics, alerts, remotes })
  const ended = followEnds(bus)
  bus.on('agent.crashed', ({ record: { origin } }) => {
    if (origin !== daemonId) remotes.seen(origin)
  })
  let fault: string | undefined

  const monitoring = monitoringRoutes({
    ...{ clock, daemonId, local, remotes, fleet, ingest, metrics, alerts, health },
    crashes24h: dependencies.crashes24h,
  })
  const overviews = metricsRoutes({ clock, fleet, host: dependencies.host, ended })

  return {
    health,
    daemons: () => healthDaemons(remotes, daemonId),
    live: fleet.live,
    feature: {
      name: 'compat',
      async routes(app) {
        await app.register(monitoring)
        await app.register(overviews)
      },
      health: () => ({
        status: fault === undefined ? 'healthy' : 'degraded',
        ...healthDaemons(remotes, daemonId),
        ...(fault === undefined ? {} : { fault }),
      }),
      async start() {
        try {
          remotes.restore(await metrics.newest(clock.now() - REMEMBERED_MS))
        } catch (error) {
          fault = 'what other daemons told before could not be read'
          log.warn(fault, { error: String(error) })
        }
      },
    },
  }
}
