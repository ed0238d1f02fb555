import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openLink as openInBrowser } from '../../../src/cli/open-link.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { type Browser, startBrowser } from '../../support/browser.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { describeWith } from '../../support/services.ts'
import { askLink } from '../../support/sign-in.ts'
import { ACCESS, CONTROL_TOKEN, type TestServer, testServer } from '../../unit/platform/http/support.ts'

const acted: string[] = []
const SCRIPT = `
  const given = new URLSearchParams(location.hash.slice(1)).get('proof')
  if (given) { localStorage.setItem('proof', given); history.replaceState(null, '', location.pathname) }
  document.title = 'loaded'`

/** Stands in for the control page. */
const routes: FastifyPluginAsyncTypebox = async (app) => {
  const config = { scope: 'read', subject: 'handler', format: 'page' } as const
  app.get('/ui/', { config }, async (_request, reply) =>
    reply
      .type('text/html')
      .header('content-security-policy', "default-src 'self'")
      .send('<!DOCTYPE html><h1>the page</h1><script src="/ui/page.js"></script>'),
  )
  app.get('/ui/page.js', { config: { scope: 'none' } }, async (_request, reply) =>
    reply.type('text/javascript').send(SCRIPT),
  )
  app.post('/act', { config: { scope: 'control' } }, async ({ caller }) => ({
    acted: acted.push(caller.name),
  }))
}

describeWith('chromium', 'a session in a real browser', () => {
  let server: TestServer
  let browser: Browser
  let url: string
  const heard: IncomingHttpHeaders[] = []
  /** What the agent has to say, and to hear, on a port of its own. */
  const agent = createServer((request, response) => {
    heard.push(request.headers)
    response.setHeader('content-type', 'text/html').end('<!DOCTYPE html><p>look at my work</p>')
  })
  const agentPort = () => (agent.address() as AddressInfo).port

  beforeAll(async () => {
    // Nobody may read without a session, so that every page shows whether the cookie came along.
    const access = { ...ACCESS, anonymous: { loopback: [], remote: [] } }
    server = await testServer(routes, { clock: systemClock, access })
    url = (await server.listen())[0] ?? ''
    browser = await startBrowser()
    agent.listen(0, '127.0.0.1')
    await once(agent, 'listening')
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await server?.close()
    agent.close()
  })

  const actFromPage = `(async () => {
    const headers = { 'content-type': 'application/json', 'x-agent-exporter-proof': localStorage.getItem('proof') ?? '' }
    return (await fetch('/act', { method: 'POST', headers, body: '{}' })).status
  })()`

  it('acts after the link was typed in, and the proof has left the address', async () => {
    await using tab = await browser.open()
    await tab.page.goto(await askLink(url, CONTROL_TOKEN))
    await tab.page.waitForFunction(`document.title === 'loaded'`)
    expect([await tab.page.textContent('h1'), tab.page.url()]).toEqual(['the page', `${url}/ui/`])
    expect(await tab.page.evaluate(actFromPage)).toBe(200)
    expect(acted).toEqual(['ui:control'])
    tab.assertClean()
  })

  it('begins the same way where a page of another site led here', async () => {
    await using tab = await browser.open()
    // `localhost` and `127.0.0.1` are two sites.
    await tab.page.goto(`http://localhost:${new URL(url).port}/`)
    await tab.page.evaluate(`location.href = ${JSON.stringify(await askLink(url, CONTROL_TOKEN))}`)
    await tab.page.waitForFunction(`document.title === 'loaded'`)
    expect(await tab.page.evaluate(actFromPage)).toBe(200)
    tab.assertClean()
  })

  it('begins the same way from the file that ui --open gives to the browser', async () => {
    using folder = temporaryFolder()
    await openInBrowser(await askLink(url, CONTROL_TOKEN), folder.path, { PATH: '', DISPLAY: ':0' })
    await using tab = await browser.open()
    await tab.page.goto(`file://${folder.path}/open-ui.html`)
    await tab.page.waitForFunction(`document.title === 'loaded'`)
    expect(await tab.page.evaluate(actFromPage)).toBe(200)
  })

  it('is not shown by a link of another site, and the page says how to go on', async () => {
    await using tab = await browser.open()
    await tab.page.goto(await askLink(url, CONTROL_TOKEN))
    await tab.page.waitForFunction(`document.title === 'loaded'`)
    await tab.page.goto(`http://localhost:${new URL(url).port}/`)
    await tab.page.evaluate(`location.href = '${url}/ui/?agent=a'`)
    await tab.page.waitForURL('**/ui/?agent=a')
    expect(await tab.page.textContent('code')).toBe('agent-exporter ui')
    await tab.page.click('text=Continue')
    await tab.page.waitForFunction(`document.title === 'loaded'`)
    expect(await tab.page.textContent('h1')).toBe('the page')
  })

  it('is sent to an agent on another port, who can read with it and not act', async () => {
    await using tab = await browser.open()
    await tab.page.goto(await askLink(url, CONTROL_TOKEN))
    await tab.page.waitForFunction(`document.title === 'loaded'`)
    const before = acted.length
    await tab.page.goto(`http://127.0.0.1:${agentPort()}/`)
    const cookie = heard.at(-1)?.cookie ?? ''
    expect(cookie).toMatch(/^agent-exporter-\d+=[A-Za-z0-9_-]{43}$/)

    // In the person's browser: another origin, so neither the proof nor an answer, and no acting.
    expect(await tab.page.evaluate(`localStorage.getItem('proof')`)).toBeNull()
    const tried = await tab.page.evaluate(`(async () => {
      const to = (type) => fetch('${url}/act', {
        method: 'POST', credentials: 'include', headers: { 'content-type': type }, body: '{}',
      }).then(({ status }) => status, (error) => error.name)
      return [await to('application/json'), await to('text/plain')]
    })()`)
    expect(tried).toEqual(['TypeError', 'TypeError'])

    // With a program of its own, and whatever headers it likes.
    const headers = {
      cookie,
      origin: url,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json',
    }
    const answer = await fetch(`${url}/act`, { method: 'POST', headers, body: '{}' })
    expect(await answer.json()).toMatchObject({ code: 'AE_PROOF_MISSING' })
    expect((await fetch(`${url}/ui/`, { headers: { cookie } })).status).toBe(200)
    expect(acted.length).toBe(before)
  })
})
