import { readFileSync } from 'node:fs'
import { Agent as SecureAgent } from 'node:https'
import { stringify } from 'node:querystring'
import type Dockerode from 'dockerode'
import type { Clock } from '../clock.ts'
import { Agent } from '../http/node-http.ts'
import { isAllowed } from './allow-list.ts'
import type { PostOutcome } from './container.ts'
import { describeEndpoint, type Endpoint } from './endpoint.ts'
import { DockerFailure, saysItIsSo, toFailure } from './failure.ts'

/** Everything this product may ask of an engine. There is no other way to it. */
export interface DockerClient {
  version(): Promise<string>
  list(): Promise<readonly unknown[]>
  /** @param withinMs an own deadline of this call, when it is shorter than the client's */
  inspect(id: string, withinMs?: number): Promise<unknown>
  /** The image's own labels. */
  imageLabels(imageId: string, withinMs?: number): Promise<Readonly<Record<string, string>>>
  /** One reading without the second one that a rate would need. */
  stats(id: string): Promise<unknown>
  /** Resolves when the stream stands; `ended` is called once when it does no longer. */
  events(on: EventHandlers): Promise<void>
  /** `id` is the whole id. Fails with `no_answer` after `withinMs`: it may have been done all the same. */
  post(id: string, action: EngineAction, withinMs: number): Promise<PostOutcome>
  /** Cuts everything that is under way. */
  close(): void
}

/** What may be done to a container, as the engine calls it. */
export type EngineAction =
  | { readonly verb: 'pause' | 'unpause' }
  | { readonly verb: 'stop'; readonly query: { readonly t: number } }
  | { readonly verb: 'kill'; readonly query: { readonly signal: 'SIGTERM' | 'SIGKILL' } }
  | { readonly verb: 'update'; readonly body: Readonly<Record<string, number>> }

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
  function call<T>(
    run: (signal: AbortSignal) => Promise<T>,
    withinMs = deadlineMs,
    abort = new AbortController(),
  ): Promise<T> {
    underway.add(abort)
    return new Promise<T>((resolve, reject) => {
      const timer = clock.setTimer(withinMs, () => {
        reject(new DockerFailure('no_answer', `${where} did not answer within ${Math.round(withinMs)} ms`))
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
    inspect: (id, withinMs) =>
      call((abortSignal) => docker.getContainer(id).inspect({ abortSignal }), withinMs),
    stats: (id) => call((abortSignal) => api.getContainer(id).stats({ ...ONE_READING, abortSignal })),

    post: (id, action, withinMs) =>
      call(async (abortSignal) => {
        try {
          await send(docker.getContainer(id), action, abortSignal)
          return 'done'
        } catch (error) {
          if (saysItIsSo(error)) return 'noop'
          throw error
        }
      }, withinMs),

    async imageLabels(imageId, withinMs) {
      const image = await call(() => docker.getImage(imageId).inspect(), withinMs)
      return image.Config?.Labels ?? {}
    },

    async events(on) {
      const abort = new AbortController()
      const filters = { type: ['container'], event: EVENT_ACTIONS }
      const stream = await call((abortSignal) => api.getEvents({ filters, abortSignal }), deadlineMs, abort)
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

/** `_query` and `_body` are the library's: without them it would send the query as a body too. */
function send(
  container: Dockerode.Container,
  action: EngineAction,
  abortSignal: AbortSignal,
): Promise<unknown> {
  switch (action.verb) {
    case 'pause':
      return container.pause({ abortSignal })
    case 'unpause':
      return container.unpause({ abortSignal })
    case 'stop':
      return container.stop({ _query: action.query, _body: {}, abortSignal } as object)
    case 'kill':
      return container.kill({ _query: action.query, _body: {}, abortSignal } as object)
    case 'update':
      return container.update({ ...action.body, abortSignal })
  }
}

interface Dialled {
  readonly method?: string
  readonly path?: string
  /** Query, body or both, depending on path and method. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** The one place every request of the library passes: what is not on the list never reaches the socket. */
function guard(docker: Dockerode): void {
  const modem = docker.modem as unknown as {
    dial(options: Dialled, callback: (error: unknown, data?: unknown) => void): void
  }
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    if (isAllowed(requestOf(options))) dial(options, callback)
    else callback(new DockerFailure('failed', `${options.method} ${options.path} is not on the allow-list`))
  }
}

/** What the library will make of it: options become the query of a path with a `?`, and the body of any POST. */
function requestOf({ method, path = '', options = {} }: Dialled) {
  const { abortSignal: _, ...given } = options
  const part = (name: string) => (given[name] ?? given) as Readonly<Record<string, never>>
  const query = path.endsWith('?') ? stringify(part('_query')) : ''
  const target = `${path.replace(/\?$/, '')}${query === '' ? '' : `?${query}`}`
  return { method, target, body: method === 'POST' ? Object.keys(part('_body')) : [] }
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
