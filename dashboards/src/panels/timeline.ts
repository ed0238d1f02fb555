import { LegendDisplayMode, LegendPlacement, VisibilityMode } from '@grafana/grafana-foundation-sdk/common'
import type { ThresholdsConfig, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/statetimeline'
import { describe, format, made, type PanelPlan, type PanelText, plan, type ValueFormat } from './panel.ts'
import { history } from './target.ts'

/** What was the case when: a row per series, a colour per value. */
export function timeline(
  spec: PanelText &
    Pick<ValueFormat, 'noValue' | 'links'> & {
      readonly queries: readonly { readonly expr: string; readonly legend: string }[]
      readonly mappings: readonly ValueMapping[]
      readonly thresholds: ThresholdsConfig
      /** Many thin rows: colours alone. */
      readonly wordless?: true
    },
): PanelPlan {
  const { noValue, mappings, thresholds } = spec
  const builder = format(describe(new PanelBuilder(), spec), { unit: 'none', noValue, mappings, thresholds })
    .targets(spec.queries.map(({ expr, legend }, index) => history(expr, legend, index)))
    .legend(
      made({
        displayMode: LegendDisplayMode.List,
        placement: LegendPlacement.Bottom,
        showLegend: false,
        calcs: [],
      }),
    )
    .mergeValues(true)
    .showValue(spec.wordless ? VisibilityMode.Never : VisibilityMode.Auto)
    .rowHeight(0.8)
    .lineWidth(1)
    .fillOpacity(75)
  return plan(spec, builder, spec.links)
}
