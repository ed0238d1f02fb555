import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { eventually } from './child.ts'
import { cleanEnvironment, type Daemon, type DaemonOptions, startDaemon } from './daemon.ts'
import { temporaryFolder } from './folder.ts'

/** How a life ended, as `GET /api/v1/agents/{id}` tells it. */
export interface LastEnd {
  readonly incarnation: string
  readonly reason: string
  readonly cause: string | null
  readonly confidence: 'low' | 'medium' | 'high'
  readonly summary: string
  readonly exitCode: number | null
  readonly signal: string | null
}

/** One crash, as `GET /api/monitoring/crashes` tells it. */
export interface ToldCrash {
  readonly id: string
  readonly agentName: string
  readonly cause: string
  readonly confidence: 'low' | 'medium' | 'high'
  readonly witness: string
  readonly lives: boolean
  readonly occurrences: number
  readonly recommendations: readonly string[]
  readonly evidence: readonly { readonly source: string; readonly says: string }[]
}

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** A daemon that acts on whom it may, beside whatever else runs on this host, and what it tells of ends. */
export interface DeathDaemon extends AsyncDisposable {
  readonly daemon: Daemon
  /** For `agent-exporter run`. */
  readonly env: NodeJS.ProcessEnv
  /** With the control token unless told otherwise; `null` is nobody's. */
  ask(method: string, path: string, body?: object, token?: string | null): Promise<Answer>
  /** Undefined while nobody knows it. */
  agent(id: string): Promise<Record<string, unknown> | undefined>
  lastEnd(id: string): Promise<LastEnd | undefined>
  crashes(id?: string): Promise<readonly ToldCrash[]>
  /** The next `agent.crashed` of the agent on the event stream, with our monotonic clock when it arrived. */
  nextCrash(id: string, withinMs: number): Promise<{ readonly atMs: number } | undefined>
  /** One series of a scrape, 0 when it is not there. */
  series(name: string, labels: Readonly<Record<string, string>>): Promise<number>
}

export interface DeathDaemonOptions {
  readonly dockerHost?: string
  /** As if this host's kernel log could not be read. */
  readonly kernelLog?: 'hidden'
  readonly config?: Readonly<Record<string, unknown>>
  readonly dataDir?: string
  /** Instead of `config`. */
  readonly configFile?: string
}

export async function startDeathDaemon(options: DeathDaemonOptions = {}): Promise<DeathDaemon> {
  const hidden = options.kernelLog === undefined ? undefined : await hideKernelLog()
  const daemon = await startDaemon({
    ...(options.configFile === undefined
      ? { config: { control: { lock: randomUUID(), maxFleetShare: 1, grace: '1s' }, ...options.config } }
      : { args: [`--config.file=${options.configFile}`] }),
    env: { DOCKER_HOST: options.dockerHost ?? 'unix:///nowhere' },
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    ...hidden?.start,
  })
  const token = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()

  const ask: DeathDaemon['ask'] = async (method, path, body, bearer = token) => {
    const answer = await daemon.get(path, {
      method,
      headers: {
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
  }
  const agent = async (id: string) => {
    const { status, body } = await ask('GET', `/api/v1/agents/${id}`)
    return status === 200 ? body : undefined
  }
  const stream = followCrashes(daemon, token)

  return {
    ...{ daemon, ask, agent, nextCrash: stream.next },
    env: { ...cleanEnvironment(), AGENT_EXPORTER_URL: daemon.url, AGENT_EXPORTER_DATA_DIR: daemon.dataDir },
    lastEnd: async (id) => (await agent(id))?.['lastEnd'] as LastEnd | undefined,
    async crashes(id) {
      const { body } = await ask(
        'GET',
        `/api/monitoring/crashes?limit=1000${id === undefined ? '' : `&agentName=${id}`}`,
      )
      return body['crashes'] as readonly ToldCrash[]
    },
    async series(name, labels) {
      const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
      const line = (await daemon.scrape())
        .split('\n')
        .find((one) => one.startsWith(`${name}{`) && wanted.every((label) => one.includes(label)))
      return Number(line?.split(' ').at(-1) ?? 0)
    },
    async [Symbol.asyncDispose]() {
      stream.close()
      await daemon[Symbol.asyncDispose]()
      hidden?.[Symbol.dispose]()
    },
  }
}

/** Listens to the event stream from the start, so that nothing is missed. */
function followCrashes(daemon: Daemon, token: string) {
  const seen = new Map<string, number[]>()
  const over = new AbortController()
  async function follow(): Promise<void> {
    const answer = await daemon.get('/api/v1/events/stream?types=agent.crashed', {
      headers: { authorization: `Bearer ${token}` },
      signal: over.signal,
    })
    let text = ''
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(piece)
      const lines = text.split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        if (!line.startsWith('data:')) continue
        const { agent } = JSON.parse(line.slice(5)) as { agent: string }
        seen.set(agent, [...(seen.get(agent) ?? []), performance.now()])
      }
    }
  }
  follow().catch(() => {})
  return {
    async next(agent: string, withinMs: number) {
      const before = seen.get(agent)?.length ?? 0
      const until = performance.now() + withinMs
      while (performance.now() < until) {
        const atMs = seen.get(agent)?.[before]
        if (atMs !== undefined) return { atMs }
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return undefined
    },
    close: () => over.abort(),
  }
}

/** Puts a socket where the kernel's log is, in a mount namespace of the daemon's own: it cannot be opened (ENXIO). */
async function hideKernelLog() {
  const folder = temporaryFolder()
  const path = join(folder.path, 'no-log')
  const server = createServer().listen(path)
  await eventually('the socket is there', () => server.listening || undefined)
  const script = 'mount --bind "$0" /dev/kmsg && exec "$@"'
  const start: Pick<DaemonOptions, 'node' | 'nodeArgs'> = {
    node: '/usr/bin/unshare',
    nodeArgs: ['--mount', 'sh', '-c', script, path, process.execPath],
  }
  return {
    start,
    [Symbol.dispose]() {
      server.close()
      folder[Symbol.dispose]()
    },
  }
}
