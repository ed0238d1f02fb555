// 40,000 series, realistic labels: ours and prom-client fill and print the same facts in the same run; then the
// event loop delay of 1,000 scrapes over HTTP while a journal is written. Prints one JSON line.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import Fastify from 'fastify'
import { Gauge, Registry } from 'prom-client'
import { type Clock, systemClock } from '../src/platform/clock.ts'
import { createCatalogue } from '../src/platform/exposition/catalogue.ts'
import { counter, type Family, gauge } from '../src/platform/exposition/family.ts'
import { createInk } from '../src/platform/exposition/ink.ts'
import { metricsRoutes } from '../src/platform/exposition/routes.ts'
import { createScraper, scrapeFamilies } from '../src/platform/exposition/scrape.ts'
import { createSlices } from '../src/platform/exposition/slices.ts'
import { bindSeries, type Series } from '../src/platform/exposition/snapshot.ts'
import { render } from '../src/platform/exposition/writer.ts'
import type { Collector } from '../src/platform/feature.ts'

const AGENTS = 1000
const ROUNDS = 30
const WARM_UP = 10
const SCRAPES = Number(process.env['BENCH_SCRAPES'] ?? 1000)
const JOURNAL_WRITES_PER_SECOND = 100
const LOOP_RESOLUTION_MS = 1
/** What the machine itself does to the loop, journal on and nobody scraping. */
const CONTROL_MS = 5000

type Shape = readonly [Family, readonly Readonly<Record<string, string>>[]]
const help = 'What the benchmark needs: a sentence of usual length about a number of an agent.'
const each = (label: string, values: readonly string[]) => values.map((value) => ({ [label]: value }))
const plainGauges = [
  'rss',
  'working_set',
  'swap',
  'heap_used',
  'limit',
  'high_watermark',
  'judged',
  'judged_limit',
]
const plainCounters = ['io_read', 'io_write', 'network_receive', 'network_transmit']

/** 40 series per agent, in the mix of the product: gauges, counters, states, a few with three labels. */
const shapes: readonly Shape[] = [
  ...plainGauges.map(
    (name): Shape => [gauge(`agent_memory_${name}_bytes`, { unit: 'bytes', labels: ['agent'], help }), [{}]],
  ),
  ...plainCounters.map(
    (name): Shape => [counter(`agent_${name}_bytes_total`, { unit: 'bytes', labels: ['agent'], help }), [{}]],
  ),
  ...['processes', 'threads', 'open_fds', 'enforced'].map(
    (name): Shape => [gauge(`agent_${name}`, { labels: ['agent'], help }), [{}]],
  ),
  [
    counter('agent_cpu_seconds_total', { unit: 'seconds', labels: ['agent', 'mode'], help }),
    each('mode', ['user', 'system']),
  ],
  [
    gauge('agent_state', { labels: ['agent', 'state'], help }),
    each('state', ['starting', 'running', 'idle', 'waiting', 'paused', 'exited']),
  ],
  [
    gauge('agent_phase', { labels: ['agent', 'phase'], help }),
    each('phase', ['normal', 'warning', 'intervention', 'termination']),
  ],
  [
    gauge('agent_memory_level', { labels: ['agent', 'level'], help }),
    each('level', ['healthy', 'warning', 'critical', 'oom_imminent']),
  ],
  [
    counter('agent_llm_tokens_total', { labels: ['agent', 'provider', 'model', 'token_type'], help }),
    ['input', 'output', 'cache_read', 'cache_write'].map((token_type) => ({
      provider: 'anthropic',
      model: 'claude-opus',
      token_type,
    })),
  ],
  [
    gauge('agent_info', { labels: ['agent', 'name', 'role', 'runtime', 'vendor', 'workspace'], help }),
    [{ name: 'claude', role: 'coder', runtime: 'process', vendor: 'claude', workspace: 'agent-exporter' }],
  ],
  ...['start', 'last_activity', 'last_deliverable'].map(
    (name): Shape => [
      gauge(`agent_${name}_timestamp_seconds`, { unit: 'seconds', labels: ['agent'], help }),
      [{}],
    ],
  ),
]
const agents = Array.from(
  { length: AGENTS },
  (_, i) => `claude-${(((i + 1) * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')}`,
)

/** Bytes, seconds with many digits, states and small counts; other values in every round. */
const measured = (agent: number, series: number, round: number): number => {
  const seed = agent * 40 + series + round * 7
  if (series < 12) return 4096 * ((seed * 7919) % 1_000_003)
  if (series < 16 || series > 35) return seed % 97
  return series < 18 ? seed / 7 : seed % 2
}

