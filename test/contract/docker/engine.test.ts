import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ContainerChange, DockerEngine } from '../../../src/platform/docker/container.ts'
import { createDockerEngine, type DockerEngineOptions } from '../../../src/platform/docker/engine.ts'
import { eventually } from '../../support/child.ts'
import { type Dockerd, describeWithDockerd, startDockerd } from '../../support/dockerd.ts'
import { temporaryFolder } from '../../support/folder.ts'

const AGENT = 'agent-exporter.agent'

const engines: DockerEngine[] = []
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.stop()
})

async function watch(options: DockerEngineOptions) {
  const engine = createDockerEngine({ environment: {}, ...options })
  engines.push(engine)
  const changes: ContainerChange[] = []
  engine.on((change) => changes.push(change))
  await engine.start()
  return { engine, changes }
}

describeWithDockerd('a real engine', () => {
  let dockerd: Dockerd
  beforeAll(async () => {
    dockerd = await startDockerd()
  })
  afterAll(() => dockerd[Symbol.asyncDispose]())

  it('is connected after start and knows labelled containers closely, others by id', async () => {
    const labelled = await dockerd.runContainer({
      labels: { [AGENT]: 'known', 'agent-exporter.role': 'builder' },
      memory: 64 * 1024 * 1024,
      cpus: 0.5,
      pidsLimit: 40,
    })
    const plain = await dockerd.runContainer()
    const { engine } = await watch({ socketPath: dockerd.socketPath })
    expect(engine.status()).toMatchObject({ state: 'connected' })
    const inspected = await labelled.container.inspect()
    expect(engine.containers().get(labelled.id)).toEqual({
      id: labelled.id,
      name: inspected.Name.slice(1),
      image: 'agent-exporter-test',
      state: 'running',
      startedAt: inspected.State.StartedAt,
      finishedAt: undefined,
      exitCode: undefined,
      oomKilled: false,
      restarts: 0,
      pid: labelled.pid,
      labels: { [AGENT]: 'known', 'agent-exporter.role': 'builder' },
      memoryLimitBytes: 64 * 1024 * 1024,
      cpuLimitCores: 0.5,
      pidsLimit: 40,
    })
    expect(engine.containers().has(plain.id)).toBe(false)
    expect([...engine.runningIds()]).toEqual(expect.arrayContaining([labelled.id, plain.id]))
  })

  it('follows start, pause, unpause, rename, update, kill and removal by events', async () => {
    const { engine, changes } = await watch({ socketPath: dockerd.socketPath })
    const { id, container } = await dockerd.runContainer({ labels: { [AGENT]: 'followed' } })
    const state = (wanted: string) =>
      eventually(wanted, () => engine.containers().get(id)?.state === wanted || undefined, 30_000, 10)
    await state('running')
    await container.pause()
    await state('paused')
    expect(engine.runningIds().has(id)).toBe(true)
    await container.unpause()
    await state('running')
    await container.rename({ name: 'renamed' })
    await eventually(
      'renamed',
      () => engine.containers().get(id)?.name === 'renamed' || undefined,
      30_000,
      10,
    )
    await container.update({ Memory: 32 * 1024 * 1024, MemorySwap: 64 * 1024 * 1024 })
    await eventually(
      'updated',
      () => engine.containers().get(id)?.memoryLimitBytes === 32 * 1024 * 1024 || undefined,
      30_000,
      10,
    )
    await container.kill()
    await state('exited')
    expect(engine.containers().get(id)).toMatchObject({ exitCode: 137, pid: undefined, oomKilled: false })
    expect(engine.runningIds().has(id)).toBe(false)
    const incidents = changes.filter((change) => change.kind === 'incident' && change.container.id === id)
    expect(incidents).toMatchObject([
      { action: 'kill', signal: '9' },
      { action: 'die', exitCode: 137 },
    ])
    await container.remove()
    await eventually('removed', () => !engine.containers().has(id) || undefined, 30_000, 10)
    expect(changes.at(-1)).toMatchObject({ kind: 'removed', container: { id, state: 'exited' } })
  })

  it('reports an out-of-memory kill before the death', async () => {
    const { engine, changes } = await watch({ socketPath: dockerd.socketPath })
    const { id } = await dockerd.runContainer({
      labels: { [AGENT]: 'greedy' },
      memory: 16 * 1024 * 1024,
      script: 'busybox sleep 0.3; busybox tail /dev/zero',
    })
    await eventually('dead', () => engine.containers().get(id)?.state === 'exited' || undefined, 30_000, 20)
    const actions = changes.flatMap((change) =>
      change.kind === 'incident' && change.container.id === id ? [change.action] : [],
    )
    expect(actions).toContain('oom')
    expect(actions.indexOf('oom')).toBeLessThan(actions.indexOf('die'))
    expect(engine.containers().get(id)?.oomKilled).toBe(true)
  })

  it('does not count a label that the image brought along, but one that overrides it', async () => {
    await dockerd.importImage('self-made', { [AGENT]: 'from-image' })
    const image = 'self-made'
    const inherited = await dockerd.runContainer({ image })
    const repeated = await dockerd.runContainer({ image, labels: { [AGENT]: 'from-image' } })
    const overriding = await dockerd.runContainer({ image, labels: { [AGENT]: 'by-person' } })
    const { engine } = await watch({ socketPath: dockerd.socketPath })
    expect(engine.containers().get(overriding.id)?.labels).toEqual({ [AGENT]: 'by-person' })
    expect(engine.containers().has(inherited.id)).toBe(false)
    expect(engine.containers().has(repeated.id)).toBe(false)
    const later = await dockerd.runContainer({ image })
    await eventually('listed', () => engine.runningIds().has(later.id) || undefined, 30_000, 10)
    await overriding.container.pause()
    await eventually(
      'paused',
      () => engine.containers().get(overriding.id)?.state === 'paused' || undefined,
      30_000,
      10,
    )
    expect(engine.containers().has(later.id)).toBe(false)
    await overriding.container.unpause()
  })

  it('reconnects to a restarted engine and takes the list again', async () => {
    const { engine, changes } = await watch({ socketPath: dockerd.socketPath })
    const kept = await dockerd.runContainer({ labels: { [AGENT]: 'kept' } })
    const lost = await dockerd.runContainer({ labels: { [AGENT]: 'lost' } })
    await eventually(
      'both',
      () => (engine.containers().has(lost.id) && engine.containers().has(kept.id)) || undefined,
    )
    await dockerd.halt()
    await eventually('noticed', () => engine.status().state !== 'connected' || undefined)
    expect(['absent', 'unreachable']).toContain(engine.status().state)
    await dockerd.start()
    // Removed and started while nobody may be listening yet.
    await lost.container.remove({ force: true })
    await eventually('connected', () => engine.status().state === 'connected' || undefined)
    await eventually('forgotten', () => !engine.containers().has(lost.id) || undefined)
    await eventually('ended', () => engine.containers().get(kept.id)?.state === 'exited' || undefined)
    expect(changes.some((change) => change.kind === 'removed' && change.container.id === lost.id)).toBe(true)
    const { id } = await dockerd.runContainer({ labels: { [AGENT]: 'new' } })
    await eventually('events flow again', () => engine.containers().has(id) || undefined, 30_000, 10)
  })
})

