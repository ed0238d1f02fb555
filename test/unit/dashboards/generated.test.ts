import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, it } from 'vitest'
import { BOARDS } from '../../../dashboards/src/boards.ts'
import { dashboardOf } from '../../../dashboards/src/dashboard.ts'
import { generatedDashboards } from '../../../dashboards/src/generated.ts'
import { UIDS } from '../../../dashboards/src/links.ts'
import { unusedDocument } from '../../../dashboards/src/unused.ts'
import { FOLDER, panelsOf, rowsOf } from '../../support/boards/boards.ts'

const generated = generatedDashboards()

it.each(Object.keys(generated))('%s is what npm run dashboards writes', (path) => {
  expect(readFileSync(join(FOLDER, basename(path)), 'utf8')).toBe(generated[path])
})

it('unused.md is what npm run dashboards writes', () => {
  expect(readFileSync(join(FOLDER, '../unused.md'), 'utf8')).toBe(unusedDocument())
})

it('nothing else is there, and every board is written', () => {
  expect(readdirSync(FOLDER).filter((name) => name.endsWith('.json'))).toEqual(
    Object.keys(generated)
      .map((path) => basename(path))
      .sort(),
  )
  expect(BOARDS.map(({ name }) => name).sort()).toEqual(Object.keys(UIDS).sort())
})

it('they are the same every time', () => {
  expect(generatedDashboards()).toEqual(generated)
})

it('ids stay when rows and panels change places', () => {
  const idsOf = (dashboard: ReturnType<typeof dashboardOf>) =>
    [...panelsOf(dashboard), ...rowsOf(dashboard)].map(({ id, title }) => `${title} ${id}`).sort()
  for (const board of BOARDS) {
    const [first, ...rest] = board.rows
    const turned = dashboardOf({ ...board, rows: [first!, ...rest.toReversed()] })
    expect(idsOf(turned)).toEqual(idsOf(dashboardOf(board)))
  }
})