const perAgent: (readonly Series[])[] = agents.map((agent) =>
  shapes.flatMap(([family, sets]) =>
    sets.map((labels) => bindSeries(family as Family<string>, { agent, ...labels })),
  ),
)
const series = perAgent.reduce((sum, own) => sum + own.length, 0)
let round = 0
const collector: Collector = {
  name: 'agents',
  families: shapes.map(([family]) => family),
  *collect(out) {
    for (let a = 0; a < perAgent.length; a++) {
      const own = perAgent[a]!
      for (let s = 0; s < own.length; s++) out.put(own[s]!, measured(a, s, round))
      yield
    }
  },
}

// Every scrape is to collect anew: on this clock the time for which a collection is shared is over at once.
const hurried: Clock = { ...systemClock, monotonic: () => performance.now() * 1e6 }
const slices = createSlices()
const catalogue = createCatalogue([...scrapeFamilies, ...collector.families])
const scraper = createScraper({ catalogue, collectors: [collector], clock: hurried, slices })

const ink = createInk()

async function ours(): Promise<number> {
  const snapshot = await scraper.scrape()
  ink.clear()
  await slices.drive(render(snapshot, 'text', ink))
  return Buffer.from(ink.bytes()).length
}

const registry = new Registry()
const clients = shapes.map(([{ name, labels }, sets]) => {
  // A gauge for counters too: prom-client's counter cannot be set, and a reset would only cost it more.
  const metric = new Gauge({ name, help, labelNames: [...labels], registers: [registry] })
  return { metric, sets: agents.map((agent) => sets.map((own) => ({ agent, ...own }))) }
})

async function promClient(): Promise<number> {
  for (let a = 0; a < AGENTS; a++) {
    let s = 0
    for (const { metric, sets } of clients)
      for (const labels of sets[a]!) metric.set(labels, measured(a, s++, round))
  }
  return Buffer.from(await registry.metrics()).length
}

/** Speed counts only for the same facts: every sample line of one must be in the other. */
async function checkSame(): Promise<void> {
  const linesOf = (text: string) =>
    text.split('\n').filter((line) => /^agent_(?!scrape_collector)/.test(line))
  await promClient()
  const theirs = new Set(linesOf(await registry.metrics()))
  await ours()
  const own = linesOf(ink.bytes().toString())
  if (own.length !== theirs.size || !own.every((line) => theirs.has(line)))
    throw new Error('not the same samples')
}

async function timed(work: () => Promise<number>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const at = (times: readonly number[], share: number) =>
  Number([...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)]!.toFixed(2))
const spread = (times: readonly number[]) => ({ p50: at(times, 0.5), p95: at(times, 0.95) })

await checkSame()
const times = { ours: [] as number[], promClient: [] as number[] }
for (round = 0; round < ROUNDS + WARM_UP; round++) {
  const pair = { ours: await timed(ours), promClient: await timed(promClient) }
  if (round < WARM_UP) continue
  times.ours.push(pair.ours)
  times.promClient.push(pair.promClient)
}
const bytes = await ours()
registry.clear()
clients.length = 0

const figures = { ours: spread(times.ours), promClient: spread(times.promClient) }
console.log(
  JSON.stringify({
    series,
    bytes,
    ...figures,
    ratio: Number((figures.promClient.p50 / figures.ours.p50).toFixed(2)),
    loopDelay: await loopDelay(),
    node: process.version,
  }),
)

/** Milliseconds beyond the timer's own, while another thread scrapes and a third commits the journal. */
async function loopDelay() {
  const app = Fastify()
  await app.register(metricsRoutes({ scraper, slices }))
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/metrics`
  const worker = (role: object) =>
    new Worker(new URL('./exposition.worker.ts', import.meta.url), { workerData: role })
  const journal = worker({ role: 'journal' })
  let commits = 0
  journal.on('message', () => commits++)
  const writes = setInterval(
    () => journal.postMessage({ at: Date.now(), action: 'pause' }),
    1000 / JOURNAL_WRITES_PER_SECOND,
  )
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  delay.enable()
  await setTimeout(CONTROL_MS)
  const control = percentilesOf(delay)
  const client = worker({ role: 'client', url, scrapes: SCRAPES })
  const answers = await new Promise<number[]>((resolve, reject) => {
    client.on('message', (message: 'warm' | number[]) => {
      if (message === 'warm') delay.reset()
      else resolve(message)
    })
    client.on('error', reject)
    journal.on('error', reject)
  })
  delay.disable()
  clearInterval(writes)
  await Promise.all([app.close(), journal.terminate(), client.terminate()])
  return {
    ...percentilesOf(delay),
    scrapes: SCRAPES,
    scrapeMs: spread(answers),
    journalCommits: commits,
    withoutScrapes: control,
  }
}

function percentilesOf(delay: ReturnType<typeof monitorEventLoopDelay>) {
  const beyond = (ns: number) => Number((ns / 1e6 - LOOP_RESOLUTION_MS).toFixed(2))
  return {
    p50: beyond(delay.percentile(50)),
    p99: beyond(delay.percentile(99)),
    p999: beyond(delay.percentile(99.9)),
    max: beyond(delay.max),
  }
}
