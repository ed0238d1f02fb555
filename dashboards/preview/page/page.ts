import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { AnsweredBoard, AnsweredPanel, Source } from '../board.ts'
import { type Html, html } from '../html.ts'
import { type Drawing, graphPanel } from '../panels/graph.ts'
import { tablePanel } from '../panels/table.ts'
import { timelinePanel } from '../panels/timeline.ts'
import { barsPanel, statPanel } from '../panels/values.ts'
import { type Box, boxOf, heightOf, type Placed } from '../place.ts'

/** Of the whole page, and of what is left for panels. */
export const PAGE_WIDTH = 1_440
const MARGIN = 16
export const GRID_WIDTH = PAGE_WIDTH - 2 * MARGIN
/** Of a panel: its heading, and what is left free around its content. */
const HEADING = 34
const PADDING = 8

const here = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8')
const uplot = dirname(createRequire(import.meta.url).resolve('uplot/package.json'))

/** One page with everything in it: nothing is loaded. @param caption what the numbers are */
export function pageOf(answered: AnsweredBoard, source: Source, caption: string): string {
  const { board, places } = answered
  const drawings: Record<number, Drawing> = {}
  const parts = places.map((place) => {
    const box = boxOf(place.gridPos, GRID_WIDTH)
    if (place.kind === 'row') return rowLine(place, box)
    const one = answered.panels.get(place.panel.id!)!
    const { body, drawing } = bodyOf(one, box, source, answered)
    if (drawing) drawings[place.panel.id!] = drawing
    return panelFrame(one, box, body)
  })
  const script = JSON.stringify(drawings).replaceAll('<', '\\u003c')
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${board.title} (preview, not Grafana)</title>
<style>${raw(readFileSync(join(uplot, 'dist/uPlot.min.css'), 'utf8'))}${raw(here('style.css'))}</style></head>
<body style="width:${PAGE_WIDTH}px">
${topOf(answered, source, caption)}
<main style="height:${heightOf(places, GRID_WIDTH)}px">${parts}</main>
<script type="application/json" id="drawings">${raw(script)}</script>
<script>${raw(readFileSync(join(uplot, 'dist/uPlot.iife.min.js'), 'utf8'))}</script>
<script>${raw(here('draw.js'))}</script>
</body></html>`.html
}

function raw(text: string): Html {
  return { html: text }
}

function topOf({ board, choices }: AnsweredBoard, { fromMs, toMs }: Source, caption: string): Html {
  const time = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
  return html`<header>
    <div class="title"><span class="crumb">Dashboards ›</span> <h1>${board.title}</h1>
      <span class="label">preview, not Grafana</span><span class="caption">${caption}</span>
      <span class="time">◷ ${time(fromMs)} – ${time(toMs).slice(11)} UTC</span></div>
    <div class="variables">${(board.templating.list ?? []).map(({ name, label }) => {
      const { chosen } = choices[name]!
      const text = chosen === '$__all' ? 'All' : [chosen].flat().join(' + ')
      return html`<span class="variable"><span>${label}</span><b>${text}</b></span>`
    })}
    <span class="links">${(board.links ?? []).map(({ title, asDropdown }) => html`<span>${title}${asDropdown && ' ▾'}</span>`)}</span></div>
  </header>`
}

function rowLine({ row }: Extract<Placed, { kind: 'row' }>, box: Box): Html {
  const count = row.collapsed ? ` (${row.panels.length} panels)` : ''
  return html`<h2 class="row" style="${placed(box)}">${row.collapsed ? '›' : '⌄'} ${row.title}<span>${count}</span></h2>`
}

function panelFrame({ panel, data, errors }: AnsweredPanel, box: Box, body: Html): Html {
  return html`<section class="panel ${panel.type}" style="${placed(box)}" data-title="${panel.title}"
    data-shows="${errors.length > 0 ? 'error' : data.kind}">
    <h3><span class="panel-title">${panel.title}</span>${panel.description && html`<i>i</i>`}</h3>
    ${errors.length > 0 ? html`<div class="error">${errors.join('\n')}</div>` : html`<div class="body">${body}</div>`}
  </section>`
}

function bodyOf(
  { panel, data, stepMs }: AnsweredPanel,
  box: Box,
  { fromMs, toMs }: Source,
  { bands }: AnsweredBoard,
): { readonly body: Html; readonly drawing?: Drawing } {
  const size = { width: box.width - 2 * PADDING, height: box.height - HEADING - PADDING }
  switch (data.kind) {
    case 'nothing':
      return { body: html`<div class="nothing">${data.text}</div>` }
    case 'table':
      return { body: tablePanel(data, size.width, size.height) }
    case 'values':
      return {
        body: panel.type === 'stat' ? statPanel(panel, data.values, size) : barsPanel(data.values, size),
      }
    case 'series':
      return panel.type === 'state-timeline'
        ? { body: timelinePanel(data.series, { ...size, fromMs, toMs, stepMs, words: wordsOf(panel) }) }
        : graphPanel(panel, data.series, { ...size, fromMs, toMs, bands })
  }
}

function wordsOf({ options }: Panel): 'auto' | 'never' {
  return (options as { readonly showValue: 'auto' | 'never' }).showValue
}

function placed({ left, top, width, height }: Box): string {
  return `left:${left}px;top:${top}px;width:${width}px;height:${height}px`
}
