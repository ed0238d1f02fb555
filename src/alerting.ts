import type { Acting, ActingEvents } from './acting.ts'
import type { Agents } from './agents/service.ts'
import { isOverByOwnMeasure } from './alertmanager/agreement.ts'
import { createAlertmanagerApi } from './alertmanager/api.ts'
import type { Policies } from './alertmanager/policy.ts'
import type { AlertmanagerEvents } from './alertmanager/record.ts'
import { createAlertEpisodeRepository } from './alertmanager/repository.ts'
import { alertmanagerRoutes } from './alertmanager/routes.ts'
import { createAlertRoom } from './alertmanager/service.ts'
import { episodeConfigOf } from './alertmanager/settings.ts'
import { readGrafanaSecret } from './alertmanager/signature.ts'
import { type Entry, holdOf } from './alertmanager/table.ts'
import type { AlertTables } from './alertmanager/tables.ts'
import type { Config } from './config/schema.ts'
import { momentOf } from './control/record.ts'
import type { Memory } from './memory/service.ts'
import type { Bus } from './platform/bus.ts'
import type { ScrapeRhythm } from './platform/exposition/rhythm.ts'
import type { Feature } from './platform/feature.ts'
import type { Store } from './platform/store/store.ts'
import type { Settings } from './settings.ts'

export type AlertingEvents = AlertmanagerEvents

export interface AlertingStores {
  /** Always a file of this host: whether an alert was heard must not depend on a network. */
  readonly journal: Pick<Store<AlertTables>, 'db' | 'put' | 'daemonId'>
}

export interface AlertingOptions {
  readonly settings: Settings
  readonly stores: AlertingStores
  readonly bus: Bus<ActingEvents & AlertingEvents>
  readonly bootId: string
  readonly agents: Agents
  readonly acting: Pick<Acting, 'desk' | 'usage' | 'exhaustion'>
  readonly memory: Memory
  readonly rhythm: ScrapeRhythm
}

/** Alertmanager answers from memory. */
const ASK_WITHIN_MS = 5_000

/** Builds what hears alerts and has them followed. Nothing is opened or started yet. */
export function createAlerting(options: AlertingOptions): Feature {
  const { settings, stores, bus, bootId, agents, acting } = options
  const { clock, log, config } = settings
  let current = rulesOf(config.current)
  config.onChange((next) => {
    current = rulesOf(next)
  })
  const room = createAlertRoom({
    ...{ clock, log, bus, control: acting.desk },
    moment: () => momentOf(clock, bootId),
    repository: createAlertEpisodeRepository(stores.journal),
    agent: agents.get,
    isOver: isOverOf(options, () => current.episodes.policies),
    config: () => current.episodes,
    api: () => current.api,
  })
  return {
    name: 'alerts',
    collectors: [room.collector],
    health: room.health,
    routes: alertmanagerRoutes({
      clock,
      receiver: room.receiver,
      grafanaSecret: () => current.grafanaSecret,
    }),
    start: room.start,
    stop: room.stop,
  }
}

/** @throws MatcherError, TokenError: the configuration is not taken then */
function rulesOf({ alertmanager }: Config) {
  const { url, grafanaSecretFile } = alertmanager
  return {
    episodes: episodeConfigOf(alertmanager),
    api: url === 'none' ? undefined : createAlertmanagerApi({ url, timeoutMs: ASK_WITHIN_MS }),
    grafanaSecret: readGrafanaSecret(grafanaSecretFile),
  }
}

/** What is measured of an agent, for whoever asks whether an alert about it is over. */
function isOverOf({ settings, agents, acting, memory, rhythm }: AlertingOptions, policies: () => Policies) {
  const { clock, config } = settings
  return (entry: Entry): boolean | undefined => {
    const agent = agents.get(entry.agent)
    const hold = acting.desk.holds(entry.agent).get(holdOf(entry))
    if (agent === undefined || hold === undefined) return undefined
    const nowMs = clock.monotonic()
    // Stamps of people and of the journal are wall clock, ours are not.
    const monotonicOf = (wallMs: number) => nowMs - Math.max(0, clock.now() - wallMs)
    const heldAtMs = monotonicOf(entry.heldAt?.wallMs ?? hold.sinceMs)
    const usage = acting.usage.usage.epoch(entry.agent)
    const level = memory.of(agent)?.level
    const phase = acting.exhaustion.phaseOf(entry.agent)
    return isOverByOwnMeasure(
      entry.alertname,
      {
        runtime: agent.runtime,
        heldAtMs,
        minHoldMs: policies().byId(entry.policy)?.rule.minHold ?? 0,
        lastUseAtMs: usage?.lastUseAtMs === undefined ? undefined : monotonicOf(usage.lastUseAtMs),
        cpu: agent.history.points(heldAtMs),
        sampleMs: config.current.sampling.interval,
        memory: level?.judged === undefined ? undefined : level.level === 'healthy' ? 'healthy' : 'worse',
        budget: phase === undefined ? undefined : phase === 'normal' ? 'normal' : 'worse',
        scraping: rhythm.hasStopped(nowMs) ? 'stopped' : 'not_stopped',
      },
      nowMs,
    )
  }
}
