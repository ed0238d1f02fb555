import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, startBrowser } from '../../support/browser.ts'
import { describeWith } from '../../support/services.ts'

describeWith('chromium', 'the browser of the tests', () => {
  let browser: Browser
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html')
    if (request.url === '/policy') response.setHeader('content-security-policy', "default-src 'none'")
    const body = {
      '/': '<h1>Here</h1>',
      '/abroad': '<h1>Here</h1><img src="http://192.0.2.1/a.png">',
      '/policy': '<h1>Here</h1><script>document.title = "ran"</script>',
      '/throws': '<h1>Here</h1><script>throw new Error("broken")</script>',
    }[request.url ?? '']
    response.statusCode = body === undefined ? 404 : 200
    // Without this the browser asks for a picture of the site.
    response.end(`<link rel="icon" href="data:,">${body ?? ''}`)
  })
  const address = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    server.close()
  })

  it('shows a page of this machine and complains of nothing', async () => {
    await using tab = await browser.open()
    await tab.page.goto(address('/'))
    expect(await tab.page.textContent('h1')).toBe('Here')
    tab.assertClean()
  })

  it.each([
    ['/abroad', /192\.0\.2\.1/],
    ['/policy', /Content Security Policy/],
    ['/throws', /uncaught: Error: broken/],
  ])('tells what went wrong on %s', async (path, expected) => {
    await using tab = await browser.open()
    await tab.page.goto(address(path))
    await expect.poll(() => tab.complaints.join('\n'), { timeout: 30_000 }).toMatch(expected)
    expect(() => tab.assertClean()).toThrow(expected)
  })
})
