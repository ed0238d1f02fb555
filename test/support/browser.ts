import {
  type BrowserContext,
  type BrowserContextOptions,
  type Browser as Chromium,
  chromium,
  type Page,
} from 'playwright-core'
import { temporaryFolder } from './folder.ts'
import { requireService } from './services.ts'

/** A real Chromium without a window that reaches this machine only. */
export interface Browser extends AsyncDisposable {
  /** A tab of its own: no cookie, storage or cache is shared with another one. */
  open(options?: BrowserContextOptions): Promise<Tab>
}

/** One tab, and what went wrong in it. */
export interface Tab extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /**
   * Errors of the console, uncaught exceptions, refusals of the Content-Security-Policy, and requests to anywhere
   * but this machine, which are not let through. Oldest first.
   */
  readonly complaints: readonly string[]
  /** @throws Error with everything that went wrong so far. */
  assertClean(): void
}

/** For a browser that has to share two cores with a build. */
const PATIENCE_MS = 120_000

/** As root there is no sandbox; nothing is asked of the network by the browser itself. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-dev-shm-usage',
  '--disable-domain-reliability',
  '--disable-gpu',
  '--disable-sync',
  '--metrics-recording-only',
  '--no-first-run',
  '--no-proxy-server',
  // Text looks the same on every machine that has the same fonts.
  '--font-render-hinting=none',
  '--force-color-profile=srgb',
]
const LOCAL = new Set(['127.0.0.1', '[::1]', 'localhost'])
/** Of the page itself or of a file on this machine, not of a network. */
const LOCAL_SCHEMES = new Set(['about:', 'blob:', 'data:', 'file:'])

/** Starts the installed Chromium. @throws Error naming the command that brings it. */
export async function startBrowser(): Promise<Browser> {
  const home = temporaryFolder()
  const browser = await chromium.launch({
    executablePath: requireService('chromium'),
    args: ARGUMENTS,
    timeout: PATIENCE_MS,
    env: { PATH: process.env['PATH'] ?? '', HOME: home.path, LANG: 'en_GB.UTF-8', TZ: 'UTC' },
  })
  return {
    open: (options) => openTab(browser, options),
    async [Symbol.asyncDispose]() {
      await browser.close()
      home[Symbol.dispose]()
    },
  }
}

async function openTab(browser: Chromium, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'UTC',
    serviceWorkers: 'block',
    ...options,
  })
  const complaints: string[] = []
  await context.route('**/*', (route) => {
    const address = new URL(route.request().url())
    if (LOCAL_SCHEMES.has(address.protocol) || LOCAL.has(address.hostname)) return route.fallback()
    complaints.push(`asked for ${address.href}, which is not on this machine`)
    return route.abort('blockedbyclient')
  })
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`)
  })
  context.on('weberror', (error) => complaints.push(`uncaught: ${String(error.error())}`))
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  return {
    page,
    context,
    complaints,
    assertClean() {
      if (complaints.length > 0) throw new Error(complaints.join('\n'))
    },
    [Symbol.asyncDispose]: () => context.close(),
  }
}
