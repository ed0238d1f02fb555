import type { Shown } from '../../model/display.ts'
import type { Column, TableData } from '../../model/panel-data.ts'
import { cssColour } from '../colour.ts'
import { type Html, html } from '../html.ts'

/** Grafana's least width of a column that has no width of its own (`COLUMN_MIN_WIDTH`). */
const LEAST_WIDTH = 150
/** In pixels: a row, the heading, and the line with the pages below the table. */
const ROW = 36

interface CellOptions {
  readonly type: 'auto' | 'color-text' | 'gauge'
}

/** Columns with a width of their own have it; the others share what is left, and are no narrower than Grafana has them. */
export function columnWidths(columns: readonly Pick<Column, 'look'>[], width: number): number[] {
  const own = columns.map(({ look }) => look.custom['width'] as number | undefined)
  const taken = own.reduce<number>((sum, one) => sum + (one ?? 0), 0)
  const free = own.filter((one) => one === undefined).length
  const share = Math.max(LEAST_WIDTH, (width - taken) / Math.max(1, free))
  return own.map((one) => one ?? share)
}

export function tablePanel(data: TableData, width: number, height: number): Html {
  const shown = data.columns.flatMap((column, at) => (column.isHidden ? [] : [{ column, at }]))
  const widths = columnWidths(
    shown.map(({ column }) => column),
    width,
  )
  const room = Math.floor(height / ROW) - 1
  const rows = data.rows.length <= room ? data.rows : data.rows.slice(0, room - 1)
  const total = Math.round(widths.reduce((sum, one) => sum + one, 0))
  return html`<div class="table"><table style="width:${total}px">
    <colgroup>${widths.map((one) => html`<col style="width:${one}px">`)}</colgroup>
    <tr>${shown.map(({ column }) => html`<th class="${alignment(column)}">${column.title}</th>`)}</tr>
    ${rows.map((row) => html`<tr>${shown.map(({ column, at }) => cell(column, row[at]!))}</tr>`)}
  </table></div>
  ${rows.length < data.rows.length && html`<div class="pager">1 – ${rows.length} of ${data.rows.length} rows</div>`}`
}

function cell(column: Column, { text, value, colour }: Shown): Html {
  const { type } = (column.look.custom['cellOptions'] ?? { type: 'auto' }) as CellOptions
  if (value === undefined) return html`<td class="${alignment(column)} empty">${text}</td>`
  const ink = cssColour(colour ?? 'text')
  if (type === 'gauge') {
    const { min = 0, max = 1 } = column.look
    const share = Math.min(1, Math.max(0, (Number(value) - min) / (max - min)))
    const fill = `width:${(share * 100).toFixed(1)}%;background:${ink}`
    return html`<td><span class="gauge"><span class="gauge-track"><span style="${fill}"></span></span><span class="gauge-text">${text}</span></span></td>`
  }
  const style = type === 'color-text' ? `color:${ink}` : ''
  const inside = column.look.links ? html`<span class="link">${text}</span>` : html`${text}`
  return html`<td class="${alignment(column)}" style="${style}">${inside}</td>`
}

/** Numbers stand on the right, texts on the left. */
function alignment({ name }: Column): string {
  return name.startsWith('Value') ? 'number' : 'text'
}
