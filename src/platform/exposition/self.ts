import type { Clock } from '../clock.ts'
import type { Collector } from '../feature.ts'
import { PROBLEMS, type ProblemCode } from '../problem.ts'
import { counter, gauge } from './family.ts'
import { createInstruments, type Instruments } from './instruments.ts'
import { createLoopLag, type LoopLag } from './loop-lag.ts'
import type { Refusal } from './snapshot.ts'

const buildInfo = gauge('agent_exporter_build_info', {
  labels: ['version', 'revision', 'nodeversion'],
  help: 'Always 1; the labels say which exporter this is and what runs it.',
})
const seriesDropped = counter('agent_exporter_series_dropped_total', {
  help: 'Sample lines left out of scrapes because agents.maxSeries was reached; always whole newest agents.',
})
const samplesRefused = counter('agent_exporter_samples_refused_total', {
  labels: ['reason'],
  help: 'Samples left out of scrapes because they would have made them invalid.',
})
const loopLagMax = gauge('agent_exporter_loop_lag_seconds', {
  unit: 'seconds',
  help: 'Largest event loop delay of the last 15 to 30 s, not reset by scrapes (perf_hooks.monitorEventLoopDelay).',
})
const httpErrors = counter('agent_exporter_http_errors_total', {
  labels: ['code'],
  help: 'HTTP requests that were answered with an error, by its AE_ code.',
})

const REFUSALS: readonly Refusal[] = ['duplicate', 'not_a_counter', 'not_a_histogram']

export interface SelfMetricsOptions {
  readonly version: string
  /** Commit of the build, `unknown` when it was not built from one. */
  readonly revision: string
  readonly nodeVersion?: string
  readonly clock: Clock
  readonly loopLag?: LoopLag
}

/** The exporter about itself; the collector is named `self`. */
export interface SelfMetrics extends Instruments {
  countHttpError(code: ProblemCode): void
  /** For `ScraperOptions.onDropped`; shows in the next scrape. */
  countDropped(series: number): void
  /** For `ScraperOptions.onRefused`; shows in the next scrape. */
  countRefused(reason: Refusal, samples: number): void
  close(): void
}

export function createSelfMetrics(options: SelfMetricsOptions): SelfMetrics {
  const { version, revision, nodeVersion = process.versions.node, clock } = options
  const instruments = createInstruments('self', { processMetrics: 'default' })
  const loopLag = options.loopLag ?? createLoopLag(clock)
  instruments.gauge(buildInfo).set({ version, revision, nodeversion: nodeVersion }, 1)
  const lag = instruments.gauge(loopLagMax)
  const dropped = instruments.counter(seriesDropped)
  const refused = instruments.counter(
    samplesRefused,
    REFUSALS.map((reason) => ({ reason })),
  )
  const errors = instruments.counter(
    httpErrors,
    (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => ({ code })),
  )
  const { collector } = instruments
  return {
    ...instruments,
    collector: {
      name: collector.name,
      get families() {
        return collector.families
      },
      async refresh(deadline) {
        lag.set({}, loopLag.seconds())
        await collector.refresh?.(deadline)
      },
      collect: (out) => collector.collect(out),
    } satisfies Collector,
    countHttpError: (code) => errors.inc({ code }),
    countDropped: (series) => dropped.inc({}, series),
    countRefused: (reason, samples) => refused.inc({ reason }, samples),
    close: () => loopLag.close(),
  }
}
