// Writes the pictures of docs/ui.md: the control page in Chromium, over a daemon with real processes in trouble.
//
//   npm run ui:shots [-- --dark]
import { join } from 'node:path'
import { startBrowser } from '../test/support/browser.ts'
import { startUiScene } from '../test/support/ui-scene.ts'

const folder = process.env['UI_SHOTS_TO'] ?? join(import.meta.dirname, '../docs/img')
const colorScheme = process.argv.includes('--dark') ? 'dark' : 'light'

await using scene = await startUiScene()
await using browser = await startBrowser()
await using tab = await browser.open({
  colorScheme,
  viewport: { width: 1200, height: 700 },
})
const { page } = tab
const shot = (name: string) =>
  page.screenshot({ path: join(folder, `ui-${name}.png`), animations: 'disabled' })

await page.goto(await scene.signInLink())
await page.getByText('Live', { exact: true }).waitFor()
await shot('fleet')

await page.getByRole('link', { name: 'refactor', exact: true }).click()
await page.getByRole('button', { name: 'Pause' }).click()
await page.getByLabel('Reason').fill('its memory is critical, looking into it')
await shot('dialog')
await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
await page.locator('#outcome').getByText('refactor is paused').waitFor()
await page.getByRole('button', { name: 'Resume' }).waitFor()
await shot('agent')
tab.assertClean()
