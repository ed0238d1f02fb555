import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { ACCEPT, type Format } from './accept-proxy.ts'
import { type Child, type Ended, eventually, freePort, startChild } from './child.ts'
import { temporaryFolder } from './folder.ts'

const ROOT = join(import.meta.dirname, '../..')
/** DESIGN: SIGTERM drains in at most five seconds. */
export const STOPS_WITHIN_MS = 5_000
export const BIN = join(ROOT, 'bin/agent-exporter.js')

/** The daemon a test has started: the built program on a free loopback port with a data directory of its own. */
export interface Daemon extends AsyncDisposable {
  readonly child: Child
  readonly pid: number
  /** host:port */
  readonly address: string
  readonly url: string
  readonly dataDir: string
  /** One scrape. Throws unless the answer is 200. */
  scrape(format?: Format, query?: string): Promise<string>
  get(path: string, init?: RequestInit): Promise<Response>
  /** SIGTERM, then the end; the data directory stays until the daemon is disposed of. */
  stop(): Promise<Ended & { readonly tookMs: number }>
}

export interface DaemonOptions {
  /** host:port; of one that was there before. */
  readonly address?: string
  /** One of its own when left out. */
  readonly dataDir?: string
  /** Content of the configuration file; none is given when left out. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** The Node.js binary; this one by default. */
  readonly node?: string
  readonly nodeArgs?: readonly string[]
}

/** Starts the daemon from `dist/` and waits until it is ready. The caller's own AGENT_EXPORTER_ variables are not handed on. */
export async function startDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const folder = temporaryFolder()
  const dataDir = options.dataDir ?? join(folder.path, 'data')
  const address = options.address ?? `127.0.0.1:${await freePort()}`
  const url = `http://${address}`
  const args = [`--web.listen-address=${address}`, `--data.dir=${dataDir}`, ...(options.args ?? [])]
  if (options.config !== undefined) {
    const file = join(folder.path, 'config.yaml')
    writeFileSync(file, stringify(options.config))
    args.push(`--config.file=${file}`)
  }
  const child = await startChild(
    options.node ?? process.execPath,
    [...(options.nodeArgs ?? []), BIN, 'serve', ...args],
    { cwd: folder.path, env: { ...cleanEnvironment(), XDG_CONFIG_HOME: folder.path, ...options.env } },
  )
  const dispose = async () => {
    await child.stop()
    folder[Symbol.dispose]()
  }
  try {
    await eventually('the daemon is ready', async () => {
      if (child.ended) return true
      return (await fetch(`${url}/-/ready`)).ok || undefined
    })
    if (child.ended) throw new Error(`the daemon ended at once (${JSON.stringify(child.ended)})`)
  } catch (error) {
    await dispose()
    throw new Error(`${String(error)}\n${child.output()}`, { cause: error })
  }
  const get = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init)
  return {
    child,
    pid: child.pid,
    address,
    url,
    dataDir,
    get,
    async scrape(format = 'openmetrics', query = '') {
      const answer = await get(`/metrics${query}`, { headers: { accept: ACCEPT[format] } })
      const text = await answer.text()
      if (answer.status !== 200) throw new Error(`GET /metrics answered ${answer.status}: ${text}`)
      return text
    },
    stop: () => child.stop(),
    [Symbol.asyncDispose]: dispose,
  }
}

/** This environment without what would change the daemon's mind. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('AGENT_EXPORTER') && name !== 'NODE_OPTIONS' && name !== 'VITEST',
  )
  return Object.fromEntries(kept)
}
