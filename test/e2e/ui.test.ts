import { createHash } from 'node:crypto'
import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, startBrowser, type Tab } from '../support/browser.ts'
import { eventually } from '../support/child.ts'
import { truthOf } from '../support/real-processes.ts'
import { describeWith } from '../support/services.ts'
import { BIDI_TEXT, HOSTILE_TEXT, startUiScene, type UiScene } from '../support/ui-scene.ts'

const LIMITED = 'a-token-of-somebody-who-sees-one-agent'

describeWith('chromium', 'the control page', () => {
  let scene: UiScene
  let browser: Browser

  beforeAll(async () => {
    const hashSha256 = createHash('sha256').update(LIMITED).digest('hex')
    ;[scene, browser] = await Promise.all([
      startUiScene({
        auth: { tokens: [{ name: 'one', hashSha256, scopes: ['read', 'control'], agents: ['writer'] }] },
      }),
      startBrowser(),
    ])
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await scene?.[Symbol.asyncDispose]()
  })

  const address = (path: string) => `${scene.daemon.url}${path}`
  const stateOf = (agent: string) => truthOf(scene.processes[agent]!.pid).state
  const isLive = (page: Page) => page.getByText('Live', { exact: true }).waitFor()

  async function signedIn(): Promise<Tab> {
    const tab = await browser.open()
    await tab.page.goto(await scene.signInLink())
    await isLive(tab.page)
    return tab
  }
  // biome-ignore lint/performance/useDomNodeTextContent: what a person sees is asked for, with its line ends.
  const seen = (what: Locator) => what.innerText()
  async function say(page: Page, reason: string): Promise<void> {
    await page.getByLabel('Reason, for the journal').fill(reason)
  }
  const inDialog = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name })
  const outcome = (page: Page, text: string | RegExp) => page.locator('#outcome').getByText(text).waitFor()

  it('finds the sick agent, sees why, pauses and resumes it, and reads what happened, in under six clicks', async () => {
    await using tab = await signedIn()
    const { page } = tab
    let clicks = 0
    const click = async (what: Locator) => {
      clicks++
      await what.click()
    }
    // The address no longer holds what lets this browser act.
    expect(page.url()).toBe(address('/ui/'))

    const row = page.getByRole('row', { name: 'Memory is critical' })
    await click(row.getByRole('link', { name: 'refactor' }))
    expect(await seen(page.locator('#verdict'))).toMatch(/serious.*Memory is critical: 3\d\d MiB/)
    await page.getByRole('img', { name: /^Memory over/ }).waitFor()

    await click(page.getByRole('button', { name: 'Pause' }))
    await say(page, 'looking into its memory')
    await click(inDialog(page, 'Pause'))
    await outcome(page, /^refactor is paused, verified after \d+ ms by sigstop\.$/)
    expect(stateOf('refactor')).toBe('T')
    await page.getByText(/Paused by a person for .*looking into its memory/).waitFor()

    await click(page.getByRole('button', { name: 'Resume' }))
    await say(page, 'it was a cache')
    await click(inDialog(page, 'Resume'))
    await outcome(page, /^refactor runs again, verified/)
    expect(stateOf('refactor')).not.toBe('T')

    const done = page.getByRole('region', { name: 'What was done' })
    await done.getByRole('row', { name: /done.*it was a cache/s }).waitFor()
    expect(await done.getByRole('row').allInnerTexts()).toEqual([
      expect.stringContaining('When'),
      expect.stringMatching(/done refactor runs again.*a person \(ui:control\).*it was a cache/s),
      expect.stringMatching(/done refactor is paused.*a person \(ui:control\).*looking into its memory/s),
    ])
    const happened = page.getByRole('region', { name: 'What happened' })
    await happened.getByText('refactor goes on').first().waitFor()
    expect(await seen(happened)).toMatch(/refactor goes on.*refactor is paused: looking into its memory/s)
    expect(clicks).toBeLessThan(6)
    tab.assertClean()
  })

  it('does the same without a mouse', async () => {
    await using tab = await signedIn()
    const { page } = tab
    const { keyboard } = page
    const focused = () => page.evaluate<string>('document.activeElement.textContent')
    const tabTo = (name: string) =>
      eventually(`Tab reaches ${name}`, async () => {
        await keyboard.press('Tab')
        return (await focused()) === name || undefined
      })

    await keyboard.press('/')
    await keyboard.type('tests')
    await page.getByText('1 of 9 agents').waitFor()
    await tabTo('tester')
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).not.toBe('none')
    await keyboard.press('Enter')
    await page.waitForURL('**/ui/agents/tester')
    await isLive(page)
    await tabTo('Pause')
    await keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await keyboard.type('no mouse')
    await keyboard.press('Enter')
    await outcome(page, /^tester is paused/)
    // The button that was pressed is gone; its opposite has its place.
    await eventually('the focus is on Resume', async () => (await focused()) === 'Resume' || undefined)
    expect(stateOf('tester')).toBe('T')
    await keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await keyboard.press('Escape')
    await eventually('the focus is on Resume again', async () => (await focused()) === 'Resume' || undefined)
    await keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    await keyboard.press('Enter')
    await outcome(page, /^tester runs again/)
    tab.assertClean()
  })

  it('asks again at once for whoever is quick', async () => {
    await using tab = await signedIn()
    const { page } = tab
    await page.goto(address('/ui/agents/tester'))
    await isLive(page)
    // Closed and opened in one turn: the browser tells of the first only when the second is there.
    await page.evaluate(
      "const pause = document.getElementById('do-pause-tester'); pause.click(); document.getElementById('ask').close(); pause.click()",
    )
    await say(page, 'in a hurry')
    await page.keyboard.press('Enter')
    await outcome(page, /^tester is paused/)
    await page.getByRole('button', { name: 'Resume' }).click()
    await inDialog(page, 'Resume').click()
    await outcome(page, /^tester runs again/)
    tab.assertClean()
  })

  it('can be read without JavaScript', async () => {
    await using tab = await browser.open({ javaScriptEnabled: false })
    const { page } = tab
    await page.goto(address('/ui/'))
    expect(await seen(page.getByRole('row', { name: 'refactor' }))).toMatch(/Memory is critical/)
    expect(await seen(page.locator('noscript').first())).toContain('agent-exporter pause AGENT')
    expect(await seen(page.locator('#live'))).toMatch(/^Not refreshed by itself, as of \d{4}-/)
    await page.getByRole('searchbox').fill('planning')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.getByText('1 of 9 agents').waitFor()
    await page.getByRole('link', { name: 'planner' }).click()
    await page.waitForURL('**/ui/agents/planner')
    expect(await seen(page.locator('#verdict'))).toContain('91 % of the limit of tokens')
    expect(await page.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true)
    for (const name of ['Actions', 'Crashes', 'Control']) {
      await page.getByRole('link', { name, exact: true }).click()
      await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
    }
    tab.assertClean()
  })

  it('shows what happens elsewhere at once, without losing what a person is doing', async () => {
    await using tab = await browser.open()
    const { page } = tab
    // Without its clock it refreshes at events only.
    await page.addInitScript('window.setInterval = () => 0')
    await page.goto(address('/ui/'))
    await isLive(page)
    await page.evaluate("window.same = 'page'")
    const filter = page.getByRole('searchbox')
    await filter.focus()
    const row = page.locator('#agent-writer')
    await scene.daemon.call('POST', '/api/v1/agents/writer/pause?wait=60s', { reason: 'from elsewhere' })
    await row.getByText('Paused by a person').waitFor()
    await scene.daemon.call('POST', '/api/v1/agents/writer/resume?wait=60s', {})
    await row.getByText('Paused by a person').waitFor({ state: 'detached' })
    // A sample of the time when it stood still is shown until the next one, which is no event.
    await eventually(
      'it is known to be well',
      async () => {
        await scene.daemon.call('POST', '/api/v1/agents/writer/deliverables', { type: 'code_commit' })
        return (await row.getByText('Nothing is known to be wrong.').count()) === 1 || undefined
      },
      60_000,
      1_000,
    )
    expect(await page.evaluate('window.same')).toBe('page')
    expect(await page.locator('#filter:focus').count()).toBe(1)
    tab.assertClean()
  })

  it('fits a narrow screen: only what is wider by itself scrolls sideways', async () => {
    await using tab = await signedIn()
    const { page } = tab
    await page.setViewportSize({ width: 360, height: 740 })
    for (const path of ['', 'agents/planner', 'agents/hostile', 'actions', 'crashes', 'control']) {
      await page.goto(address(`/ui/${path}`))
      await isLive(page)
      expect(await page.evaluate('document.documentElement.scrollWidth'), path).toBe(360)
    }
    await page.goto(address('/ui/'))
    const name = await page.getByRole('link', { name: 'refactor' }).boundingBox()
    expect(name?.height, 'one line').toBeLessThan(30)
    tab.assertClean()
  })

  it('says since when it is not live, and marks what it shows', async () => {
    await using tab = await browser.open()
    const { page, context } = tab
    await page.clock.install()
    await page.goto(address('/ui/agents/planner'))
    await isLive(page)
    await context.setOffline(true)
    await page.clock.fastForward(30_000)
    await page.getByText('Not live', { exact: true }).waitFor()
    expect(await page.locator('body').getAttribute('class')).toBe('stale')
    await context.setOffline(false)
    await page.clock.fastForward(10_000)
    await page.getByText(/^(Live|Refreshed)/).waitFor()
    expect(await page.locator('body').getAttribute('class')).toBe('')
  })

  it('stops everything by the kill switch, and shows the refusal of what is asked meanwhile', async () => {
    await using tab = await signedIn()
    const { page } = tab
    await page.getByRole('link', { name: 'Control', exact: true }).click()
    await page.getByRole('button', { name: 'Engage the kill switch' }).click()
    await say(page, 'everybody stop')
    await inDialog(page, 'Engage').click()
    await page.getByRole('button', { name: 'Release the kill switch' }).waitFor()
    expect(await seen(page.locator('#state'))).toMatch(/kill switch engaged.*ui:control.*everybody stop/s)

    await page.goto(address('/ui/agents/writer'))
    await page.getByRole('button', { name: 'Pause' }).click()
    await inDialog(page, 'Pause').click()
    await outcome(page, /^Refused to pause writer: .*kill/)
    expect(stateOf('writer')).not.toBe('T')

    await page.goto(address('/ui/control'))
    await page.getByRole('button', { name: 'Release the kill switch' }).click()
    await inDialog(page, 'Release').click()
    await page.getByRole('button', { name: 'Engage the kill switch' }).waitFor()
    tab.assertClean()
  })

  it('asks a person where the configuration wants one', async () => {
    await using tab = await signedIn()
    const { page } = tab
    const card = (agent: string) => page.getByRole('listitem').filter({ hasText: `To pause ${agent}` })
    await card('seeder').getByRole('button', { name: 'Reject' }).click()
    await say(page, 'it is nearly done')
    await inDialog(page, 'Reject').click()
    await outcome(page, /^Refused to pause seeder/)
    expect(stateOf('seeder')).not.toBe('T')
    await card('migrator').getByRole('button', { name: 'Approve' }).click()
    await inDialog(page, 'Approve').click()
    await outcome(page, /^migrator is paused, verified/)
    expect(stateOf('migrator')).toBe('T')
    await page.getByRole('heading', { name: 'To decide' }).waitFor({ state: 'detached' })

    // What was used before counts from 0 after a resume, and the limits may be higher then.
    await page.getByRole('link', { name: 'migrator' }).click()
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByLabel('Extra budget').fill('lots')
    await inDialog(page, 'Resume').click()
    await page.getByRole('alert').getByText('The extra budget is not valid.').waitFor()
    expect(stateOf('migrator')).toBe('T')
    await page.getByLabel('Extra budget').fill('50000')
    await inDialog(page, 'Resume').click()
    await outcome(page, /^migrator runs again/)
    await page.getByRole('row', { name: 'tokens' }).getByText('0 of 150,000').waitFor()
  })

  it('says what would come of it before it ends an agent, and asks about one that did not opt in', async () => {
    await using tab = await signedIn()
    const { page } = tab
    await page.goto(address('/ui/agents/visitor'))
    await page.getByRole('button', { name: 'Terminate' }).click()
    await page.getByText('Nothing stands in its way.', { exact: true }).waitFor()
    // Whoever asks and turns back has done nothing, and the journal says so.
    await inDialog(page, 'Cancel').click()
    const { body } = await scene.daemon.call<{ items: { trigger: string }[] }>(
      'GET',
      '/api/v1/actions?agent=visitor',
    )
    expect(body.items.map(({ trigger }) => trigger)).toEqual(['budget'])
    await page.getByRole('button', { name: 'Terminate' }).click()
    await inDialog(page, 'Terminate').click()
    await outcome(page, /^Dry run, nothing was done to visitor: the agent was only discovered/)
    await page.getByRole('button', { name: 'Terminate' }).click()
    await page.getByRole('checkbox').check()
    await inDialog(page, 'Terminate').click()
    await outcome(page, /^visitor has ended, verified/)
    await page.getByText('It has ended: nothing can be done to it any more.').waitFor()
    tab.assertClean()
  })

  it('shows a crash with its cause, its evidence and the last output as it was written', async () => {
    await using tab = await browser.open()
    const { page } = tab
    await page.goto(address('/ui/'))
    await page
      .getByRole('row', { name: 'importer' })
      .getByRole('link', { name: 'What is known of it' })
      .click()
    await page.waitForURL(`**/ui/crashes/${scene.crashId}`)
    expect(await seen(page.locator('.verdict'))).toMatch(/segfault.*SIGSEGV/s)
    expect(await seen(page.getByRole('region', { name: 'What says so' }))).toMatch(/ended by SIGSEGV/)
    const output = await seen(page.locator('pre'))
    expect(output).toContain(`reading part 7 of 12\n${HOSTILE_TEXT}\n`)
    expect(output).toContain(BIDI_TEXT.replaceAll(/[\u202e\u202c]/g, '\ufffd'))
    tab.assertClean()
  })

  it('shows what means harm as text', async () => {
    await scene.daemon.call('POST', '/api/v1/agents/hostile/pause?wait=60s', { reason: HOSTILE_TEXT })
    const { body } = await scene.daemon.call<{ items: { id: string }[] }>(
      'GET',
      '/api/v1/actions?agent=hostile',
    )
    await using tab = await signedIn()
    const { page } = tab
    const places = ['/ui/', '/ui/agents/hostile', '/ui/actions', `/ui/actions/${body.items[0]?.id}`]
    for (const path of [...places, `/ui/?q=${encodeURIComponent(HOSTILE_TEXT)}`]) {
      await page.goto(address(path))
      await isLive(page)
      expect(await page.locator('main').innerHTML(), path).toContain('&lt;img src=x onerror=')
      expect(await page.locator('img, main script').count(), path).toBe(0)
      expect(await page.title(), path).not.toBe('caught')
    }
    // Also where a script puts it: into the dialog and the outcome.
    await page.goto(address('/ui/agents/hostile'))
    await page.getByRole('button', { name: 'Resume' }).click()
    await say(page, HOSTILE_TEXT)
    await inDialog(page, 'Resume').click()
    await outcome(page, /^hostile runs again/)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).not.toBe('caught')
    tab.assertClean()
  })

  it('lets nobody act who is not signed in, and says how to', async () => {
    await using tab = await browser.open()
    const { page } = tab
    await page.goto(address('/ui/agents/planner'))
    await isLive(page)
    const pause = page.getByRole('button', { name: 'Pause' })
    expect(await pause.isDisabled()).toBe(true)
    expect(await pause.getAttribute('title')).toContain('agent-exporter ui')
    expect(await seen(page.locator('#who'))).toMatch(
      /anonymous, may read\s+To act, sign in: run agent-exporter ui/,
    )
    tab.assertClean()
  })

  it('knows in every tab who has signed out and in, and says so to whoever asks meanwhile', async () => {
    await using tab = await signedIn()
    const { page, context } = tab
    const pause = page.getByRole('button', { name: 'Pause' })
    await page.goto(address('/ui/agents/planner'))
    await isLive(page)
    await eventually('it may act', async () => (await pause.isEnabled()) || undefined)
    await pause.click()
    const other = await context.newPage()
    await other.goto(address('/ui/'))
    await isLive(other)
    await other.getByRole('button', { name: 'Sign out' }).click()
    await other.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await other.getByText('anonymous, may read').waitFor()
    await inDialog(page, 'Pause').click()
    await page.getByRole('alert').getByText('This address needs a token with the scope control.').waitFor()
    await inDialog(page, 'Cancel').click()
    await page.getByText('anonymous, may read').waitFor()
    await eventually('it may act no more', async () => (await pause.isDisabled()) || undefined)
    await other.goto(await scene.signInLink())
    await page.getByText('ui:control, may control').waitFor()
    await eventually('it may act again', async () => (await pause.isEnabled()) || undefined)
    expect(stateOf('planner')).not.toBe('T')
  })

  it('says at once of an agent that it is gone', async () => {
    await using tab = await signedIn()
    const { page } = tab
    await scene.daemon.call('POST', '/api/v1/agents', { id: 'guest' })
    await page.goto(address('/ui/agents/guest'))
    await isLive(page)
    await scene.daemon.call('DELETE', '/api/v1/agents/guest')
    await page.getByText('Not live: No such agent. There is no agent guest.').waitFor()
    expect(await page.locator('body').getAttribute('class')).toBe('stale')
  })

  it('forgets who signs out', async () => {
    await using tab = await signedIn()
    const { page } = tab
    await page.getByRole('button', { name: 'Sign out' }).click()
    await inDialog(page, 'Sign out').click()
    await page.getByText('anonymous, may read').waitFor()
    expect(await page.evaluate('localStorage.length')).toBe(0)
    await page.goto(address('/ui/agents/planner'))
    await isLive(page)
    expect(await page.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true)
    tab.assertClean()
  })

  it('shows a limited token its own agents only', async () => {
    await using tab = await browser.open({ extraHTTPHeaders: { authorization: `Bearer ${LIMITED}` } })
    const { page } = tab
    await page.goto(address('/ui/'))
    await isLive(page)
    expect(await page.locator('tbody th a').allInnerTexts()).toEqual(['writer'])
    await page.goto(address('/ui/control'))
    await isLive(page)
    expect(await page.getByRole('button', { name: 'Engage' }).isDisabled()).toBe(true)
    tab.assertClean()
    for (const path of ['/ui/agents/refactor', `/ui/crashes/${scene.crashId}`]) {
      await page.goto(address(path))
      expect(await seen(page.locator('main')), path).toMatch(/AE_(FORBIDDEN|NOT_FOUND)/)
    }
    await page.goto(address('/ui/actions'))
    expect(await seen(page.locator('main'))).not.toContain('refactor')
  })
})
