import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { NamedValue } from '../../model/panel-data.ts'
import { cssColour, readableOn } from '../colour.ts'
import { type Html, html } from '../html.ts'

interface Size {
  readonly width: number
  readonly height: number
}

/** A letter is about this much as wide as it is high. */
const LETTER_SHARE = 0.6
const LARGEST_FONT = 56
const NAME_SHARE = 0.36

interface StatOptions {
  readonly colorMode: 'none' | 'background_solid'
  readonly textMode: 'value' | 'value_and_name' | 'name'
}

/** Numbers side by side, as large as there is room. */
export function statPanel(panel: Panel, values: readonly NamedValue[], { width, height }: Size): Html {
  const { colorMode, textMode } = panel.options as unknown as StatOptions
  const share = width / values.length - 8
  const texts = values.map(({ name, text }) => (textMode === 'name' ? name : text))
  const isNamed = textMode === 'value_and_name'
  const size = Math.min(
    LARGEST_FONT,
    height * (isNamed ? 0.42 : 0.58),
    ...texts.map((text) => (share - 16) / (text.length * LETTER_SHARE)),
  )
  const nameSize = Math.round(Math.min(18, size * NAME_SHARE + 6))
  return html`<div class="stats">${values.map((value, at) => {
    const colour = cssColour(value.colour ?? 'text')
    const isFilled = colorMode === 'background_solid'
    const style = isFilled ? `background:${colour};color:${readableOn(colour)}` : ''
    return html`<div class="number-cell" style="${style}">
      ${isNamed && html`<span class="stat-name" style="font-size:${nameSize}px">${value.name}</span>`}
      <span class="stat-value" style="font-size:${Math.round(size)}px">${texts[at]}</span>
    </div>`
  })}</div>`
}

/** In pixels. */
const BAR_GAP = 6
const BAR_NAME = 18
const LARGEST_BAR = 30
const SMALLEST_BAR = 10

/** A bar each below its name, from `min` to `max`; without `max` to the largest of all. */
export function barsPanel(values: readonly NamedValue[], { height }: Pick<Size, 'height'>): Html {
  const most = Math.max(...values.map(({ value }) => Number(value)), Number.MIN_VALUE)
  const room = height / values.length - BAR_GAP - BAR_NAME
  const line = Math.max(SMALLEST_BAR, Math.min(LARGEST_BAR, room))
  const font = Math.round(Math.max(12, Math.min(15, line * 0.6)))
  const valueWidth = Math.max(...values.map(({ text }) => text.length)) * font * LETTER_SHARE + 10
  return html`<div class="bars">${values.map((value) => {
    const { min = 0, max = most } = value.look
    const share = Math.min(1, Math.max(0, (Number(value.value) - min) / (max - min)))
    const colour = cssColour(value.colour ?? 'text')
    const fill = `width:${(share * 100).toFixed(1)}%;background:${colour}`
    return html`<div class="bar-name" style="height:${BAR_NAME}px">${value.name}</div>
    <div class="bar" style="height:${line}px">
      <span class="bar-track"><span class="bar-fill" style="${fill}"></span></span>
      <span class="bar-value" style="width:${valueWidth}px;font-size:${font}px;color:${colour}">${value.text}</span>
    </div>`
  })}</div>`
}
