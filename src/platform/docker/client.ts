import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type Dockerode from 'dockerode'
import type { Clock } from '../clock.ts'
import { describeEndpoint, type Endpoint } from './endpoint.ts'
import { DockerFailure, toFailure } from './failure.ts'

/** Everything this product may ask of an engine. There is no other way to it. */
export interface DockerClient {
  version(): Promise<string>
  list(): Promise<readonly unknown[]>
  inspect(id: string): Promise<unknown>
  /** The image's own labels. */
  imageLabels(imageId: string): Promise<Readonly<Record<string, string>>>
  /** One reading without the second one that a rate would need. */
  stats(id: string): Promise<unknown>
  /** Resolves when the stream stands; `ended` is called once when it does no longer. */
  events(on: EventHandlers): Promise<void>
  /** Cuts everything that is under way. */
  close(): void
}

export interface EventHandlers {
  readonly event: (raw: unknown) => void
  readonly ended: (reason: DockerFailure) => void
}

export interface DockerClientOptions {
  readonly endpoint: Endpoint
  readonly clock: Clock
  /** Every call answers within this or fails with `no_answer`. */
  readonly deadlineMs: number
}

const CONTAINER = '[A-Za-z0-9][A-Za-z0-9_.-]*'
const IMAGE = '[A-Za-z0-9][A-Za-z0-9_.:@/-]*'

/** Reading only; the list grows with the actions that need it and nowhere else. */
const ALLOWED: readonly { readonly method: string; readonly path: RegExp }[] = [
  { method: 'GET', path: /^\/version$/ },
  { method: 'GET', path: /^\/events$/ },
  { method: 'GET', path: /^\/containers\/json$/ },
  { method: 'GET', path: new RegExp(`^/containers/${CONTAINER}/(json|stats)$`) },
  { method: 'GET', path: new RegExp(`^/images/${IMAGE}/json$`) },
]

/** Whether a request is on the list. A path that climbs or carries an encoded byte is on none. */
export function isAllowed(method: string | undefined, target: string | undefined): boolean {
  const path = (target ?? '').replace(/\?.*$/s, '')
  if (path.includes('..') || path.includes('%')) return false
  return ALLOWED.some((entry) => entry.method === method && entry.path.test(path))
}

/** Events that change what we know; the rest (`exec_*` of health checks) stays on the engine. */
const EVENT_ACTIONS = [
  'create',
  'start',
  'die',
  'pause',
  'unpause',
  'destroy',
  'rename',
  'update',
  'oom',
  'kill',
]

/** An event is some hundred bytes; a line beyond this is not one. */
const LONGEST_EVENT = 1024 * 1024

const ONE_READING = { stream: false, 'one-shot': true }
const KEEP = { keepAlive: true }

/** Calls that take a signal without their published types saying so. */
interface Cancellable {
  version(options: { abortSignal: AbortSignal }): Promise<{ Version: string }>
  getEvents(options: { filters: object; abortSignal: AbortSignal }): Promise<NodeJS.ReadableStream>
  getContainer(id: string): { stats(options: object): Promise<unknown> }
}

/** Opens no connection yet. Loads the HTTP client on first use: without an engine it costs nothing. */
export async function createDockerClient(options: DockerClientOptions): Promise<DockerClient> {
  const { clock, deadlineMs, endpoint } = options
  const where = describeEndpoint(endpoint)
  const { default: Docker } = await import('dockerode')
  const agent = endpoint.kind === 'tcp' && endpoint.tls ? new SecureAgent(KEEP) : new Agent(KEEP)
  const docker = new Docker({ ...connection(endpoint), agent } as Dockerode.DockerOptions)
  guard(docker)
  const api = docker as unknown as Cancellable
  const underway = new Set<AbortController>()

  /** Runs one call under the deadline; the answer of a call that is late is dropped. */
  function call<T>(run: (signal: AbortSignal) => Promise<T>, abort = new AbortController()): Promise<T> {
    underway.add(abort)
    return new Promise<T>((resolve, reject) => {
      const timer = clock.setTimer(deadlineMs, () => {
        reject(new DockerFailure('no_answer', `${where} did not answer within ${deadlineMs} ms`))
        abort.abort()
      })
      abort.signal.addEventListener('abort', () =>
        reject(new DockerFailure('failed', 'the call was given up')),
      )
      run(abort.signal)
        .then(resolve, (error: unknown) => reject(toFailure(error, where)))
        .finally(() => {
          timer.cancel()
          underway.delete(abort)
        })
    })
  }

  return {
    version: async () => String((await call((abortSignal) => api.version({ abortSignal }))).Version),
    list: () => call((abortSignal) => docker.listContainers({ all: true, abortSignal })),
    inspect: (id) => call((abortSignal) => docker.getContainer(id).inspect({ abortSignal })),
    stats: (id) => call((abortSignal) => api.getContainer(id).stats({ ...ONE_READING, abortSignal })),

    async imageLabels(imageId) {
      const image = await call(() => docker.getImage(imageId).inspect())
      return image.Config?.Labels ?? {}
    },

    async events(on) {
      const abort = new AbortController()
      const filters = { type: ['container'], event: EVENT_ACTIONS }
      const stream = await call((abortSignal) => api.getEvents({ filters, abortSignal }), abort)
      underway.add(abort)
      readLines(stream, on.event, (error) => {
        underway.delete(abort)
        abort.abort()
        on.ended(
          error === undefined
            ? new DockerFailure('failed', `${where} closed its event stream`)
            : toFailure(error, where),
        )
      })
    },

    close() {
      for (const abort of [...underway]) abort.abort()
      underway.clear()
      agent.destroy()
    },
  }
}

function connection(endpoint: Endpoint): Dockerode.DockerOptions {
  // Given keys win over DOCKER_HOST and DOCKER_CLIENT_TIMEOUT, which the library would read by itself.
  if (endpoint.kind === 'socket') {
    return {
      socketPath: endpoint.path,
      host: undefined,
      timeout: undefined,
      protocol: 'http',
    } as Dockerode.DockerOptions
  }
  const { host, port, tls } = endpoint
  if (tls === undefined) return { host, port, protocol: 'http' }
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map(certificate)
  return { host, port, protocol: 'https', ca, cert, key } as Dockerode.DockerOptions
}

function certificate(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new DockerFailure('failed', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`)
  }
}

/** The one place every request of the library passes: what is not on the list never reaches the socket. */
function guard(docker: Dockerode): void {
  const modem = docker.modem as unknown as {
    dial(
      options: { method?: string; path?: string },
      callback: (error: unknown, data?: unknown) => void,
    ): void
  }
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    if (isAllowed(options.method, options.path)) dial(options, callback)
    else callback(new DockerFailure('failed', `${options.method} ${options.path} is not on the allow-list`))
  }
}

function readLines(
  stream: NodeJS.ReadableStream,
  onLine: (value: unknown) => void,
  onEnd: (error: unknown) => void,
): void {
  let rest = ''
  let ended = false
  const end = (error: unknown): void => {
    if (ended) return
    ended = true
    onEnd(error)
  }
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.trim() === '') continue
      try {
        onLine(JSON.parse(line))
      } catch {
        end(new DockerFailure('failed', 'the event stream is not JSON'))
      }
    }
    if (rest.length > LONGEST_EVENT) end(new DockerFailure('failed', 'the event stream has no line ends'))
  })
  stream.on('end', () => end(undefined))
  stream.on('close', () => end(undefined))
  stream.on('error', end)
}
