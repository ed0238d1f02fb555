import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { NamedSeries } from '../../model/panel-data.ts'
import type { Band } from '../annotations.ts'
import { cssColour, paletteColour } from '../colour.ts'
import { type Html, html } from '../html.ts'
import { clockText, timeTicks, valueScale } from '../ticks.ts'
import { type Coloured, legendOf } from './legend.ts'

/** What the script in the page draws with uPlot; everything is decided here. */
export interface Drawing {
  readonly height: number
  readonly from: number
  readonly to: number
  readonly xTicks: readonly Tick[]
  readonly yMin: number
  readonly yMax: number
  readonly yTicks: readonly Tick[]
  readonly yWidth: number
  readonly bars: boolean
  /** Their size when there are only points; 0 for lines. */
  readonly points: number
  /** Seconds, and a list of values for each line; stacked ones are added up already. */
  readonly data: readonly (readonly (number | null)[])[]
  readonly lines: readonly Line[]
  readonly marks: readonly { readonly value: number; readonly colour: string }[]
  readonly bands: readonly Band[]
}

interface Tick {
  readonly at: number
  readonly text: string
}

interface Line {
  readonly colour: string
  readonly width: number
  readonly fill: number
  readonly dash: readonly number[] | undefined
  /** The line below it, to which it is filled; -1 is the axis. */
  readonly onto: number
}

interface GraphStyle {
  readonly drawStyle?: 'line' | 'bars' | 'points'
  readonly pointSize?: number
  readonly lineWidth?: number
  readonly fillOpacity?: number
  readonly lineStyle?: { readonly dash?: readonly number[] }
  readonly stacking?: { readonly mode: 'none' | 'normal' }
  readonly transform?: 'negative-Y'
  readonly axisSoftMin?: number
  readonly thresholdsStyle?: { readonly mode: 'off' | 'dashed' }
}

export interface GraphView {
  readonly fromMs: number
  readonly toMs: number
  readonly width: number
  readonly height: number
  readonly bands: readonly Band[]
}

const BINARY_UNITS: readonly string[] = ['bytes', 'binBps']
/** In pixels: one line of the legend, and ticks of the axes at the closest. */
const LEGEND_LINE = 22
const TICK_HEIGHT = 42
const TICK_WIDTH = 70
const LETTER_WIDTH = 6.6
/** Grafana gives a legend below the graph at most this share. */
const LEGEND_SHARE = 0.35

export function graphPanel(
  panel: Panel,
  series: readonly NamedSeries[],
  view: GraphView,
): { readonly body: Html; readonly drawing: Drawing } {
  const lines = series.map((one, at) => ({
    one,
    colour: one.look.color?.fixedColor ? cssColour(one.look.color.fixedColor) : paletteColour(at),
  }))
  const style = panel.fieldConfig!.defaults.custom as GraphStyle
  const { kind, text } = legendOf(panel, lines)
  const below = { names: LEGEND_LINE * 2, table: LEGEND_LINE * (lines.length + 1), beside: 0 }[kind]
  const legendHeight = Math.min(Math.floor(view.height * LEGEND_SHARE), below)
  const drawing = drawingOf(style, lines, { ...view, height: view.height - legendHeight })
  const height = kind === 'beside' ? '100%' : `${legendHeight}px`
  return {
    drawing,
    body: html`<div class="graph legend-${kind}">
      <div class="plot" data-panel="${panel.id}" style="height:${drawing.height}px"></div>
      <div class="legend" style="height:${height}">${text}</div></div>`,
  }
}

function drawingOf(style: GraphStyle, lines: readonly Coloured[], view: GraphView): Drawing {
  const isStacked = style.stacking?.mode === 'normal'
  const times = [...new Set(lines.flatMap(({ one }) => one.times))].toSorted((a, b) => a - b)
  const own = lines.map(({ one }) => {
    const byTime = new Map(one.times.map((time, at) => [time, one.values[at]]))
    const isMirrored = (one.look.custom as GraphStyle | undefined)?.transform === 'negative-Y'
    return times.map((time) => {
      const value = finite(byTime.get(time))
      return isMirrored && value !== null ? -value : value
    })
  })
  const isBars = style.drawStyle === 'bars'
  const values = isStacked ? stacked(own) : own
  const first = lines[0]!.one
  const scale = scaleOf(style, first.look, values.flat(), view.height)
  const yTicks = scale.ticks.map((at) => ({ at, text: first.show(at).text }))
  const thresholds = style.thresholdsStyle?.mode === 'dashed' ? (first.look.thresholds?.steps ?? []) : []
  return {
    height: view.height,
    from: view.fromMs / 1_000,
    to: view.toMs / 1_000,
    xTicks: timeTicks(view.fromMs, view.toMs, view.width / TICK_WIDTH).map((ms) => ({
      at: ms / 1_000,
      text: clockText(ms),
    })),
    yMin: scale.min,
    yMax: scale.max,
    yTicks,
    yWidth: 14 + Math.ceil(LETTER_WIDTH * Math.max(...yTicks.map(({ text }) => text.length))),
    bars: isBars,
    points: style.drawStyle === 'points' ? (style.pointSize ?? 5) : 0,
    // Higher bars first, so that lower ones stand before them.
    data: [times.map((ms) => ms / 1_000), ...(isBars ? barsOf(own, values).toReversed() : values)],
    lines: (isBars ? lines.toReversed() : lines).map(({ one, colour }, at) => {
      const mine = { ...style, ...(one.look.custom as GraphStyle) }
      return {
        colour,
        width: mine.lineWidth ?? 1,
        fill: (mine.fillOpacity ?? 0) / 100,
        dash: mine.lineStyle?.dash,
        onto: isStacked && !isBars ? at - 1 : -1,
      }
    }),
    marks: thresholds.flatMap(({ value, color }) =>
      value === null ? [] : [{ value, colour: cssColour(color) }],
    ),
    bands: view.bands,
  }
}

function scaleOf(
  style: GraphStyle,
  look: NamedSeries['look'],
  values: readonly (number | null)[],
  height: number,
) {
  const all = values.filter((value) => value !== null)
  const whole = look.unit === 'percentunit' ? 0.01 : 1
  return valueScale({
    low: Math.min(...all),
    high: Math.max(...all),
    min: look.min,
    max: look.max,
    softMin: style.axisSoftMin,
    room: height / TICK_HEIGHT,
    base: BINARY_UNITS.includes(look.unit ?? '') ? 'binary' : 'decimal',
    least: look.decimals === 0 ? whole : 0,
  })
}

function finite(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value
}

/** A bar of nothing would hide the one below it. */
function barsOf(own: readonly (readonly (number | null)[])[], sums: readonly (readonly (number | null)[])[]) {
  return sums.map((line, at) => line.map((sum, time) => (own[at]![time] ? sum : null)))
}

/** Each on top of those before it; where one has nothing it adds nothing. */
export function stacked(lines: readonly (readonly (number | null)[])[]): (number | null)[][] {
  const below: number[] = []
  return lines.map((line) =>
    line.map((value, at) => {
      below[at] = (below[at] ?? 0) + (value ?? 0)
      return value === null ? null : below[at]!
    }),
  )
}
