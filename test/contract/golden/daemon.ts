import { join } from 'node:path'
import type { Shape } from '../../../scripts/fixture-trees/tree.ts'
import { type App, createApp } from '../../../src/app.ts'
import { createConfigHolder } from '../../../src/config/holder.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { silentLog } from '../../../src/platform/log.ts'
import type { Settings } from '../../../src/settings.ts'
import { ACCEPT } from '../../support/accept-proxy.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { type FakeDocker, type Recording, startFakeDocker } from '../../support/fake-docker.ts'
import { temporaryFolder } from '../../support/folder.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures')

/** The fixture hosts booted at 2026-01-01 00:00 and have been up for a day. */
const NOW = Date.UTC(2026, 0, 2)
/** 40 GB with a quarter left. */
const SPACE = { bsize: 4096, blocks: 10_000_000, bavail: 2_500_000 }

/** The whole daemon on the files of a fixture host, with time standing still. */
export interface GoldenDaemon extends AsyncDisposable {
  readonly app: App
  readonly engine: FakeDocker
  readonly url: string
  scrape(format: 'text' | 'openmetrics', query?: string): Promise<string>
}

export interface GoldenOptions {
  readonly config?: string
  readonly settings?: Partial<Settings>
  readonly recording?: Recording
}

export async function startGoldenDaemon(shape: Shape, options: GoldenOptions = {}): Promise<GoldenDaemon> {
  const engine = await startFakeDocker(options.recording)
  const folder = temporaryFolder()
  const app = createApp({
    ...goldenSettings(shape, folder.path, engine, options.config),
    ...options.settings,
  })
  await app.start()
  const url = app.summary().urls[0]!.replace(/\/$/, '')
  return {
    app,
    engine,
    url,
    async scrape(format, query = '') {
      const answer = await fetch(`${url}/metrics${query}`, { headers: { accept: ACCEPT[format] } })
      if (answer.status !== 200) throw new Error(`GET /metrics answered ${answer.status}`)
      return await answer.text()
    },
    async [Symbol.asyncDispose]() {
      await app.stop()
      await engine[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

export function goldenSettings(
  shape: Shape,
  dataDir: string,
  engine: Pick<FakeDocker, 'host'>,
  yaml = '',
): Settings {
  const clock = fakeClock(NOW)
  const load = () => ({ config: parseConfig('golden', yaml, {}), file: undefined })
  return {
    config: createConfigHolder(load(), load, clock.now),
    clock,
    log: silentLog,
    dataDir: join(dataDir, 'data'),
    listenAddresses: ['127.0.0.1:0'],
    webConfigFile: undefined,
    maxRequests: 40,
    procRoot: join(FIXTURES, 'trees', shape, 'proc'),
    cgroupRoot: join(FIXTURES, 'trees', shape, 'cgroup'),
    processReader: 'proc',
    disabledCollectors: [],
    environment: { DOCKER_HOST: engine.host },
    statfs: async () => SPACE,
  }
}
