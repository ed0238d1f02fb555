import { CATALOGUE } from '../../../dashboards/src/catalogue.ts'
import { FOREIGN } from '../../../dashboards/src/foreign.ts'
import { type Labels, resultLabels } from '../rule-labels.ts'
import { treeOf } from './read.ts'

interface Known {
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
}
/** What can be asked for, by the names of its series. */
export type KnownSeries = ReadonlyMap<string, Known>
type Declared = Readonly<
  Record<string, { readonly type: 'counter' | 'gauge' | 'histogram'; readonly labels: readonly string[] }>
>

/** Every series of some families: of a histogram its three. */
export function seriesOfFamilies(families: Declared): KnownSeries {
  return new Map(
    Object.entries(families).flatMap(([name, { type, labels }]): [string, Known][] =>
      type === 'histogram'
        ? [
            [`${name}_bucket`, { type: 'counter', labels: [...labels, 'le'] }],
            [`${name}_sum`, { type: 'counter', labels }],
            [`${name}_count`, { type: 'counter', labels }],
          ]
        : [[name, { type, labels }]],
    ),
  )
}

/** The family of a series. */
export function familyOf(metric: string): string {
  return SERIES.has(metric) && !(metric in FAMILIES) ? metric.replace(/_(bucket|sum|count)$/, '') : metric
}

export const FAMILIES: Declared = { ...CATALOGUE, ...FOREIGN }
export const SERIES = seriesOfFamilies(FAMILIES)

/** The labels of what a query answers; `__name__` aside. */
export function labelsOfResult(expr: string, series = SERIES): Labels {
  return resultLabels(treeOf(expr), (metric) => series.get(metric)?.labels ?? [])
}
