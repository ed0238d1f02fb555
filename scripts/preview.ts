// Draws the dashboards as generated with real answers of a real Prometheus, and takes their pictures. Not Grafana.
//
//   npm run dashboards:preview                          simulated history, pictures into docs/img
//   npm run dashboards:preview -- --board fleet --open  one board, collapsed rows opened
//   npm run dashboards:preview -- --prometheus URL [--from ISO] [--to ISO] [--scrape 15s] [--agent NAME] --out DIR
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { answerBoard, type Source } from '../dashboards/preview/board.ts'
import { startHistory } from '../dashboards/preview/history/backfill.ts'
import { GRID_WIDTH, pageOf } from '../dashboards/preview/page/page.ts'
import { boxOf } from '../dashboards/preview/place.ts'
import { shoot } from '../dashboards/preview/shot.ts'
import type { Board } from '../dashboards/src/board.ts'
import { BOARDS } from '../dashboards/src/boards.ts'
import { dashboardOf } from '../dashboards/src/dashboard.ts'
import { parseDuration } from '../src/platform/duration.ts'
import { startBrowser } from '../test/support/browser.ts'

/** What is seen without scrolling is worth a picture of its own. */
const FIRST_SCREENS: readonly string[] = ['fleet', 'agent']
const SCREEN_HEIGHT = 900
const ROOT = join(import.meta.dirname, '..')
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    prometheus: text,
    from: text,
    to: text,
    scrape: text,
    agent: text,
    board: text,
    out: { ...text, default: join(ROOT, 'docs/img') },
    open: { type: 'boolean' },
    html: { type: 'boolean' },
  },
})

await using history = values.prometheus === undefined ? await startHistory() : undefined
await using browser = await startBrowser()
mkdirSync(values.out, { recursive: true })
for (const board of BOARDS.filter(({ name }) => values.board === undefined || name === values.board)) {
  const source = sourceFor(board)
  const rows = values.open ? 'open' : 'saved'
  const answered = await answerBoard(
    dashboardOf(board),
    rows,
    source,
    ({ gridPos }) => boxOf(gridPos, GRID_WIDTH).width,
  )
  const page = pageOf(answered, source, history ? 'simulated history' : (values.prometheus ?? ''))
  const path = join(values.out, `board-${board.name}`)
  if (values.html) writeFileSync(`${path}.html`, page)
  await shoot(browser, page, `${path}.png`)
  if (FIRST_SCREENS.includes(board.name))
    await shoot(browser, page, `${path}-first-screen.png`, SCREEN_HEIGHT)
  console.log(`${path}.png`)
}

function sourceFor({ from, choice }: Board): Source {
  const lengthMs = parseDuration(from.replace('now-', ''))!
  const agent = values.agent ?? (history && 'researcher')
  const toMs = values.to === undefined ? (history?.endMs ?? Date.now()) : Date.parse(values.to)
  return {
    url: history?.url ?? values.prometheus!,
    fromMs: values.from === undefined ? toMs - lengthMs : Date.parse(values.from),
    toMs,
    scrapeMs: history?.scrapeMs ?? parseDuration(values.scrape ?? '15s')!,
    chosen: choice === 'agent' && agent !== undefined ? { agent } : {},
  }
}