describe('a socket that is no engine', () => {
  const servers: Server[] = []
  const sockets = new Set<Socket>()
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
    for (const socket of sockets) socket.destroy()
  })

  async function serve(path: string, talk: (socket: Socket) => void): Promise<void> {
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      talk(socket)
    }).listen(path)
    servers.push(server)
    await once(server, 'listening')
  }

  it('that accepts and never answers is unreachable after the deadline and holds nothing up', async () => {
    using folder = temporaryFolder()
    const socketPath = join(folder.path, 'hung.sock')
    await serve(socketPath, () => undefined)
    let ticks = 0
    const ticking = setInterval(() => (ticks += 1), 10)
    const { engine } = await watch({ socketPath, deadlineMs: 400 })
    await eventually('unreachable', () => engine.status().state === 'unreachable' || undefined)
    clearInterval(ticking)
    // Not held up: its own timers went on meanwhile.
    expect(ticks).toBeGreaterThan(1)
    expect(engine.status().detail).toContain('did not answer within 400 ms')
    await expect(engine.stats('x')).rejects.toThrow()
  })

  it('that stops in the middle of an answer is unreachable too', async () => {
    using folder = temporaryFolder()
    const socketPath = join(folder.path, 'half.sock')
    await serve(socketPath, (socket) => {
      socket.on('data', () =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"Ver'),
      )
    })
    const { engine } = await watch({ socketPath, deadlineMs: 300 })
    expect(engine.status().state).toBe('unreachable')
  })

  it('that answers with something else is unreachable', async () => {
    using folder = temporaryFolder()
    const socketPath = join(folder.path, 'other.sock')
    await serve(socketPath, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
    const { engine } = await watch({ socketPath, deadlineMs: 1_000 })
    expect(engine.status().state).toBe('unreachable')
  })

  it('that does not exist is absent, and one that nobody listens on is unreachable', async () => {
    using folder = temporaryFolder()
    const missing = await watch({ socketPath: join(folder.path, 'none.sock') })
    expect(missing.engine.status()).toMatchObject({ state: 'absent' })
    const refused = await watch({ environment: { DOCKER_HOST: 'tcp://127.0.0.1:1' }, deadlineMs: 1_000 })
    expect(refused.engine.status()).toMatchObject({ state: 'unreachable' })
    const wrong = await watch({ environment: { DOCKER_HOST: 'ssh://somewhere' } })
    expect(wrong.engine.status().detail).toContain('ssh:// is not supported')
  })
})
