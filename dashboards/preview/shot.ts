import { writeFileSync } from 'node:fs'
import type { Browser } from '../../test/support/browser.ts'
import { PAGE_WIDTH } from './page/page.ts'
import { withPalette } from './png.ts'

/** A picture of a page that was written. @param height pixels from the top; the whole page when left out */
export async function shoot(browser: Browser, page: string, to: string, height?: number): Promise<void> {
  const viewport = { width: PAGE_WIDTH, height: height ?? 900 }
  await using tab = await browser.open({ viewport })
  await tab.page.setContent(page)
  const picture = await tab.page.screenshot({ fullPage: height === undefined })
  tab.assertClean()
  writeFileSync(to, withPalette(picture))
}
