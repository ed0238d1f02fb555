import type { ControlState } from './control/model.ts'
import { createSlices } from './platform/exposition/slices.ts'
import { renderText } from './platform/exposition/writer.ts'
import type { Feature, HealthCheck } from './platform/feature.ts'
import { ensureControlToken } from './platform/http/control-token.ts'
import type { HttpServer } from './platform/http/server.ts'
import { Problem } from './platform/problem.ts'
import type { Reach } from './platform/reach/model.ts'
import { probeReach } from './platform/reach/probe.ts'
import { readDaemonId } from './platform/store/daemon-id.ts'
import { ensureDataDir } from './platform/store/data-dir.ts'
import { withPassword } from './platform/store/password.ts'
import { createRetention, type Retention } from './platform/store/retention.ts'
import { createRooms, type Rooms } from './rooms.ts'
import { scrapeTargets } from './sd.ts'
import { accessOf, createAppScraper, createAppServer } from './server.ts'
import type { Settings } from './settings.ts'
import { noStores, openStores, type Stores } from './stores.ts'
import { VERSION } from './version.ts'

/** What start-up tells a person. */
export interface Summary {
  readonly version: string
  readonly urls: readonly string[]
  readonly dataDir: string
  readonly configFile: string | undefined
  readonly agents: readonly {
    readonly id: string
    readonly runtime: string
    readonly processes: number | undefined
  }[]
  readonly reach: readonly Reach[]
  /** On whom it acts, in one sentence. */
  readonly acts: string
}

/** The daemon. */
export interface App {
  /** Opens the store, starts every room, takes a first sample, listens. Rejects and leaves nothing open on failure. */
  start(): Promise<void>
  /** Stops in the reverse order; requests under way have 3 s. Idempotent. */
  stop(): Promise<void>
  /** One collection as text 0.0.4, without a store and without listening. */
  once(): Promise<string>
  /** Reads the configuration anew. Throws when it is bad; the old one then stays in force. */
  reload(): void
  summary(): Summary
  /** Stops all acting but resumes, for whoever `actor` names. @throws Error when it holds in memory only. */
  engageKillSwitch(actor: string): void
  /**
   * A read of a hung process never came back, so this process cannot exit by itself: exit waits for the thread, and
   * the thread for the kernel.
   */
  hasStuckThread(): boolean
}

const RETENTION_EVERY_MS = 10 * 60_000

