import type { NamedSeries } from '../../model/panel-data.ts'
import { cssColour, readableOn } from '../colour.ts'
import { type Html, html } from '../html.ts'
import { clockText, timeTicks } from '../ticks.ts'

export interface TimelineView {
  readonly fromMs: number
  readonly toMs: number
  readonly width: number
  readonly height: number
  /** Grafana's `showValue`: whether a value is written where there is room. */
  readonly words: 'auto' | 'never'
  /** How long a value holds. */
  readonly stepMs: number
}

interface Span {
  readonly from: number
  readonly to: number
  readonly value: number
}

const AXIS = 24
const TICK_WIDTH = 70
const LETTER_WIDTH = 6.8
const MOST_FOR_NAMES = 0.5

/** Equal values beside each other are one span; where there is nothing for a while there is none. */
export function spansOf({ times, values }: Pick<NamedSeries, 'times' | 'values'>, stepMs: number): Span[] {
  const spans: { from: number; to: number; value: number }[] = []
  times.forEach((from, at) => {
    const value = values[at]
    if (value === undefined) return
    const last = spans.at(-1)
    if (last !== undefined && last.value === value && last.to >= from) last.to = from + stepMs
    else spans.push({ from, to: from + stepMs, value })
  })
  return spans
}

export function timelinePanel(series: readonly NamedSeries[], view: TimelineView): Html {
  const { fromMs, toMs, width, height, stepMs, words } = view
  const longest = Math.max(...series.map(({ name }) => name.length))
  const names = Math.min(width * MOST_FOR_NAMES, longest * LETTER_WIDTH + 12)
  const line = (height - AXIS) / series.length
  const room = width - names
  const place = (ms: number): number =>
    ((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs)) * room
  const spanOf = (one: NamedSeries, { from, to, value }: Span): Html => {
    const { text, colour } = one.show(value)
    const [left, wide] = [place(from), place(to) - place(from)]
    const ink = cssColour(colour ?? 'text')
    const style = `left:${left.toFixed(1)}px;width:${wide.toFixed(1)}px;--colour:${ink};color:${readableOn(ink)}`
    return html`<span class="span" style="${style}">${words === 'auto' && wide > text.length * LETTER_WIDTH + 8 && text}</span>`
  }
  return html`<div class="timeline">
    ${series.map(
      (one) => html`<div class="lane" style="height:${line}px">
        <span class="lane-name" style="width:${names}px">${one.name}</span>
        <span class="lane-track">${spansOf(one, stepMs).map((span) => spanOf(one, span))}</span>
      </div>`,
    )}
    <div class="lane-axis" style="margin-left:${names}px">${timeTicks(fromMs, toMs, room / TICK_WIDTH).map(
      (ms) => html`<span style="left:${place(ms).toFixed(1)}px">${clockText(ms)}</span>`,
    )}</div>
  </div>`
}
