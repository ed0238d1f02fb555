import type { MetricsGroup } from './platform/exposition/metrics-page.ts'
import { scrapeFamilies } from './platform/exposition/scrape.ts'
import { createSlices } from './platform/exposition/slices.ts'
import { createRooms } from './rooms.ts'
import { createAppScraper, createAppServer } from './server.ts'
import type { Settings } from './settings.ts'
import { noStores } from './stores.ts'

/** Everything that `/metrics` can show, by collector, for docs/metrics.md. Reads nothing of the machine. */
export async function metricsGroups(settings: Settings): Promise<MetricsGroup[]> {
  const rooms = createRooms(settings, noStores(), () => undefined)
  const groups = rooms.collectors.map(({ name, families }) => ({ name, families }))
  await rooms.close()
  return [...groups, { name: 'scrape', families: scrapeFamilies }]
}

/** `/openapi.json` of the daemon as these settings compose it, for docs/openapi.json. Starts and opens nothing. */
export async function apiDocument(settings: Settings): Promise<object> {
  const rooms = createRooms(settings, noStores(), () => undefined)
  const slices = createSlices()
  const server = await createAppServer(settings, rooms, {
    scraper: createAppScraper(settings, rooms, slices),
    slices,
    // Never used: nobody can ask this server anything.
    controlToken: 'not-a-token'.repeat(4),
    base: { isReady: () => false, checks: () => ({}), targets: () => [], reload: async () => undefined },
  })
  try {
    const answer = await server.app.inject({ url: '/openapi.json', headers: { host: 'localhost' } })
    return answer.json()
  } finally {
    await server.close()
    await rooms.close()
  }
}
