import { paint, type Style, type Terminal } from './terminal.ts'
import { cellText, displayWidth, fitText } from './width.ts'

/** A cell: text alone, or text in a colour. */
export type Cell = string | { readonly text: string; readonly style: Style | undefined }

const PLAIN: Terminal = { columns: undefined, colours: 'off' }
const GAP = '  '
/** Longer texts are read in `--json`. */
const LONGEST_CELL = 80
const LONGEST_LINE = 4_096
/** A column is not made narrower than this: the line is cut instead. */
const LEAST_WIDTH = 4
/** Rather than leaving a column out a wider one is made as narrow as this. */
const PATIENT_WIDTH = 24

/**
 * Left-aligned columns, two spaces apart, in the width of the terminal: the widest columns give way. The text of
 * cells is cleaned because agents choose some of it.
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal = PLAIN,
): string {
  return renderLines([head.map(plain), ...rows.map((row) => row.map(clean))], [], terminal)
}

/** A column of a table that leaves columns out where there is no room for all. */
export interface Column<Item> {
  readonly head: string
  readonly cell: (item: Item) => Cell
  /** Left out when it does not fit, the highest first; always shown when left out here. */
  readonly spare?: number
  /** Half of it is worth nothing: others give way. */
  readonly whole?: true
  /** Cells that this column wants before a spare one gets any. */
  readonly wants?: number
}

/** A table with as many of the columns as fit. */
export function renderColumns<Item>(
  columns: readonly Column<Item>[],
  items: readonly Item[],
  terminal: Terminal,
): string {
  let shown = columns.map((column) => {
    const cells = items.map((item) => clean(column.cell(item)))
    const widest = Math.max(displayWidth(column.head), ...cells.map(({ text }) => displayWidth(text)))
    return {
      ...column,
      cells,
      needs: column.whole ? widest : Math.min(widest, column.wants ?? PATIENT_WIDTH),
    }
  })
  const room = terminal.columns ?? Number.POSITIVE_INFINITY
  const needs = () => shown.reduce((sum, column) => sum + column.needs + GAP.length, -GAP.length)
  while (needs() > room) {
    const most = Math.max(...shown.map(({ spare = 0 }) => spare))
    if (most === 0) break
    shown = shown.filter(({ spare = 0 }) => spare !== most)
  }
  const heads = shown.map(({ head }) => plain(head))
  const lines = [heads, ...items.map((_, i) => shown.map(({ cells }) => cells[i]!))]
  return renderLines(
    lines,
    shown.map(({ whole }) => whole === true),
    terminal,
  )
}

/** One line of a table whose widths are known before its rows. */
export function renderRow(cells: readonly Cell[], widths: readonly number[], terminal: Terminal): string {
  return renderLine(
    cells.map((cell) => cleanTo(cell, LONGEST_LINE)),
    widths,
    terminal,
  )
}

interface Shown {
  readonly text: string
  readonly style: Style | undefined
}

const plain = (text: string): Shown => ({ text, style: undefined })

function clean(cell: Cell): Shown {
  return cleanTo(cell, LONGEST_CELL)
}

function cleanTo(cell: Cell, most: number): Shown {
  const { text, style } = typeof cell === 'string' ? plain(cell) : cell
  return { text: cellText(text, most), style }
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
    if (column < cells.length - 1) pending += ' '.repeat(width - displayWidth(shown))
  }
  return line
}

function renderLines(
  lines: readonly (readonly Shown[])[],
  whole: readonly boolean[],
  terminal: Terminal,
): string {
  const wanted = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => displayWidth(line[column]?.text ?? ''))),
  )
  const widths = narrowed(wanted, whole, terminal.columns ?? Number.POSITIVE_INFINITY)
  return lines.map((line) => renderLine(line, widths, terminal)).join('\n')
}

/** The widest column gives way first, cell by cell, until everything fits; whole ones never, and the last one last. */
function narrowed(wanted: readonly number[], whole: readonly boolean[], columns: number): readonly number[] {
  const widths = [...wanted]
  const last = widths.length - 1
  const floorOf = (column: number): number => (whole[column] ? widths[column]! : LEAST_WIDTH)
  let over = widths.reduce((sum, width) => sum + width, GAP.length * last) - columns
  const shrink = (floors: readonly number[]): void => {
    while (over > 0) {
      let widest: number | undefined
      for (const [column, width] of widths.entries()) {
        if (width > floors[column]! && (widest === undefined || width >= widths[widest]!)) widest = column
      }
      if (widest === undefined) return
      widths[widest]!--
      over--
    }
  }
  const floors = widths.map((_, column) => floorOf(column))
  shrink(floors.map((floor, column) => Math.max(floor, column === last ? widths[column]! : PATIENT_WIDTH)))
  shrink(floors)
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
