import { gunzipSync } from 'node:zlib'
import Fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { createCatalogue } from '../../../../src/platform/exposition/catalogue.ts'
import { collectionTimeoutMs, metricsRoutes } from '../../../../src/platform/exposition/routes.ts'
import {
  createScraper,
  type ScrapeRequest,
  type Scraper,
  scrapeFamilies,
} from '../../../../src/platform/exposition/scrape.ts'
import type { Collector } from '../../../../src/platform/feature.ts'
import { Problem } from '../../../../src/platform/problem.ts'
import { parseExposition } from '../../../support/exposition-parser.ts'
import { fakeClock } from '../../../support/fake-clock.ts'
import { rss } from '../../../support/sample-families.ts'

const catalogue = createCatalogue([...scrapeFamilies, rss])
const agents = (count: number): Collector => ({
  name: 'agents',
  families: [rss],
  collect(out) {
    for (let i = 0; i < count; i++) out.set(rss, { agent: `agent-${i}` }, i)
  },
})

async function serve(scraper: Scraper, maxRequests?: number) {
  const app = Fastify()
  app.setErrorHandler((error, _, reply) => {
    const { status, code } = error as Problem
    return reply.code(error instanceof Problem ? status : 500).send({ code: code ?? String(error) })
  })
  await app.register(metricsRoutes({ scraper, ...(maxRequests === undefined ? {} : { maxRequests }) }))
  return app
}
const serveAgents = (count: number) =>
  serve(createScraper({ catalogue, collectors: [agents(count)], clock: fakeClock() }))

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.1'

describe('GET /metrics', () => {
  test('answers text to curl and OpenMetrics to Prometheus, with the same samples', async () => {
    const app = await serveAgents(3)
    const text = await app.inject('/metrics')
    const open = await app.inject({ url: '/metrics', headers: { accept: OPENMETRICS } })
    expect(text.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    expect(text.headers['vary']).toBe('Accept, Accept-Encoding')
    const samples = parseExposition(text.body, 'text').values
    expect(parseExposition(open.body, 'openmetrics').values).toEqual(samples)
    expect(samples.get('agent_memory_rss_bytes{agent="agent-2"}')).toBe(2)
  })

  test('compresses what is worth it when the client wants it', async () => {
    const app = await serveAgents(500)
    const gzip = { 'accept-encoding': 'gzip' }
    const large = await app.inject({ url: '/metrics', headers: gzip })
    expect(large.headers['content-encoding']).toBe('gzip')
    expect(Number(large.headers['content-length'])).toBe(large.rawPayload.length)
    expect(parseExposition(gunzipSync(large.rawPayload).toString(), 'text').values.size).toBe(502)
    expect((await app.inject('/metrics')).headers['content-encoding']).toBeUndefined()
    const refused = await app.inject({ url: '/metrics', headers: { 'accept-encoding': 'gzip;q=0' } })
    expect(refused.headers['content-encoding']).toBeUndefined()
    const small = await (await serveAgents(1)).inject({ url: '/metrics', headers: gzip })
    expect(small.headers['content-encoding']).toBeUndefined()
  })

  test('HEAD has the headers and no body', async () => {
    const answer = await (await serveAgents(3)).inject({ method: 'HEAD', url: '/metrics' })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toContain('version=0.0.4')
    expect(answer.body).toBe('')
  })

  test('takes collect[] once, twice or encoded, and ignores parameters it does not know', async () => {
    const app = await serveAgents(1)
    for (const query of [
      'collect[]=agents',
      'collect[]=agents&collect[]=agents',
      'collect%5B%5D=agents',
      'x=1',
    ]) {
      const answer = await app.inject(`/metrics?${query}`)
      expect(answer.statusCode, query).toBe(200)
      expect(answer.body).toContain('agent-0')
    }
    expect((await app.inject('/metrics?exclude[]=agents')).body).not.toContain('agent-0')
  })

  test.each(['collect[]=nothing', 'collect[]=agents&exclude[]=agents', 'exclude[]=%00', 'collect[]='])(
    '?%s is 400 AE_BAD_COLLECTOR',
    async (query) => {
      const answer = await (await serveAgents(1)).inject(`/metrics?${query}`)
      expect(answer.statusCode).toBe(400)
      expect(answer.json()).toEqual({ code: 'AE_BAD_COLLECTOR' })
    },
  )

  test('more scrapes at once than allowed are 503, and the place is free again afterwards', async () => {
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const scraper: Scraper = { collectors: [], scrape: () => opened.then(() => ({ families: [], size: 0 })) }
    const app = await serve(scraper, 2)
    const waiting = [app.inject('/metrics'), app.inject('/metrics')]
    await new Promise((resolve) => setImmediate(resolve))
    const third = await app.inject('/metrics')
    expect([third.statusCode, third.json()]).toEqual([503, { code: 'AE_TOO_MANY_SCRAPES' }])
    open()
    expect((await Promise.all(waiting)).map(({ statusCode }) => statusCode)).toEqual([200, 200])
    expect((await app.inject('/metrics')).statusCode).toBe(200)
  })

  test('gives the collectors what Prometheus allows, minus the way back', async () => {
    const asked: ScrapeRequest[] = []
    const scraper: Scraper = {
      collectors: [],
      async scrape(request = {}) {
        asked.push(request)
        return { families: [], size: 0 }
      },
    }
    const app = await serve(scraper)
    await app.inject({ url: '/metrics', headers: { 'x-prometheus-scrape-timeout-seconds': '3' } })
    expect(asked).toEqual([{ collect: [], exclude: [], timeoutMs: 2500 }])
  })
})

test.each<[string | undefined, number]>([
  [undefined, 9500],
  ['10', 9500],
  ['15.5', 15_000],
  ['1', 500],
  ['0.6', 300],
  ['0.010000000', 5],
  ['999999', 119_500],
  ['0', 9500],
  ['-1', 9500],
  ['NaN', 9500],
  ['Infinity', 9500],
  ['1e9', 9500],
  ['10s', 9500],
  ['', 9500],
  ['5, 10', 9500],
])('scrape timeout header %j leaves %d ms', (header, ms) => {
  expect(collectionTimeoutMs(header)).toBe(ms)
})
