import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Chosen } from '../../../dashboards/model/interpolate.ts'
import {
  type Asker,
  type Choices,
  chosen,
  createAsker,
  requestOf,
  type Told,
  type View,
} from '../../support/boards/asking.ts'
import { everyCombination, pairwise } from '../../support/boards/combinations.ts'
import {
  FOREIGN_AGENT,
  HISTORIES,
  type History,
  ORDINARY_AGENT,
  SCRAPES,
  startHistory,
} from '../../support/boards/history.ts'
import { faultsOf, hasData, isFullOfHoles } from '../../support/boards/judging.ts'
import { BOXED } from '../../support/boards/living-agents.ts'
import type { LivingFleet } from '../../support/boards/living-fleet.ts'
import { plannedPanels } from '../../support/boards/panels.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const AXES = {
  range: [5 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR],
  width: [400, 800, 1_600],
  agent: ['one', 'two', 'all', 'awkward'],
  scrape: SCRAPES,
} as const
const AGENTS: Readonly<Record<(typeof AXES.agent)[number], Chosen>> = {
  one: ORDINARY_AGENT,
  two: [ORDINARY_AGENT, BOXED],
  all: '$__all',
  awkward: FOREIGN_AGENT,
}
/** All of them take minutes: by default so many that any two values meet. */
const COMBINATIONS = process.env['BOARDS_MATRIX'] === 'all' ? everyCombination(AXES) : pairwise(AXES)
/** Faults of so many combinations tell enough. */
const MOST_FAULTS = 10
const AT_ONCE = 4

/** Every query of every board over every kind of range, on a week of what the fleet lived. */
export function matrixCases(fleet: () => LivingFleet): void {
  let history: History
  let asker: Asker
  beforeAll(async () => {
    history = await startHistory(
      fleet(),
      plannedPanels.map(({ board }) => board),
    )
    asker = createAsker(history.prometheus.url)
  }, 120_000)
  afterAll(async () => {
    await history?.[Symbol.asyncDispose]()
  })

  const boards = [...new Set(plannedPanels.map(({ board }) => board))]
  it.each(boards.map((board) => [board.title!, board] as const))(
    '%s, however it is looked at',
    async (_, board) => {
      const faults: string[] = []
      const mine = plannedPanels.filter((one) => one.board === board)
      for (const combination of COMBINATIONS) {
        const { range, width, scrape } = combination
        const view = { from: history.to - range, to: history.to, width, scrapeMs: scrape * 1_000 }
        const choices = await choicesFor(board, view, combination)
        const found = await inTurns(mine, async ({ panel, expectation }) => {
          const told = await tell(board, panel, choices, view)
          const isThere = ['always', 'agents'].includes(expectation)
          const empty = isThere && ![...told.values()].some(hasData)
          const holes = isThere && !empty && range <= reachOf(scrape) && isFullOfHoles(panel, told)
          return [
            ...faultsOf(panel, told),
            ...(empty ? ['it is empty'] : []),
            ...(holes ? ['it is full of holes'] : []),
          ].map((fault) => `${panel.title}: ${fault}`)
        })
        const at = JSON.stringify(combination)
        faults.push(...found.flat().map((fault) => `${fault} at ${at}`))
      }
      expect(faults.slice(0, MOST_FAULTS)).toEqual([])
    },
    process.env['BOARDS_MATRIX'] === 'all' ? 1_200_000 : 240_000,
  )

  it('says what was asked', () => {
    const times = [...asker.asked.values()]
    const sum = Math.round(times.reduce((total, ms) => total + ms, 0))
    process.stdout.write(
      `${times.length} queries of ${COMBINATIONS.length} combinations on ${history.samples} samples in ${sum} ms, the slowest in ${Math.round(Math.max(...times))} ms\n`,
    )
  })

  const reachOf = (scrape: keyof typeof HISTORIES) => HISTORIES[scrape].density.at(-1)![0]

  async function choicesFor(
    board: Dashboard,
    view: View,
    { agent, scrape }: (typeof COMBINATIONS)[number],
  ): Promise<Choices> {
    const variables = board.templating.list ?? []
    const several = variables.some(({ name, multi }) => name === 'agent' && multi)
    const wanted = AGENTS[agent]
    // A choice of one: two and all are not to be had.
    const fitting = several ? wanted : wanted === '$__all' ? ORDINARY_AGENT : [wanted].flat()[0]!
    const { instance } = HISTORIES[scrape]
    return chosen(board, asker, view, { agent: fitting, instance })
  }

  async function tell(
    board: Dashboard,
    panel: Panel,
    choices: Choices,
    view: View,
  ): Promise<Map<string, Told>> {
    const told = new Map<string, Told>()
    for (const target of (panel.targets ?? []) as Dataquery[]) {
      told.set(
        target.refId!,
        await asker.ask(requestOf(panel, target, board.templating.list ?? [], choices, view)),
      )
    }
    return told
  }
}

async function inTurns<T, R>(all: readonly T[], run: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const rest = [...all.entries()]
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = rest.shift(); next !== undefined; next = rest.shift())
        results[next[0]] = await run(next[1])
    }),
  )
  return results
}
