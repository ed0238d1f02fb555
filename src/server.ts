import type { Config } from './config/schema.ts'
import { createCatalogue } from './platform/exposition/catalogue.ts'
import { metricsRoutes } from './platform/exposition/routes.ts'
import { createScraper, type Scraper, scrapeFamilies } from './platform/exposition/scrape.ts'
import type { Slices } from './platform/exposition/slices.ts'
import { type BaseRoutesOptions, createBaseRoutes } from './platform/http/routes.ts'
import { type AccessOptions, createHttpServer, type HttpServer } from './platform/http/server.ts'
import type { Rooms } from './rooms.ts'
import type { Settings } from './settings.ts'
import { VERSION } from './version.ts'

/** What the server needs apart from the rooms. */
export interface ServerParts {
  readonly scraper: Scraper
  readonly slices: Slices
  readonly controlToken: string
  readonly base: Omit<BaseRoutesOptions, 'version'>
}

/** The server with the routes of every room. Nothing listens yet. */
export function createAppServer(
  settings: Settings,
  { self, features, rhythm }: Rooms,
  { scraper, slices, controlToken, base }: ServerParts,
): Promise<HttpServer> {
  const { clock, log, config, listenAddresses, webConfigFile, maxRequests } = settings
  return createHttpServer({
    listen: listenAddresses,
    access: accessOf(config.current, controlToken),
    ...(webConfigFile === undefined ? {} : { webConfigFile }),
    routes: [
      createBaseRoutes({ ...base, version: VERSION }),
      metricsRoutes({
        ...{ scraper, slices, maxRequests },
        onScraped: () => rhythm.scraped(clock.monotonic()),
      }),
      ...features.flatMap(({ routes }) => routes ?? []),
    ],
    version: VERSION,
    clock,
    log,
    onProblem: self.countHttpError,
  })
}

/** The scraper over every room's collectors that were not switched off. */
export function createAppScraper(
  settings: Settings,
  { agents, self, collectors }: Rooms,
  slices: Slices,
): Scraper {
  const { clock, log, config, disabledCollectors } = settings
  const enabled = collectors.filter(({ name }) => !disabledCollectors.includes(name))
  return createScraper({
    catalogue: createCatalogue([...collectors.flatMap(({ families }) => families), ...scrapeFamilies]),
    collectors: enabled,
    clock,
    slices,
    maxSeries: () => config.current.agents.maxSeries,
    newestFirst: agents.newestFirst,
    onDropped: self.countDropped,
    onRefused: self.countRefused,
    onError: (collector, error) => log.warn('a collector failed', { collector, error: String(error) }),
  })
}

/** What the configuration says about who may come in. */
export function accessOf({ auth }: Config, controlToken: string): AccessOptions {
  return {
    tokens: auth.tokens,
    anonymous: auth.anonymous,
    allowedHosts: auth.allowedHosts,
    allowedOrigins: auth.allowedOrigins,
    controlToken,
  }
}
