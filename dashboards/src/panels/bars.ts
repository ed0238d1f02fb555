import { PanelBuilder } from '@grafana/grafana-foundation-sdk/bargauge'
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BarGaugeSizing,
  VizOrientation,
} from '@grafana/grafana-foundation-sdk/common'
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
import { LAST } from './stat.ts'
import { instant, refIdOf } from './target.ts'

export interface BarQuery {
  readonly expr: string
  readonly legend: string
  readonly colour: Colour
}

/** The largest few of now, one bar each; several queries give groups of different colours. */
export function bars(spec: PanelText & ValueFormat & { readonly queries: readonly BarQuery[] }): PanelPlan {
  const builder = format(describe(new PanelBuilder(), spec), spec)
    .targets(spec.queries.map(({ expr, legend }, index) => instant(expr, legend, index)))
    .reduceOptions(made(LAST))
    .displayMode(BarGaugeDisplayMode.Basic)
    .namePlacement(BarGaugeNamePlacement.Top)
    .orientation(VizOrientation.Horizontal)
    .sizing(BarGaugeSizing.Auto)
    .showUnfilled(true)
  spec.queries.forEach(({ colour }, index) => {
    builder.overrideByQuery(refIdOf(index), [fixedColour(colour)])
  })
  return plan(spec, builder, spec.links)
}
