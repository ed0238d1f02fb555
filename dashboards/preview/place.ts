import type { Dashboard, GridPos, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'

/** In pixels. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** Grafana's: GRID_CELL_HEIGHT, GRID_CELL_VMARGIN, GRID_COLUMN_COUNT. */
const CELL_HEIGHT = 30
const GAP = 8
const COLUMNS = 24

export function boxOf({ x, y, w, h }: GridPos, width: number): Box {
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS
  return {
    left: Math.round(x * (column + GAP)),
    top: y * (CELL_HEIGHT + GAP),
    width: Math.round(w * column + (w - 1) * GAP),
    height: h * CELL_HEIGHT + (h - 1) * GAP,
  }
}

/** Something to draw and where. A row has only its heading. */
export type Placed =
  | { readonly kind: 'row'; readonly row: RowPanel; readonly gridPos: GridPos }
  | { readonly kind: 'panel'; readonly panel: Panel; readonly gridPos: GridPos }

/**
 * Panels and headings where Grafana puts them.
 * @param rows `saved`: collapsed ones as lines; `open`: all opened, what follows moves down
 */
export function placesOf(board: Dashboard, rows: 'saved' | 'open'): Placed[] {
  let shift = 0
  return (board.panels ?? []).flatMap((one): Placed[] => {
    const down = (gridPos: GridPos | undefined): GridPos => ({ ...gridPos!, y: gridPos!.y + shift })
    if (one.type !== 'row') return [{ kind: 'panel', panel: one as Panel, gridPos: down(one.gridPos) }]
    const row = one as RowPanel
    const head: Placed = { kind: 'row', row, gridPos: down(row.gridPos) }
    if (rows === 'saved' || !row.collapsed) return [head]
    const below = row.panels.map((panel): Placed => ({ kind: 'panel', panel, gridPos: down(panel.gridPos) }))
    const top = head.gridPos.y + head.gridPos.h
    shift += Math.max(0, ...below.map(({ gridPos }) => gridPos.y + gridPos.h - top))
    return [{ ...head, row: { ...row, collapsed: false } }, ...below]
  })
}

/** How high all of them together are, in pixels. */
export function heightOf(places: readonly Placed[], width: number): number {
  return Math.max(0, ...places.map(({ gridPos }) => boxOf(gridPos, width)).map((box) => box.top + box.height))
}
