import type { Board } from './board.ts'
import { BOARDS } from './boards.ts'
import { dashboardOf } from './dashboard.ts'
import { UIDS } from './links.ts'

/** The text of every generated file by its path in the repository. */
export function generatedDashboards(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    BOARDS.map((board) => [`dashboards/generated/${UIDS[board.name]}.json`, jsonOf(board)]),
  )
}

function jsonOf(board: Board): string {
  return `${JSON.stringify(dashboardOf(board), null, 2)}\n`
}
