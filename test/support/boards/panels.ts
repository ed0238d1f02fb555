import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { BOARDS } from '../../../dashboards/src/boards.ts'
import type { Expectation } from '../../../dashboards/src/expectations.ts'
import { idOf } from '../../../dashboards/src/identity.ts'
import { UIDS } from '../../../dashboards/src/links.ts'
import { panelsOf, shippedBoards } from './boards.ts'

/** A panel as it is shipped, and when it says that it shows data. */
export interface PlannedPanel {
  readonly name: string
  readonly board: Dashboard
  readonly panel: Panel
  readonly expectation: Expectation
}

/** What annotations wait for, by their names. */
const OF_ANNOTATIONS: Readonly<Record<string, Expectation>> = {
  Alerts: 'alerts',
  Actions: 'actions',
  Paused: 'paused',
}

/** Every panel of every board; annotations too, as panels with one query. */
export const plannedPanels: readonly PlannedPanel[] = (() => {
  const boards = shippedBoards()
  return BOARDS.flatMap((plan) => {
    const board = boards.find(({ uid }) => uid === UIDS[plan.name])!
    const panels = plan.rows.flatMap((row) =>
      row.panels.map(({ key, expect }): PlannedPanel => {
        const panel = panelsOf(board).find(({ id }) => id === idOf(`${plan.name}/${key}`))!
        return { name: `${plan.name}: ${panel.title}`, board, panel, expectation: expect }
      }),
    )
    const annotations = (board.annotations.list ?? []).flatMap(({ name, expr, step }): PlannedPanel[] => {
      if (expr === undefined) return []
      const targets = [{ refId: 'A', expr, range: true, _implementsDataqueryVariant: () => {} }]
      const panel = { type: 'timeseries', title: name, interval: step as string, targets } as unknown as Panel
      const title = `${plan.name}: annotation ${name}`
      return [{ name: title, board, panel, expectation: OF_ANNOTATIONS[name]! }]
    })
    return [...panels, ...annotations]
  })
})()
