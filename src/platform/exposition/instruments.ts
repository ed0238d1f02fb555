import { Counter, collectDefaultMetrics, Gauge, Histogram, type MetricValue, Registry } from 'prom-client'
import type { Collector } from '../feature.ts'
import type { Family } from './family.ts'
import { processFamilies } from './process-families.ts'
import type { HistogramValue, SnapshotBuilder } from './snapshot.ts'

type Labels<Label extends string> = Readonly<Record<Label, string>>

export interface CounterInstrument<Label extends string> {
  /** @throws Error for a negative or non-finite step */
  inc(labels: Labels<Label>, by?: number): void
}

export interface GaugeInstrument<Label extends string> {
  set(labels: Labels<Label>, value: number): void
  remove(labels: Labels<Label>): void
}

export interface HistogramInstrument<Label extends string> {
  observe(labels: Labels<Label>, value: number): void
}

/**
 * Direct instrumentation of ourselves: state that lives between scrapes. What is measured about agents does
 * not belong here but is built fresh for each scrape. `known` label values are exported as 0 from the start,
 * because `increase()` misses the first step of a series that is born at 1.
 */
export interface Instruments {
  /** Register every instrument before the catalogue is made from `collector.families`. */
  readonly collector: Collector
  counter<Label extends string>(
    family: Family<Label>,
    known?: readonly Labels<Label>[],
  ): CounterInstrument<Label>
  gauge<Label extends string>(family: Family<Label>): GaugeInstrument<Label>
  histogram<Label extends string>(
    family: Family<Label>,
    known?: readonly Labels<Label>[],
  ): HistogramInstrument<Label>
}

/** What prom-client calls them; exported as 0 before the first collection of each kind. */
const GC_KINDS = ['major', 'minor', 'incremental', 'weakcb']

const HOUR_MS = 3_600_000

interface Entry {
  readonly name: string
  readonly values: readonly (MetricValue<string> & { readonly metricName?: string })[]
}

/**
 * This module alone imports prom-client. Its registry is read as JSON and printed by our writer, because its own
 * printing renames counters for good once OpenMetrics was asked for. `processMetrics` adds `process_*` and
 * `nodejs_*` as far as they are declared in `processFamilies`.
 */
export function createInstruments(
  name: string,
  { processMetrics = 'none' }: { readonly processMetrics?: 'none' | 'default' } = {},
): Instruments {
  const registry = new Registry()
  const families = new Map<string, Family>()
  let entries: readonly Entry[] = []

  if (processMetrics === 'default') {
    for (const family of addProcessMetrics(registry)) families.set(family.name, family)
  }

  return {
    collector: {
      name,
      get families() {
        return [...families.values()]
      },
      async refresh() {
        entries = (await registry.getMetricsAsJSON()) as readonly Entry[]
      },
      collect(out) {
        for (const entry of entries) write(out, families.get(entry.name)!, entry)
      },
    },
    counter(family, known = []) {
      const counter = new Counter(declarationOf(family))
      for (const labels of known) counter.inc(labels, 0)
      return { inc: (labels, by = 1) => counter.inc(labels, by) }
    },
    gauge(family) {
      const gauge = new Gauge(declarationOf(family))
      return {
        set: (labels, value) => gauge.set(labels, value),
        remove: (labels) => gauge.remove(labels),
      }
    },
    histogram(family, known = []) {
      const histogram = new Histogram({ ...declarationOf(family), buckets: [...(family.buckets ?? [])] })
      for (const labels of known) histogram.zero(labels)
      return { observe: (labels, value) => histogram.observe(labels, value) }
    },
  }

  function declarationOf<Label extends string>(family: Family<Label>) {
    families.set(family.name, family)
    return { name: family.name, help: family.help, labelNames: family.labels, registers: [registry] }
  }
}

function addProcessMetrics(registry: Registry): readonly Family[] {
  // Its own loop monitor would wake the process a hundred times a second; ours says what matters (loop-lag.ts).
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: HOUR_MS })
  const declared = new Map<string, Family>(processFamilies.map((family) => [family.name, family]))
  const present: Family[] = []
  for (const metric of registry.getMetricsAsArray()) {
    const family = declared.get(metric.name)
    if (family === undefined) registry.removeSingleMetric(metric.name)
    else present.push(family)
    if (metric instanceof Histogram) for (const kind of GC_KINDS) metric.zero({ kind })
  }
  return present
}

function write(out: SnapshotBuilder, family: Family, { values }: Entry): void {
  if (family.type === 'histogram') {
    for (const [labels, value] of histogramsOf(family, values)) out.histogram(family, labels, value)
    return
  }
  for (const { labels, value } of values) out.set(family, ownLabels(family, labels), value)
}

/** prom-client names a label `type`, which the catalogue forbids; ours is `kind`. */
function ownLabels(family: Family, labels: Entry['values'][number]['labels']): Record<string, string> {
  const text: Record<string, string> = {}
  for (const name of family.labels)
    text[name] = String(labels[name] ?? labels[name === 'kind' ? 'type' : name])
  return text
}

/** prom-client lists a histogram as cumulative `_bucket` values, then `_sum` and `_count` of the same labels. */
function* histogramsOf(
  family: Family,
  values: Entry['values'],
): Generator<readonly [Record<string, string>, HistogramValue]> {
  let counts: number[] = []
  let below = 0
  let sum = 0
  for (const { labels, value, metricName } of values) {
    if (metricName === `${family.name}_bucket`) {
      if (labels['le'] === '+Inf') continue
      counts.push(value - below)
      below = value
    } else if (metricName === `${family.name}_sum`) {
      sum = value
    } else {
      yield [ownLabels(family, labels), { counts, sum, count: value }]
      counts = []
      below = 0
    }
  }
}
