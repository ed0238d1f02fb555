import type { MemorySample } from '../memory/model.ts'
import { nearest } from '../platform/nearest.ts'
import { Problem } from '../platform/problem.ts'
import { cleanText } from '../platform/text.ts'
import { linesOf } from './lines.ts'

/** One row of a recorded trace. */
export interface TraceRow {
  /** As written in the trace. */
  readonly seconds: number
  /** Undefined members: the read failed, or the trace has no such column. */
  readonly sample: Pick<MemorySample, 'rssBytes' | 'heapUsedBytes' | 'limitBytes'>
  /** Which life of the agent; undefined when it was not read. */
  readonly incarnation: string | undefined
}

const REQUIRED = ['time_s', 'rss_bytes'] as const
const COLUMNS = [...REQUIRED, 'heap_bytes', 'limit_bytes', 'incarnation'] as const
type Column = (typeof COLUMNS)[number]

const NUMBER = /^\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?$/
/** The year 5138: more are milliseconds. */
const LATEST_SECONDS = 1e11

/**
 * The rows of a trace (CSV with a header, columns in any order), read as they come.
 * @param source what errors call it
 * @throws Problem AE_BAD_TRACE with the line that is wrong
 */
export async function* rowsOf(chunks: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<TraceRow[]> {
  let header: Header | undefined
  let before = 0
  let count = 0
  for await (const { from, lines } of linesOf(chunks, source)) {
    const rows: TraceRow[] = []
    for (const [i, text] of lines.entries()) {
      if (text.trim() === '') continue
      const line: Line = { cells: cellsOf(text), where: `${source}, line ${from + i}` }
      if (header === undefined) {
        header = headerOf(line)
        continue
      }
      const row = rowOf(line, header)
      if (row.seconds < before) fail(line, `time_s goes back, from ${before} to ${row.seconds}`)
      before = row.seconds
      rows.push(row)
    }
    count += rows.length
    yield rows
  }
  if (header === undefined) throw new Problem('AE_BAD_TRACE', `${source} is empty.`)
  if (count === 0) throw new Problem('AE_BAD_TRACE', `${source} has a header and no rows.`)
}

interface Line {
  readonly cells: readonly string[]
  /** The place in the file. */
  readonly where: string
}

interface Header {
  readonly length: number
  readonly at: Readonly<Partial<Record<Column, number>>>
}

function fail({ where }: Pick<Line, 'where'>, what: string): never {
  throw new Problem('AE_BAD_TRACE', `${where}: ${what}.`)
}

function headerOf(line: Line): Header {
  const at: Partial<Record<Column, number>> = {}
  for (const [i, cell] of line.cells.entries()) {
    const column = COLUMNS.find((name) => name === cell)
    if (column === undefined) continue
    if (at[column] !== undefined) fail(line, `the column ${column} is there twice`)
    at[column] = i
  }
  for (const column of REQUIRED) {
    if (at[column] !== undefined) continue
    const meant = nearest(column, line.cells)
    const hint = meant === undefined ? `; the header has to name ${REQUIRED.join(' and ')}` : ''
    fail(line, `the column ${column} is missing${meant ? ` (is it ${shown(meant)}?)` : hint}`)
  }
  for (const cell of line.cells) {
    const meant = COLUMNS.find((name) => name === cell) === undefined && nearest(cell, COLUMNS)
    if (meant && at[meant as Column] === undefined) {
      fail(line, `the column ${shown(cell)} is not known, did you mean ${meant}?`)
    }
  }
  return { length: line.cells.length, at }
}

function rowOf(line: Line, { length, at }: Header): TraceRow {
  const { cells } = line
  if (cells.length !== length) {
    fail(line, `${cells.length} cell${cells.length === 1 ? '' : 's'}, the header has ${length}`)
  }
  const number = (column: Column): number | undefined => {
    const cell = cells[at[column] ?? -1] ?? ''
    if (cell === '') return undefined
    const value = NUMBER.test(cell) ? Number(cell) : Number.NaN
    if (!(value <= Number.MAX_SAFE_INTEGER)) fail(line, `${column} is no number from 0: ${shown(cell)}`)
    return value
  }
  const seconds = number('time_s') ?? fail(line, 'time_s is empty')
  if (seconds > LATEST_SECONDS) fail(line, `time_s has to be seconds: ${seconds}`)
  const limitBytes = number('limit_bytes')
  if (limitBytes === 0) fail(line, 'limit_bytes is 0; leave the cell empty when no limit was read')
  return {
    seconds,
    sample: { rssBytes: number('rss_bytes'), heapUsedBytes: number('heap_bytes'), limitBytes },
    incarnation: cells[at.incarnation ?? -1] || undefined,
  }
}

/** RFC 4180 without line breaks in cells: no number has one. */
function cellsOf(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',').map((cell) => cell.trim())
  const cells = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? []
  if (!line.endsWith(',')) cells.pop()
  return cells.map((cell) => unquoted(cell.replace(/,$/, '').trim()))
}

function unquoted(cell: string): string {
  return /^".*"$/s.test(cell) ? cell.slice(1, -1).replaceAll('""', '"').trim() : cell
}

const shown = (cell: string): string => JSON.stringify(cleanText(cell, 40))
