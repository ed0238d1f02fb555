import { beforeAll, expect, it } from 'vitest'
import { answerBoard, type Source } from '../../../dashboards/preview/board.ts'
import { type HistoryServer, startHistory } from '../../../dashboards/preview/history/backfill.ts'
import { GRID_WIDTH, PAGE_WIDTH, pageOf } from '../../../dashboards/preview/page/page.ts'
import { boxOf } from '../../../dashboards/preview/place.ts'
import { BOARDS } from '../../../dashboards/src/boards.ts'
import { dashboardOf } from '../../../dashboards/src/dashboard.ts'
import { type Browser, startBrowser } from '../../support/browser.ts'
import { describeWith } from '../../support/services.ts'

const HOUR_MS = 3_600_000
/** What is well in this history: the text for "no value" is the right thing to see. */
const EMPTY: readonly string[] = ['agent: Paused for', 'agent: Context switches']

/** What a panel looks like in the page. */
interface Seen {
  readonly title: string
  readonly shows: string
  /** Texts that are cut off at the right. */
  readonly cut: readonly string[]
  /** Whether it is drawn on. */
  readonly isDrawn: boolean
}

describeWith(['prometheus', 'promtool', 'chromium'], 'the preview of the boards', () => {
  let history: HistoryServer
  let browser: Browser
  beforeAll(async () => {
    history = await startHistory()
    browser = await startBrowser()
    return async () => {
      await browser[Symbol.asyncDispose]()
      await history[Symbol.asyncDispose]()
    }
  })

  it.each(BOARDS.map((board) => [board.name, board] as const))('draws all of %s', async (name, board) => {
    const source: Source = {
      url: history.url,
      fromMs: history.endMs - 6 * HOUR_MS,
      toMs: history.endMs,
      scrapeMs: history.scrapeMs,
      chosen: board.choice === 'agent' ? { agent: 'researcher' } : {},
    }
    const answered = await answerBoard(
      dashboardOf(board),
      'open',
      source,
      ({ gridPos }) => boxOf(gridPos, GRID_WIDTH).width,
    )
    await using tab = await browser.open({ viewport: { width: PAGE_WIDTH, height: 900 } })
    await tab.page.setContent(pageOf(answered, source, 'simulated history'))
    // With its ellipsis a text that is cut ends where its room ends.
    await tab.page.addStyleTag({ content: '* { text-overflow: clip !important }' })
    const panels: readonly Seen[] = await tab.page.$$eval('.panel', (sections) =>
      sections.map((section) => {
        const TEXTS = 'h3 span, th, td, .number-cell, .bar-name, .bar-value, .lane-name, .legend .name'
        const edge = section.getBoundingClientRect().right
        const texts = [...section.querySelectorAll(TEXTS)]
        const plots = [...section.querySelectorAll('.plot')]
        return {
          title: section.dataset['title'] ?? '',
          shows: section.dataset['shows'] ?? '',
          cut: texts
            .filter((text) => {
              const range = section.ownerDocument.createRange()
              range.selectNodeContents(text)
              const padding = Number.parseFloat(
                text.ownerDocument.defaultView.getComputedStyle(text).paddingRight,
              )
              const room = Math.min(edge, text.getBoundingClientRect().right - padding)
              return range.getBoundingClientRect().right > room + 0.5
            })
            .map((text) => text.textContent ?? ''),
          isDrawn: plots.every((plot) => plot.querySelector('canvas') !== null),
        }
      }),
    )
    tab.assertClean()
    expect(panels).toHaveLength(answered.panels.size)
    expect(panels.filter(({ shows }) => shows === 'error')).toEqual([])
    const empty = panels.filter(({ shows }) => shows === 'nothing').map(({ title }) => `${name}: ${title}`)
    expect(empty.filter((panel) => !EMPTY.includes(panel))).toEqual([])
    expect(panels.filter(({ isDrawn }) => !isDrawn)).toEqual([])
    expect(panels.flatMap(({ title, cut }) => cut.map((text) => `${title}: ${text}`))).toEqual([])
  })
})