/** Composes the rooms. Everything the daemon does begins here; no room knows another. */
export function createApp(settings: Settings): App {
  const { clock, log, config, dataDir } = settings
  let stores: Stores | undefined
  let rooms: Rooms | undefined
  let retentions: readonly Retention[] = []
  const started: Feature[] = []
  let http: HttpServer | undefined
  let urls: readonly string[] = []
  let reach: readonly Reach[] = []
  let ready = false
  let stopping: Promise<void> | undefined

  async function start(): Promise<void> {
    try {
      await open()
    } catch (error) {
      await stop()
      throw error
    }
  }

  async function open(): Promise<void> {
    ensureDataDir(dataDir)
    const controlToken = ensureControlToken(dataDir)
    let damagedAtOpen = false
    stores = await openStores({
      url: withPassword(config.current.store.url, config.current.store.passwordFile),
      dataDir,
      daemonId: readDaemonId(dataDir),
      clock,
      log,
      crashesRetained: () => config.current.crashes.retain,
      onQuarantine() {
        damagedAtOpen = true
        rooms?.acting.damaged()
      },
    })
    retentions = stores.retained.map(({ store, rules }) =>
      createRetention({ store, clock, log, rules, everyMs: RETENTION_EVERY_MS }),
    )
    rooms = createRooms(settings, stores, () => stores?.main.stats())
    if (damagedAtOpen) rooms.acting.damaged()
    const slices = createSlices()
    const scraper = createAppScraper(settings, rooms, slices)
    http = await createAppServer(settings, rooms, {
      scraper,
      slices,
      controlToken,
      base: {
        isReady: () => ready,
        checks,
        targets: () => scrapeTargets(urls),
        reload: async () => reload(),
      },
    })
    config.onChange((next) => http?.updateAccess(accessOf(next, controlToken)))
    reach = await probeReach({ ...settings, environment: settings.environment ?? process.env })
    for (const feature of rooms.features) {
      started.push(feature)
      await feature.start?.()
    }
    for (const retention of retentions) retention.start()
    await scraper.scrape()
    ready = true
    urls = await http.listen()
  }

  function checks(): Record<string, HealthCheck> {
    const parts: Record<string, HealthCheck> = {}
    if (stores !== undefined) parts['database'] = stores.main.health()
    for (const feature of rooms?.features ?? []) {
      if (feature.health !== undefined) parts[feature.name] = stateOf(feature, feature.health)
    }
    return parts
  }

  function reload(): void {
    const outcome = config.reload()
    if (!outcome.ok) {
      log.error('the configuration was not reloaded', { error: outcome.error.message })
      throw new Problem('AE_BAD_REQUEST', outcome.error.message)
    }
    const restart = outcome.needRestart.join(', ')
    log.info('the configuration was reloaded', restart === '' ? {} : { needs_restart: restart })
  }

  function stop(): Promise<void> {
    stopping ??= close()
    return stopping
  }

  async function close(): Promise<void> {
    ready = false
    // Requests end before the rooms they ask, rooms before what they read from and write to.
    await attempt(() => http?.close())
    for (const feature of started.reverse()) await attempt(() => feature.stop?.())
    for (const retention of retentions) await attempt(() => retention.stop())
    await attempt(() => rooms?.close())
    await attempt(() => stores?.close())
  }

  async function attempt(step: () => Promise<void> | void | undefined): Promise<void> {
    try {
      await step()
    } catch (error) {
      log.error('a part did not stop as it should', { error: String(error) })
    }
  }

  return {
    start,
    stop,
    reload,
    engageKillSwitch: (actor) => rooms?.acting.killSwitch.engage(actor),
    hasStuckThread: () => (rooms?.readers.slow.stuck() ?? 0) > 0,
    async once() {
      const built = createRooms(settings, noStores(), () => undefined)
      rooms = built
      // Looks once and goes: it judges nothing, holds nothing, and leaves the acting to the daemon that may be there.
      const acting = [...built.acting.before, ...built.acting.after, built.alerting]
      const looking = built.features.filter((feature) => !acting.includes(feature))
      // What they count is not known here, and their zeros would say that nothing happened.
      const unknown = acting.flatMap(({ collectors = [] }) => collectors.map(({ name }) => name))
      const disabledCollectors = [...settings.disabledCollectors, ...unknown]
      for (const feature of looking) await feature.start?.()
      try {
        return renderText(
          await createAppScraper({ ...settings, disabledCollectors }, built, createSlices()).scrape(),
          'text',
        )
      } finally {
        for (const feature of looking.toReversed()) await feature.stop?.()
        await built.close()
      }
    },
    summary: () => ({
      version: VERSION,
      urls,
      dataDir,
      configFile: config.file,
      agents: [...(rooms?.agents.list() ?? [])]
        .filter(({ endedAtMs }) => endedAtMs === undefined)
        .map(({ id, runtime, reading }) => ({ id, runtime, processes: reading.processes })),
      reach,
      acts: rooms === undefined ? '' : actsOn(rooms.acting.desk.state()),
    }),
  }
}

/** Whoever cannot say how it is, is not well; what the others say stays. */
function stateOf(feature: Feature, health: () => HealthCheck): HealthCheck {
  try {
    return health.call(feature)
  } catch (error) {
    return { status: 'unhealthy', error: String(error) }
  }
}

function actsOn({ mode, acting, killSwitch }: ControlState): string {
  if (mode === 'off') return 'on nobody: control.mode is off'
  if (!acting) return 'on nobody: another daemon of this user acts, this one observes'
  if (killSwitch.engaged) return 'on nobody: the kill switch is engaged (resume still works)'
  if (mode === 'dry-run') return 'on nobody: control.mode is dry-run, the journal says what would be done'
  return 'on agents that opted in (run --budget, registered, labelled); all others are only observed'
}
