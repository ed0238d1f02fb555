import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'

export const FOLDER = join(import.meta.dirname, '../../../dashboards/generated')

/** The committed files, as Grafana reads them. */
export function shippedBoards(): Dashboard[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Dashboard)
}

/** A query and where it stands. */
export interface Target extends Dataquery {
  readonly panel: Panel
  readonly where: string
}

export function rowsOf(board: Dashboard): RowPanel[] {
  return (board.panels ?? []).filter((panel): panel is RowPanel => panel.type === 'row')
}

/** All panels, those of collapsed rows too. */
export function panelsOf(board: Dashboard): Panel[] {
  return (board.panels ?? []).flatMap((panel) =>
    panel.type === 'row' ? (panel as RowPanel).panels : [panel as Panel],
  )
}

export function targetsOf(board: Dashboard): Target[] {
  return panelsOf(board).flatMap((panel) =>
    (panel.targets ?? []).map((target) => {
      const query = target as Dataquery
      return { ...query, panel, where: `${panel.title} ${query.refId}` }
    }),
  )
}

/** Every text of a board, wherever it is. */
export function textsOf(json: unknown): string[] {
  if (typeof json === 'string') return [json]
  if (json === null || typeof json !== 'object') return []
  return Object.values(json).flatMap(textsOf)
}
