import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type ReduceDataOptions,
} from '@grafana/grafana-foundation-sdk/common'
import type { ThresholdsConfig } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat'
import type { Colour } from '../colours.ts'
import {
  describe,
  fixedColour,
  format,
  made,
  type PanelPlan,
  type PanelText,
  plan,
  type ValueFormat,
} from './panel.ts'
import { instant, refIdOf } from './target.ts'

/** The SDK leaves the list empty, and Grafana then takes the last sample even if there is none. */
export const LAST: ReduceDataOptions = { calcs: ['lastNotNull'], fields: '', values: false }

export interface StatQuery {
  readonly expr: string
  readonly legend: string
  /** Where it is not that of the others. */
  readonly unit?: string
  readonly decimals?: number
  readonly thresholds?: ThresholdsConfig
}

/** A few numbers that answer a question at a glance. */
export function stat(spec: PanelText & ValueFormat & { readonly queries: readonly StatQuery[] }): PanelPlan {
  const builder = format(describe(new PanelBuilder(), spec), spec)
    .targets(spec.queries.map(({ expr, legend }, index) => instant(expr, legend, index)))
    .reduceOptions(made(LAST))
    .graphMode(BigValueGraphMode.None)
    .colorMode(spec.thresholds || spec.mappings ? BigValueColorMode.BackgroundSolid : BigValueColorMode.None)
    .textMode(spec.queries.length > 1 ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
  spec.queries.forEach(({ unit, decimals, thresholds }, index) => {
    const own = Object.entries({ unit, decimals, thresholds }).flatMap(([id, value]) =>
      value === undefined ? [] : [{ id, value }],
    )
    if (own.length > 0) builder.overrideByQuery(refIdOf(index), own)
  })
  return plan(spec, builder, spec.links)
}

/** Which of several states is on, as a word in its colour: the query keeps the series that is 1, the legend is its name. */
export function word(
  spec: PanelText &
    Pick<ValueFormat, 'noValue'> & {
      readonly query: StatQuery
      readonly colours: Readonly<Record<string, Colour>>
    },
): PanelPlan {
  const builder = format(describe(new PanelBuilder(), spec), { unit: 'none', noValue: spec.noValue })
    .targets([instant(spec.query.expr, spec.query.legend, 0)])
    .reduceOptions(made(LAST))
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.BackgroundSolid)
    .textMode(BigValueTextMode.Name)
  for (const [name, colour] of Object.entries(spec.colours))
    builder.overrideByName(name, [fixedColour(colour)])
  return plan(spec, builder, undefined)
}
