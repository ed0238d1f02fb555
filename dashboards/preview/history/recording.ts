import type { Family } from '../../../src/platform/exposition/family.ts'
import type { CATALOGUE } from '../../src/catalogue.ts'
import type { FOREIGN } from '../../src/foreign.ts'

type Known = typeof CATALOGUE & typeof FOREIGN
type OfType<T> = { [N in keyof Known]: Known[N]['type'] extends T ? N : never }[keyof Known]
type LabelsOf<N extends keyof Known> = { readonly [L in Known[N]['labels'][number]]: string }

/** One series: its name with labels as in the text format, and its samples, oldest first. */
export interface RecordedSeries {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly samples: (readonly [seconds: number, value: number])[]
}

/** What one exporter would have shown at each scrape. Only families of the catalogue can be told, with their labels. */
export interface Recording {
  /** Holds for the next scrape only: what is not told again is absent. */
  gauge<N extends OfType<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void
  /** Begins at 0 and stays. */
  count<N extends OfType<'counter'>>(name: N, labels: LabelsOf<N>, growth: number): void
  observe<N extends OfType<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void
  /** What is told about this agent ends. */
  forget(agent: string): void
  /** Everything told, as Prometheus would store it at this time. */
  scrape(seconds: number): void
  readonly series: ReadonlyMap<string, RecordedSeries>
}

interface Cell {
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  value: number
}

/** @param target labels that Prometheus adds: `job` and `instance` */
export function createRecording(
  target: Readonly<Record<string, string>>,
  families: ReadonlyMap<string, Family>,
): Recording {
  const counters = new Map<string, Cell>()
  let gauges = new Map<string, Cell>()
  const series = new Map<string, RecordedSeries>()

  function cell(into: Map<string, Cell>, metric: string, labels: Readonly<Record<string, string>>): Cell {
    const key = keyOf(metric, labels)
    let known = into.get(key)
    if (known === undefined) {
      known = { metric, labels, value: 0 }
      into.set(key, known)
    }
    return known
  }

  return {
    series,
    gauge(name, labels, value) {
      cell(gauges, name, labels).value = value
    },
    count(name, labels, growth) {
      cell(counters, name, labels).value += growth
    },
    observe(name, labels, value) {
      const bounds = families.get(name)?.buckets
      if (bounds === undefined) throw new TypeError(`${name} is no histogram`)
      for (const bound of [...bounds.map(String), '+Inf']) {
        cell(counters, `${name}_bucket`, { ...labels, le: bound }).value +=
          value <= Number(bound.replace('+Inf', 'Infinity')) ? 1 : 0
      }
      cell(counters, `${name}_sum`, labels).value += value
      cell(counters, `${name}_count`, labels).value += 1
    },
    forget(agent) {
      for (const [key, { labels }] of counters) if (labels['agent'] === agent) counters.delete(key)
    },
    scrape(seconds) {
      for (const { metric, labels, value } of [...counters.values(), ...gauges.values()]) {
        const all = { ...labels, ...target }
        const key = keyOf(metric, all)
        let known = series.get(key)
        if (known === undefined) {
          known = { metric, labels: all, samples: [] }
          series.set(key, known)
        }
        known.samples.push([seconds, value])
      }
      gauges = new Map()
    },
  }
}

function keyOf(metric: string, labels: Readonly<Record<string, string>>): string {
  return metric + JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}
