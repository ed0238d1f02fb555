import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { beforeAll, describe, expect, it } from 'vitest'
import { panelsOf, shippedBoards } from '../../support/boards/boards.ts'
import { createSchemaCheck } from '../../support/boards/schema.ts'

/** The types are read by the compiler once: seconds on a busy machine. */
const COMPILER_TIMEOUT_MS = 60_000

let check: ReturnType<typeof createSchemaCheck>
beforeAll(() => {
  check = createSchemaCheck()
}, COMPILER_TIMEOUT_MS)

const boards = shippedBoards()

it.each(boards.map((board) => [board.uid, board] as const))(
  '%s has the types of Grafana, and nothing else',
  (_, board) => {
    expect(check(board)).toEqual([])
  },
)

describe('what is not in the types is found', () => {
  const [fleet] = boards.filter(({ uid }) => uid === 'agent-exporter-fleet')
  const panel = (board: Dashboard, type: string) =>
    panelsOf(board).find((one) => one.type === type)! as unknown as Record<string, unknown>
  const field = (board: Dashboard, type: string) =>
    panel(board, type)['fieldConfig'] as { defaults: object; overrides: object[] }

  it.each<[string, (board: Dashboard) => void, RegExp]>([
    [
      'a misspelt key of the board',
      (board) => Object.assign(board, { tiitle: 'x' }),
      /"additionalProperty":"tiitle"/,
    ],
    [
      'a misspelt key of a panel',
      (board) => Object.assign(panel(board, 'stat'), { descripton: 'x' }),
      /"descripton"/,
    ],
    [
      'a misspelt key of a query',
      (board) => Object.assign((panel(board, 'stat')['targets'] as object[])[0]!, { legendFormatt: 'x' }),
      /"legendFormatt"/,
    ],
    [
      'a misspelt option',
      (board) => Object.assign(panel(board, 'stat')['options'] as object, { colourMode: 'x' }),
      /"colourMode"/,
    ],
    [
      'an option with a value that is none',
      (board) => Object.assign(panel(board, 'stat')['options'] as object, { colorMode: 'loud' }),
      /colorMode/,
    ],
    [
      'a misspelt style',
      (board) =>
        Object.assign((field(board, 'timeseries').defaults as { custom: object }).custom, { fillOpasity: 3 }),
      /"fillOpasity"/,
    ],
    [
      'a style of a panel that has none',
      (board) => Object.assign(field(board, 'stat').defaults, { custom: {} }),
      /styles of a panel that has none/,
    ],
    [
      'a misspelt property of an override',
      (board) =>
        field(board, 'table').overrides.push({
          matcher: { id: 'byName', options: 'x' },
          properties: [{ id: 'unitt', value: 's' }],
        }),
      /"unitt"/,
    ],
    [
      'a misspelt style of an override',
      (board) =>
        field(board, 'table').overrides.push({
          matcher: { id: 'byName', options: 'x' },
          properties: [{ id: 'custom.widht', value: 1 }],
        }),
      /"widht"/,
    ],
    [
      'a link of a value with an icon',
      (board) =>
        Object.assign(field(board, 'bargauge').defaults, { links: [{ title: 'x', url: '/', icon: 'x' }] }),
      /"icon"/,
    ],
    [
      'a kind of panel without a schema',
      (board) => Object.assign(panel(board, 'stat'), { type: 'graph' }),
      /no schema for graph/,
    ],
  ])('%s', (_, spoil, message) => {
    const board = structuredClone(fleet!)
    spoil(board)
    expect(check(board)).toEqual(expect.arrayContaining([expect.stringMatching(message)]))
  })
})
