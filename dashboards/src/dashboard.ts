import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type DashboardLink,
  DashboardLinkType,
  type Panel,
  type RowPanel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { annotationsFor, OWN_MARKS } from './annotations.ts'
import type { Board } from './board.ts'
import { idOf } from './identity.ts'
import { layOut } from './layout.ts'
import { UIDS } from './links.ts'
import { made, type PanelPlan } from './panels/panel.ts'
import { variablesFor } from './variables.ts'

/** On every board; the link to all of them finds them by it. */
const TAG = 'agent-exporter'
/** Panels keep what Grafana of this version writes; newer ones migrate from it. */
const PLUGIN_VERSION = '12.0.0'

/**
 * What Grafana imports: the classic model, which Grafana 10 to 13 read. Ids, places and links are set here, the SDK
 * leaves them out.
 * @throws Error when two panels have the same key
 */
export function dashboardOf(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(UIDS[board.name])
    .description(board.description)
    .tags([TAG])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: board.from, to: 'now' })
    .refresh('30s')
    .timepicker(made({ refresh_intervals: ['10s', '30s', '1m', '5m', '15m'] }))
    .variables(variablesFor(board.choice).map(made))
    .annotations([OWN_MARKS, ...annotationsFor(board.choice)].map(made))
    .links(linksFrom(board).map(made))
  const dashboard = builder.build()
  // Not by `withPanel` and `withRow`: they place panels themselves, wrongly after a collapsed row.
  dashboard.panels = panelsOf(board)
  return dashboard
}

function panelsOf(board: Board): (Panel | RowPanel)[] {
  const keys = new Set<string>()
  const idIn = (key: string): number => {
    if (keys.has(key)) throw new Error(`${board.name} has two panels ${key}`)
    keys.add(key)
    return idOf(`${board.name}/${key}`)
  }
  const panelOf = (plan: PanelPlan, gridPos: Panel['gridPos']): Panel => ({
    id: idIn(plan.key),
    ...plan.build(),
    pluginVersion: PLUGIN_VERSION,
    gridPos: gridPos!,
  })
  return layOut(board.rows).flatMap(({ heading, panels }, at) => {
    const row = board.rows[at]!
    const built = panels.map(({ panel, gridPos }) => panelOf(panel, gridPos))
    if (heading === undefined) return built
    const id = idIn(`row ${row.title}`)
    const closed = row.collapsed === true
    const head: RowPanel = {
      type: 'row',
      id,
      title: row.title!,
      collapsed: closed,
      gridPos: heading,
      panels: [],
    }
    return closed ? [{ ...head, panels: built }] : [head, ...built]
  })
}

const LINK = {
  icon: 'dashboard',
  tags: [],
  asDropdown: false,
  targetBlank: false,
  includeVars: true,
  keepTime: true,
}

/** Back to the fleet, and across to every other board, with the same choice and the same time. */
function linksFrom(board: Board): DashboardLink[] {
  const fleet = {
    ...LINK,
    title: 'Fleet',
    tooltip: 'All agents',
    type: DashboardLinkType.Link,
    url: `/d/${UIDS.fleet}`,
  }
  const all = {
    ...LINK,
    title: 'Boards',
    tooltip: '',
    type: DashboardLinkType.Dashboards,
    tags: [TAG],
    asDropdown: true,
  }
  return board.name === 'fleet' ? [all] : [fleet, all]
}
