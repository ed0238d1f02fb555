import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Client, type Clock, createClient } from '../../../src/index.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { eventually } from '../../support/child.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** The same every time, so that a failure can be had again. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Waits are over fifty times sooner; everything else is real. */
const hasty: Clock = { ...systemClock, setTimer: (ms, run) => systemClock.setTimer(ms / 50, run) }

type Fault = 'cut before' | 'cut after' | 'cut in answer' | 'unavailable' | 'too many' | 'none'
const FAULTS: readonly Fault[] = [
  'cut before',
  'cut after',
  'cut in answer',
  'unavailable',
  'too many',
  'none',
]

/**
 * A server with durable keys as the daemon has them, which fails in every way that a network and a restart can. What
 * it has counted and the keys outlive it.
 */
function createFlaky(next: () => number) {
  const counted: number[] = []
  const delivered: string[] = []
  const seen = new Map<string, string>()
  const faults = new Map<Fault, number>()
  let ahead: Fault[] = []
  let mismatches = 0
  let server: Server | undefined
  let port = 0
  let calm = false

  /** Every fault once in a random order, then again. */
  function draw(): Fault {
    if (ahead.length === 0) ahead = [...FAULTS]
    return ahead.splice(Math.floor(next() * ahead.length), 1)[0]!
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const fault = calm ? 'none' : draw()
    faults.set(fault, (faults.get(fault) ?? 0) + 1)
    if (fault === 'cut before') return void request.socket.destroy()
    if (fault === 'unavailable') return void response.writeHead(503).end('{"code":"AE_STORE_UNAVAILABLE"}')
    if (fault === 'too many') {
      return void response.writeHead(429, { 'retry-after': '1' }).end('{"code":"AE_TOO_MANY_REQUESTS"}')
    }
    const text = Buffer.concat(chunks).toString('utf8')
    const hash = createHash('sha256').update(`${request.url}\n${text}`).digest('hex')
    const key = request.headers['idempotency-key'] as string
    const before = seen.get(key)
    if (before !== undefined && before !== hash) mismatches++
    if (before === undefined) {
      seen.set(key, hash)
      const body = JSON.parse(text) as { apiCalls: number }[] | { description: string }
      if (Array.isArray(body)) counted.push(...body.map(({ apiCalls }) => apiCalls))
      else delivered.push(body.description)
    }
    if (fault === 'cut after') return void request.socket.destroy()
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
    if (fault === 'none') return void response.end('{}'.padEnd(100))
    response.write('{')
    setImmediate(() => request.socket.destroy())
  }

  async function start(): Promise<void> {
    server = createServer((request, response) => void handle(request, response).catch(() => {}))
    await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }

  /** As by SIGKILL: nobody is told anything. */
  async function kill(): Promise<void> {
    server?.closeAllConnections()
    await new Promise((resolve) => (server?.listening ? server.close(resolve) : resolve(undefined)))
  }

  return {
    counted,
    delivered,
    faults,
    start,
    kill,
    get mismatches() {
      return mismatches
    },
    get url() {
      return `http://127.0.0.1:${port}`
    },
    calmDown() {
      calm = true
    },
  }
}

function connect(url: string, drops: string[] = []): Client {
  const client = createClient({
    url,
    agent: 'mine',
    clock: hasty,
    onDrop: ({ code }) => void drops.push(code),
  })
  cleanUps.push(() => client.close(0))
  return client
}

describe('a client on a network that fails', () => {
  it.each([1, 2, 3])('has every record counted exactly once, over restarts too (%s)', async (seed) => {
    const next = dice(seed)
    const daemon = createFlaky(next)
    await daemon.start()
    cleanUps.push(daemon.kill)
    const drops: string[] = []
    const client = connect(daemon.url, drops)
    let recorded = 0
    const deliverables: string[] = []
    for (let round = 0; round < 30; round++) {
      const size = 1 + Math.floor(next() * 400)
      for (let n = 0; n < size; n++) client.record({ apiCalls: ++recorded })
      if (next() < 0.2) {
        deliverables.push(randomUUID())
        client.recordDeliverable('other', deliverables.at(-1))
      }
      await new Promise((resolve) => setTimeout(resolve, next() * 30))
      if (round % 10 === 9) {
        await daemon.kill()
        client.record({ apiCalls: ++recorded })
        await new Promise((resolve) => setTimeout(resolve, 50))
        await daemon.start()
      }
    }
    // However slow this machine is, and however much is sent at once: nothing is left out.
    await eventually('everything has failed in every way', async () => {
      client.record({ apiCalls: ++recorded })
      return daemon.faults.size === FAULTS.length || undefined
    })
    daemon.calmDown()
    await eventually('all is sent', async () => client.stats().buffered === 0 || undefined)
    expect(daemon.counted).toEqual(Array.from({ length: recorded }, (_, index) => index + 1))
    expect(daemon.delivered).toEqual(deliverables)
    expect(client.stats()).toMatchObject({ sent: recorded + deliverables.length, dropped: 0 })
    expect(client.stats().retries).toBeGreaterThan(0)
    expect(daemon.mismatches).toBe(0)
    expect(drops).toEqual([])
  })

  it('waits over a daemon that is killed and comes back', async () => {
    let resumed = false
    let asked = 0
    const sockets = new Set<{ destroy(): void }>()
    const begin = (port: number) =>
      new Promise<TcpServer>((resolve) => {
        const server = createTcp((socket) => {
          sockets.add(socket)
          socket.on('error', () => {})
          socket.on('data', () => {
            asked++
            if (!resumed) return
            const body = '{"outcome":"resumed"}'
            socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
          })
        })
        server.listen(port, '127.0.0.1', () => resolve(server))
      })
    let server = await begin(0)
    const { port } = server.address() as AddressInfo
    const stop = () =>
      new Promise((resolve) => {
        server.close(resolve)
        for (const socket of sockets) socket.destroy()
      })
    cleanUps.push(() => stop())
    const client = connect(`http://127.0.0.1:${port}`)
    const waiting = client.waitForResume()
    await eventually('it asks', async () => asked > 0 || undefined)
    await stop()
    await new Promise((resolve) => setTimeout(resolve, 100))
    resumed = true
    server = await begin(port)
    expect(await waiting).toBe('resumed')
  })
})
