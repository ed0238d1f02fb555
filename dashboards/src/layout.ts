import type { GridPos } from '@grafana/grafana-foundation-sdk/dashboard'

const COLUMNS = 24
/** A row's heading is one unit high. */
const HEADING = 1

interface Size {
  readonly width: number
  readonly height: number
}

export interface PlacedRow<P> {
  readonly heading: GridPos | undefined
  readonly panels: readonly { readonly panel: P; readonly gridPos: GridPos }[]
}

/**
 * Sets panels side by side until 24 columns are full, line by line, row under row. The panels of a line must be equally
 * high and fill it. Of a collapsed row only the heading takes room; its panels stand where they will when it is opened.
 * @throws RangeError when a line does not add up
 */
export function layOut<P extends Size>(
  rows: readonly { readonly title?: string; readonly collapsed?: true; readonly panels: readonly P[] }[],
): PlacedRow<P>[] {
  let y = 0
  return rows.map(({ title, collapsed, panels }) => {
    const heading = title === undefined ? undefined : { h: HEADING, w: COLUMNS, x: 0, y }
    if (heading !== undefined) y += HEADING
    const top = y
    const placed = linesOf(panels).flatMap((line) => {
      const gridPos = line.map(({ width, height }, at) => ({
        h: height,
        w: width,
        x: line.slice(0, at).reduce((sum, before) => sum + before.width, 0),
        y,
      }))
      y += line[0]!.height
      return line.map((panel, at) => ({ panel, gridPos: gridPos[at]! }))
    })
    if (collapsed) y = top
    return { heading, panels: placed }
  })
}

function linesOf<P extends Size>(panels: readonly P[]): P[][] {
  const lines: P[][] = []
  let room = 0
  for (const panel of panels) {
    if (room === 0) {
      lines.push([])
      room = COLUMNS
    }
    const line = lines.at(-1)!
    if (panel.width > room) throw new RangeError(`a line has ${COLUMNS - room + panel.width} columns`)
    if (line[0] !== undefined && line[0].height !== panel.height)
      throw new RangeError('a line has two heights')
    line.push(panel)
    room -= panel.width
  }
  if (room > 0) throw new RangeError(`the last line has ${COLUMNS - room} columns`)
  return lines
}
