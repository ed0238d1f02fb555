import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { type AnsweredSeries, seriesOf } from '../../../dashboards/model/answers.ts'
import { type Prometheus, startPrometheus } from '../prometheus.ts'
import { type StoredSeries, writeSamples } from '../remote-write.ts'
import { createAsker } from './asking.ts'
import { AWKWARD, SHARED } from './living-agents.ts'
import type { LivingFleet } from './living-fleet.ts'
import { expressionsOf } from './our-rules.ts'
import { RATE_INTERVAL, selectorsOf } from './read.ts'
import { type Density, HISTORY_SECONDS, stretched } from './replay.ts'

const HOUR = 3_600
/**
 * Exporters of the history by how often they are scraped. Further back samples are as far apart as the steps of so long
 * a range allow, which are never shorter than a 1600th of it.
 */
export const HISTORIES = {
  5: {
    instance: 'fast.example:10780',
    density: [
      [HOUR, 5],
      [6 * HOUR, 10],
      [24 * HOUR, 30],
    ],
  },
  15: {
    instance: 'usual.example:10780',
    density: [
      [6 * HOUR, 15],
      [24 * HOUR, 30],
      [HISTORY_SECONDS, 150],
    ],
  },
  60: {
    instance: 'slow.example:10780',
    density: [
      [24 * HOUR, 60],
      [HISTORY_SECONDS, 150],
    ],
  },
} as const satisfies Readonly<Record<number, { instance: string; density: Density }>>
export type ScrapeSeconds = keyof typeof HISTORIES
export const SCRAPES: readonly ScrapeSeconds[] = [5, 15, 60]

/** No id of ours, but what a label may be that somebody else sets. */
export const FOREIGN_AGENT = `a.b +(ü) \\x [y]? it|s`
export const ORDINARY_AGENT = SHARED

const MOST_ZEROS = 8

/** Samples of a slice are in memory at once, and Prometheus takes them slice after slice. */
const SLICE_SECONDS = 12 * HOUR

/** A Prometheus with a week that is made of what the fleet was recorded with. */
export interface History extends AsyncDisposable {
  readonly prometheus: Prometheus
  /** Unix time in seconds. */
  readonly to: number
  readonly samples: number
}

/** @param boards whose metrics it needs */
export async function startHistory(fleet: LivingFleet, boards: readonly Dashboard[]): Promise<History> {
  const expressions = boards.flatMap(expressionsOf).map(([, expr]) => expr)
  const selectors = expressions.flatMap((expr) => selectorsOf(expr))
  const metrics = [...new Set(selectors.map(({ metric }) => metric))]
  const rated = new Set(
    selectors
      .filter(({ metric, range }) => range === RATE_INTERVAL && !metric.endsWith('_bucket'))
      .map(({ metric }) => metric),
  )
  const to = Math.floor(fleet.to)
  const exporter = fleet.daemons[0]!.address
  const query = (matchers: string) =>
    `{__name__=~"${metrics.join('|')}", ${matchers}}[${Math.ceil(to - fleet.from) + 2}s]`
  const asker = createAsker(fleet.prometheusUrl)
  const recorded = async (matchers: string): Promise<AnsweredSeries[]> => {
    const form = { query: query(matchers), time: String(to) }
    const { error, answer } = await asker.ask({ path: '/api/v1/query', form })
    if (error !== undefined) throw new Error(error)
    return seriesOf(answer)
  }
  const isDense = (metric: string) => rated.has(metric)
  const play = (series: readonly AnsweredSeries[], density: Density) =>
    stretched({ series, from: fleet.from * 1_000, to: to * 1_000 }, density, isDense)

  const ours = fewZeros(await recorded(`instance="${exporter}"`))
  const theirs = await recorded('job="alertmanager"')
  const all = [
    ...Object.values(HISTORIES).flatMap(({ instance, density }) =>
      play(
        ours.map((one) => renamed(one, instance)),
        density,
      ),
    ),
    ...play(theirs, HISTORIES[60].density),
  ]
  const span = 7 * 24
  const prometheus = await startPrometheus(
    [],
    {},
    {
      args: [
        '--web.enable-remote-write-receiver',
        // One block for all of it: nothing is compacted while it is asked.
        ...[
          `--storage.tsdb.min-block-duration=${2 * span}h`,
          `--storage.tsdb.max-block-duration=${2 * span}h`,
        ],
        '--storage.tsdb.retention.time=1000d',
      ],
    },
  )
  try {
    for (let age = HISTORY_SECONDS; age >= 0; age -= SLICE_SECONDS) {
      await writeSamples(
        prometheus.url,
        all.flatMap((one) => between(one, (to - age) * 1_000, (to - age + SLICE_SECONDS) * 1_000)),
      )
    }
  } catch (error) {
    await prometheus.stop()
    throw error
  }
  const samples = all.reduce((sum, { times }) => sum + times.length, 0)
  return { prometheus, to, samples, [Symbol.asyncDispose]: () => prometheus.stop() }
}

/** Of counters of one family that stay 0 some tell as much as all. */
function fewZeros(series: readonly AnsweredSeries[]): AnsweredSeries[] {
  const zeros = new Map<string, number>()
  return series.filter(({ labels, values }) => {
    const metric = labels['__name__']!
    if (!metric.endsWith('_total') || values.some((value) => value !== 0)) return true
    const count = (zeros.get(metric) ?? 0) + 1
    zeros.set(metric, count)
    return count <= MOST_ZEROS
  })
}

function renamed({ labels, ...rest }: AnsweredSeries, instance: string): AnsweredSeries {
  const agent = labels['agent'] === AWKWARD ? { agent: FOREIGN_AGENT } : {}
  return { ...rest, labels: { ...labels, instance, ...agent } }
}

function between({ labels, times, values }: StoredSeries, from: number, to: number): StoredSeries[] {
  const start = times.findIndex((time) => time >= from)
  if (start === -1) return []
  const end = times.findIndex((time) => time >= to)
  const last = end === -1 ? times.length : end
  if (last <= start) return []
  return [{ labels, times: times.slice(start, last), values: values.slice(start, last) }]
}
