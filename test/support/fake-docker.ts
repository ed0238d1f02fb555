import { readFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { temporaryFolder } from './folder.ts'

/** An engine of recorded answers on a socket of its own. */
export interface FakeDocker extends AsyncDisposable {
  readonly socketPath: string
  /** `DOCKER_HOST` for whoever shall talk to this engine and to no other. */
  readonly host: string
  /** Method and path of every request, in order, without the query. */
  readonly requests: readonly string[]
  /** Sends one event to everybody who listens. */
  emit(event: object): void
}

/** What the engine answers, as JSON. Recorded from Engine 20.10 and cut down by nothing. */
export interface Recording {
  readonly version: object
  readonly list: readonly { readonly Id: string; readonly ImageID: string }[]
  /** By container id. */
  readonly inspect: Readonly<Record<string, object>>
  /** By image id. */
  readonly image: Readonly<Record<string, object>>
}

const RECORDED = join(import.meta.dirname, '../fixtures/golden/engine')

/** One running container with agent labels and one without any; only the first was inspected. */
export function recordedEngine(): Recording {
  const read = (name: string) => JSON.parse(readFileSync(join(RECORDED, `${name}.json`), 'utf8'))
  const list = read('list') as Recording['list']
  const { Id, ImageID } = list[0]!
  return {
    version: read('version'),
    list,
    inspect: { [Id]: read('inspect') },
    image: { [ImageID]: read('image') },
  }
}

/** Starts the engine. Whatever it has no recording of is answered as the real one does: 404 with a message. */
export async function startFakeDocker(recording: Recording = recordedEngine()): Promise<FakeDocker> {
  const folder = temporaryFolder('fake-docker-')
  const socketPath = join(folder.path, 'docker.sock')
  const requests: string[] = []
  const streams = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://docker')
    requests.push(`${request.method} ${pathname}`)
    if (pathname === '/_ping') {
      response.end('OK')
      return
    }
    if (pathname === '/events') {
      streams.add(response)
      response.once('close', () => streams.delete(response))
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      return
    }
    const found = answerTo(recording, pathname)
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? { message: `no recording of ${pathname}` }))
  })
  await listen(server, socketPath)
  return {
    socketPath,
    host: `unix://${socketPath}`,
    requests,
    emit(event) {
      for (const stream of streams) stream.write(`${JSON.stringify(event)}\n`)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      folder[Symbol.dispose]()
    },
  }
}

function answerTo(recording: Recording, pathname: string): object | undefined {
  if (pathname === '/version') return recording.version
  if (pathname === '/containers/json') return recording.list
  const [, kind, id = '', what] = pathname.split('/')
  if (what !== 'json') return undefined
  if (kind === 'containers') return recording.inspect[id]
  if (kind === 'images') return recording.image[decodeURIComponent(id)]
  return undefined
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
}
