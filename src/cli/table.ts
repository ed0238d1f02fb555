import { ownTerminal, paint, type Style, type Terminal } from './terminal.ts'
import { cellText, displayWidth, fitText } from './width.ts'

/** A cell: text alone, or text in a colour. */
export type Cell = string | { readonly text: string; readonly style: Style | undefined }

const PLAIN: Terminal = { columns: undefined, colours: 'off' }
const GAP = '  '
/** Longer texts are read in `--json`. */
const LONGEST_CELL = 80
/** A column is not made narrower than this: the line is cut instead. */
const LEAST_WIDTH = 4

/**
 * Left-aligned columns, two spaces apart, in the width of the terminal: the widest columns give way. The text of
 * cells is cleaned because agents choose some of it.
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal = PLAIN,
): string {
  const lines = [head.map(plain), ...rows.map((row) => row.map(clean))]
  const wanted = head.map((_, column) =>
    Math.max(...lines.map((line) => displayWidth(line[column]?.text ?? ''))),
  )
  const widths = narrowed(wanted, terminal.columns)
  return lines.map((line) => renderLine(line, widths, terminal)).join('\n')
}

/** On standard output, as wide and as colourful as it is. */
export function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  console.log(renderTable(head, rows, ownTerminal()))
}

/** One line of a table whose widths are known before its rows. */
export function renderRow(cells: readonly Cell[], widths: readonly number[], terminal: Terminal): string {
  return renderLine(cells.map(clean), widths, terminal)
}

interface Shown {
  readonly text: string
  readonly style: Style | undefined
}

const plain = (text: string): Shown => ({ text, style: undefined })

function clean(cell: Cell): Shown {
  const { text, style } = typeof cell === 'string' ? plain(cell) : cell
  return { text: cellText(text, LONGEST_CELL), style }
}

/** Padded by what is seen, painted afterwards: colour has no width. */
function renderLine(cells: readonly Shown[], widths: readonly number[], terminal: Terminal): string {
  let room = terminal.columns ?? Number.POSITIVE_INFINITY
  let line = ''
  let pending = ''
  for (const [column, { text, style }] of cells.entries()) {
    if (column > 0) {
      pending += GAP
      room -= GAP.length
    }
    const width = Math.min(widths[column] ?? 0, room)
    if (width <= 0) break
    const shown = fitText(text, width)
    room -= width
    if (shown !== '') {
      line += pending + paint(shown, style, terminal)
      pending = ''
    }
    pending += ' '.repeat(width - displayWidth(shown))
  }
  return line
}

/** The widest column gives way first, cell by cell, until everything fits. */
function narrowed(wanted: readonly number[], columns: number | undefined): readonly number[] {
  const widths = [...wanted]
  let over =
    widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - (columns ?? Infinity)
  while (over > 0) {
    const widest = Math.max(...widths)
    if (widest <= LEAST_WIDTH) break
    widths[widths.lastIndexOf(widest)] = widest - 1
    over--
  }
  return widths
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.5 GiB`; a dash for what was not measured. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === undefined || bytes === null) return '-'
  let value = Math.abs(bytes)
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const sign = bytes < 0 ? '-' : ''
  return `${sign}${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
