import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../../test/support/folder.ts'
import { type Prometheus, startPrometheus } from '../../../test/support/prometheus.ts'
import { requireService } from '../../../test/support/services.ts'
import { askRange } from '../query.ts'
import { judgedAlerts } from './alerts.ts'
import { knownFamilies } from './families.ts'
import { BEGIN } from './plans.ts'
import type { RecordedSeries } from './recording.ts'
import { simulateHistory } from './world.ts'

/** Fixed, so that the same code gives the same pictures. */
const END_SECONDS = Date.UTC(2026, 5, 2, 14, 30) / 1_000
const HISTORY_SCRAPE_SECONDS = 30

/** A Prometheus that holds a simulated history, and what the boards must be told about it. */
export interface HistoryServer extends AsyncDisposable {
  readonly url: string
  readonly endMs: number
  readonly scrapeMs: number
  readonly series: readonly RecordedSeries[]
}

/** Simulates, stores, lets the shipped rules judge it, stores that too, and serves it all. */
export async function startHistory(): Promise<HistoryServer> {
  const folder = temporaryFolder()
  const data = join(folder.path, 'data')
  const series = simulateHistory(await knownFamilies(), END_SECONDS, HISTORY_SCRAPE_SECONDS)
  try {
    await store(series, data, join(folder.path, 'history.om'))
    const alerts = await judgedBy(data)
    await store(alerts, data, join(folder.path, 'alerts.om'))
    const prometheus = await serve(data)
    return {
      url: prometheus.url,
      endMs: END_SECONDS * 1_000,
      scrapeMs: HISTORY_SCRAPE_SECONDS * 1_000,
      series: [...series, ...alerts],
      async [Symbol.asyncDispose]() {
        await prometheus.stop()
        folder[Symbol.dispose]()
      },
    }
  } catch (error) {
    folder[Symbol.dispose]()
    throw error
  }
}

async function judgedBy(data: string): Promise<RecordedSeries[]> {
  await using prometheus = await serve(data)
  const range = {
    startMs: (END_SECONDS + BEGIN * 60) * 1_000,
    endMs: END_SECONDS * 1_000,
    stepMs: HISTORY_SCRAPE_SECONDS * 1_000,
  }
  return await judgedAlerts((expr) => askRange(prometheus.url, expr, range), {
    stepSeconds: HISTORY_SCRAPE_SECONDS,
    endSeconds: END_SECONDS,
  })
}

function serve(data: string): Promise<Prometheus> {
  // Backfilled series have no mark where they end: without this they would be seen for five minutes more.
  const gap = `--query.lookback-delta=${2 * HISTORY_SCRAPE_SECONDS}s`
  return startPrometheus([], {}, { data, args: [gap, '--storage.tsdb.retention.time=100y'] })
}

/** @see prometheus: `promtool tsdb create-blocks-from openmetrics` */
async function store(series: readonly RecordedSeries[], data: string, file: string): Promise<void> {
  const out = createWriteStream(file)
  for (const { metric, labels, samples } of series) {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    const head = `${metric}{${pairs.join(',')}}`
    out.write(samples.map(([at, value]) => `${head} ${value} ${at}\n`).join(''))
  }
  out.end('# EOF\n')
  await finished(out)
  const args = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data]
  await promisify(execFile)(requireService('promtool'), args, { maxBuffer: 2 ** 26 })
}
