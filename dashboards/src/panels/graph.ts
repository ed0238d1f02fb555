import {
  GraphDrawStyle,
  GraphThresholdsStyleMode,
  GraphTransform,
  LegendDisplayMode,
  LegendPlacement,
  SortOrder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
} from '@grafana/grafana-foundation-sdk/common'
import type { DynamicConfigValue } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
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
import { history, refIdOf } from './target.ts'

export interface GraphQuery {
  readonly expr: string
  readonly legend: string
  readonly colour?: Colour
  /** A limit or a forecast: a dashed line without fill. */
  readonly dashed?: true
  /** Drawn below zero, as what goes out beside what comes in; its numbers stay what they are. */
  readonly mirrored?: true
}

export interface GraphSpec extends PanelText, ValueFormat {
  readonly queries: readonly GraphQuery[]
  /**
   * `parts`: stacked, only for parts of a whole. `events`: bars, each the count of its step. `points`: values that are
   * there only now and then, and would make no line.
   */
  readonly style?: 'lines' | 'parts' | 'events' | 'points'
  /**
   * `table`: what is largest first, below the graph, where there is room for three lines. `beside`: for more of them.
   * `names`: names alone, for a few that are known.
   */
  readonly legend?: 'table' | 'beside' | 'names'
  /** Colours of series by their names in the legend. */
  readonly colours?: Readonly<Record<string, Colour>>
  /** Draws the thresholds as dashed lines. */
  readonly marks?: true
}

const DASHED: DynamicConfigValue[] = [
  { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
  { id: 'custom.fillOpacity', value: 0 },
]
/** The values of a query with a minus would turn its largest in the legend into its smallest. */
const MIRRORED: DynamicConfigValue = { id: 'custom.transform', value: GraphTransform.NegativeY }
const FILL = { lines: 8, parts: 60, events: 80, points: 0 }
/** A part of nothing must not draw its colour along the top of the others. */
const WIDTH = { lines: 1, parts: 0, events: 0, points: 1 }
const DRAWN = {
  lines: GraphDrawStyle.Line,
  parts: GraphDrawStyle.Line,
  events: GraphDrawStyle.Bars,
  points: GraphDrawStyle.Points,
}
/** In pixels. */
const POINT_SIZE = 6
/** The growth of a counter within a step needs two samples: long enough for several scrapes a minute apart. */
const EVENT_STEP = '5m'

/** A history. */
export function graph(spec: GraphSpec): PanelPlan {
  const { style = 'lines', legend = 'table' } = spec
  const builder = format(describe(new PanelBuilder(), spec), spec)
    .targets(spec.queries.map(({ expr, legend }, index) => history(expr, legend, index)))
    .legend(
      made({
        displayMode: legend === 'names' ? LegendDisplayMode.List : LegendDisplayMode.Table,
        placement: legend === 'beside' ? LegendPlacement.Right : LegendPlacement.Bottom,
        showLegend: true,
        calcs: legend === 'names' ? [] : [style === 'events' ? 'sum' : 'lastNotNull', 'max'],
        ...(legend === 'table' ? { sortBy: style === 'events' ? 'Total' : 'Max', sortDesc: true } : {}),
      }),
    )
    .tooltip(made({ mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending }))
    .drawStyle(DRAWN[style])
    .lineWidth(WIDTH[style])
    .fillOpacity(FILL[style])
    .showPoints(style === 'points' ? VisibilityMode.Always : VisibilityMode.Never)
    .spanNulls(false)
    .stacking(
      made({
        mode: style === 'parts' || style === 'events' ? StackingMode.Normal : StackingMode.None,
        group: 'A',
      }),
    )
    .thresholdsStyle(
      made({ mode: spec.marks ? GraphThresholdsStyleMode.Dashed : GraphThresholdsStyleMode.Off }),
    )
  if (spec.queries.some(({ expr }) => expr.includes('[$__interval]'))) builder.interval(EVENT_STEP)
  if (spec.min !== undefined) builder.axisSoftMin(spec.min)
  if (style === 'points') builder.pointSize(POINT_SIZE)
  spec.queries.forEach(({ colour, dashed, mirrored }, index) => {
    const look = [
      ...(colour ? [fixedColour(colour)] : []),
      ...(dashed ? DASHED : []),
      ...(mirrored ? [MIRRORED] : []),
    ]
    if (look.length > 0) builder.overrideByQuery(refIdOf(index), look)
  })
  for (const [name, colour] of Object.entries(spec.colours ?? {})) {
    builder.overrideByName(name, [fixedColour(colour)])
  }
  return plan(spec, builder, spec.links)
}
