import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { type Chosen, interpolateVariables } from '../../../dashboards/model/interpolate.ts'
import { interpolateTimes, intervalsOf } from '../../../dashboards/model/intervals.ts'
import { shippedBoards } from '../../support/boards/boards.ts'
import { expressionsOf } from '../../support/boards/our-rules.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'

const HOUR_MS = 3_600_000
/** What people choose, awkward names too. */
const CHOICES: readonly (readonly [string, Chosen])[] = [
  ['all', '$__all'],
  ['one', 'planner'],
  ['two', ['planner', 'coder-1']],
  ['awkward ones', ['a.b:c@d', "it's", 'x\\y', 'plus+(one)']],
]

const boards = shippedBoards()
const cases = boards.flatMap((board) =>
  CHOICES.map(([name, chosen]) => [board.uid!, name, board, chosen] as const),
)

/** Wrapped in recording rules, promtool also checks the types: `rate(up)` is PromQL by its grammar alone. */
describeWith('promtool', 'the queries of the boards, read by promtool', ({ promtool }) => {
  function answerOf(expressions: readonly string[]): string {
    using folder = temporaryFolder()
    const rules = expressions.map((expr, at) => ({ record: `board:query:${at}`, expr }))
    const file = join(folder.path, 'boards.yml')
    writeFileSync(file, stringify({ groups: [{ name: 'boards', rules }] }))
    try {
      return execFileSync(promtool, ['check', 'rules', '--lint=none', file], {
        encoding: 'utf8',
        stdio: 'pipe',
      })
    } catch (error) {
      return String((error as { stderr: string }).stderr)
    }
  }

  it.each(cases)('%s, %s chosen', (_uid, _name, board, chosen) => {
    const variables = board.templating.list!
    const choices = Object.fromEntries(
      variables.map((one) => [one.name, { chosen: one.multi ? chosen : [chosen].flat()[0]!, options: [] }]),
    )
    const intervals = intervalsOf({ rangeMs: 6 * HOUR_MS, points: 800, scrapeMs: 15_000 })
    const expressions = expressionsOf(board).map(([, expr]) =>
      interpolateTimes(interpolateVariables(expr, variables, choices), intervals),
    )
    expect(expressions.join()).not.toContain('$')
    expect(answerOf(expressions)).toContain(`SUCCESS: ${expressions.length} rules found`)
  })

  it('a query of the wrong type is refused', () => {
    expect(answerOf(['rate(up)'])).toContain('expected type range vector')
  })
})
