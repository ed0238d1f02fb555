import { describe, expect, it } from 'vitest'
import type { DockerClient, EventHandlers } from '../../../../src/platform/docker/client.ts'
import type { ContainerChange } from '../../../../src/platform/docker/container.ts'
import { createDockerEngine } from '../../../../src/platform/docker/engine.ts'
import { DockerFailure } from '../../../../src/platform/docker/failure.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const AGENT = { 'agent-exporter.agent': 'a' }

/** An engine in memory: what it holds may be changed, and every call is counted. */
function fakeEngine() {
  const containers = new Map<string, { state: string; labels: Record<string, string>; name: string }>()
  const calls: string[] = []
  const broken = new Map<string, DockerFailure>()
  let handlers: EventHandlers | undefined
  let open = 0
  const answer = <T>(call: string, value: () => T): Promise<T> => {
    calls.push(call)
    const failure = broken.get(call.split(' ')[0]!)
    return failure === undefined ? Promise.resolve().then(value) : Promise.reject(failure)
  }
  const client: DockerClient = {
    version: () => answer('version', () => '1.2.3'),
    list: () =>
      answer('list', () =>
        [...containers].map(([Id, { state, labels, name }]) => ({
          Id,
          Names: [`/${name}`],
          State: state,
          Labels: labels,
        })),
      ),
    inspect: (id) =>
      answer(`inspect ${id}`, () => {
        const found = containers.get(id)
        if (found === undefined) throw new DockerFailure('not_found', 'no such object')
        const { state, labels, name } = found
        return {
          Id: id,
          Name: `/${name}`,
          Image: 'sha256:1',
          State: { Status: state, Pid: 7 },
          Config: { Labels: labels },
        }
      }),
    imageLabels: (id) => answer(`image ${id}`, () => ({ brought: 'along', 'agent-exporter.agent': 'image' })),
    stats: (id) => answer(`stats ${id}`, () => ({})),
    events: (on) =>
      answer('events', () => {
        handlers = on
      }),
    post: (id, { verb }) => answer(`${verb} ${id}`, () => 'done'),
    close: () => {
      open -= 1
    },
  }
  return {
    containers,
    calls,
    broken,
    open: () => open,
    connect: async () => {
      open += 1
      return client
    },
    emit(action: string, id: string, attributes: Record<string, string> = {}) {
      handlers?.event({
        Type: 'container',
        Action: action,
        Actor: { ID: id, Attributes: attributes },
        timeNano: 5e9,
      })
    },
    hangUp: () => handlers?.ended(new DockerFailure('failed', 'closed its event stream')),
  }
}

function setUp(fake = fakeEngine(), exists = () => true) {
  const clock = fakeClock()
  const errors: unknown[] = []
  const engine = createDockerEngine({
    clock,
    socketPath: '/s',
    exists,
    connect: fake.connect,
    onListenerError: (error) => errors.push(error),
  })
  const changes: ContainerChange[] = []
  engine.on((change) => changes.push(change))
  return { ...fake, clock, engine, changes, errors }
}

/** Lets promises that are already settled run on. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('the docker engine', () => {
  it('inspects labelled containers only, however many others there are', async () => {
    const { engine, containers, calls } = setUp()
    for (let i = 0; i < 300; i += 1)
      containers.set(`plain${i}`, { state: 'running', labels: {}, name: `p${i}` })
    containers.set('ours', { state: 'running', labels: { ...AGENT, brought: 'along' }, name: 'o' })
    await engine.start()
    expect(calls.filter((call) => call.startsWith('inspect'))).toEqual(['inspect ours'])
    expect(engine.containers().get('ours')?.labels).toEqual(AGENT)
    expect(engine.runningIds().size).toBe(301)
    expect(engine.status()).toEqual({ state: 'connected', version: '1.2.3' })
  })

  it('does not ask again for a container whose label is its image’s', async () => {
    const { engine, containers, calls, clock, emit } = setUp()
    const labels = { 'agent-exporter.agent': 'image' }
    containers.set('sly', { state: 'running', labels, name: 's' })
    await engine.start()
    emit('pause', 'sly', labels)
    clock.advance(60_000)
    await settle()
    expect(engine.containers().size).toBe(0)
    expect(calls.filter((call) => call === 'inspect sly')).toHaveLength(1)
  })

  it('finds by the minute’s list what no event told', async () => {
    const { engine, containers, clock, changes } = setUp()
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    containers.set('b', { state: 'running', labels: AGENT, name: 'b' })
    await engine.start()
    containers.get('a')!.state = 'exited'
    containers.delete('b')
    clock.advance(60_000)
    await settle()
    expect(engine.containers().get('a')?.state).toBe('exited')
    expect([...engine.containers().keys()]).toEqual(['a'])
    expect(changes.map((change) => change.kind)).toEqual(['appeared', 'appeared', 'removed', 'changed'])
    expect(engine.runningIds().size).toBe(0)
  })

  it('inspects once more when something happens during an inspect', async () => {
    const { engine, containers, calls, emit } = setUp()
    await engine.start()
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    emit('start', 'a', AGENT)
    emit('pause', 'a', AGENT)
    emit('unpause', 'a', AGENT)
    await settle()
    expect(calls.filter((call) => call === 'inspect a')).toHaveLength(2)
  })

  it('forgets a container that is destroyed while it is being inspected', async () => {
    const { engine, containers, emit } = setUp()
    await engine.start()
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    emit('start', 'a', AGENT)
    containers.delete('a')
    emit('destroy', 'a', AGENT)
    await settle()
    expect(engine.containers().size).toBe(0)
    expect(engine.runningIds().size).toBe(0)
  })

  it('tries an inspect that failed again with the next list', async () => {
    const { engine, containers, broken, clock } = setUp()
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    broken.set('inspect', new DockerFailure('no_answer', 'late'))
    await engine.start()
    expect(engine.status().state).toBe('connected')
    expect(engine.containers().size).toBe(0)
    broken.clear()
    clock.advance(60_000)
    await settle()
    expect(engine.containers().size).toBe(1)
  })

  it('keeps what it knew when the stream breaks, waits longer after each failure, and reads all anew', async () => {
    const { engine, containers, broken, calls, clock, hangUp, open } = setUp()
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    await engine.start()
    clock.advance(10_000)
    broken.set('version', new DockerFailure('refused', 'nobody listens on /s'))
    hangUp()
    expect(engine.status()).toMatchObject({ state: 'unreachable', detail: 'closed its event stream' })
    expect(engine.containers().size).toBe(1)
    const attempts = () => calls.filter((call) => call === 'version').length
    for (const delay of [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = attempts()
      clock.advance(delay - 1)
      await settle()
      expect(attempts()).toBe(before)
      clock.advance(1)
      await settle()
      expect(attempts()).toBe(before + 1)
    }
    broken.clear()
    containers.delete('a')
    containers.set('b', { state: 'paused', labels: AGENT, name: 'b' })
    clock.advance(30_000)
    await settle()
    expect([...engine.containers().keys()]).toEqual(['b'])
    expect(open()).toBe(1)
    await engine.stop()
    expect(open()).toBe(0)
  })

  it('is unreachable when the list is no longer answered, and comes back when it is', async () => {
    const { engine, broken, clock } = setUp()
    await engine.start()
    broken.set('list', new DockerFailure('no_answer', '/s did not answer within 5000 ms'))
    clock.advance(60_000)
    await settle()
    expect(engine.status()).toEqual({ state: 'unreachable', detail: '/s did not answer within 5000 ms' })
    broken.clear()
    clock.advance(250)
    await settle()
    expect(engine.status().state).toBe('connected')
  })

  it('waits for a socket that is not there yet', async () => {
    let isThere = false
    const { engine, clock } = setUp(fakeEngine(), () => isThere)
    await engine.start()
    expect(engine.status()).toEqual({ state: 'absent', detail: '/s does not exist' })
    isThere = true
    clock.advance(5_000)
    await settle()
    expect(engine.status().state).toBe('connected')
  })

  it('is unreachable, not absent, when its socket goes while containers are known', async () => {
    let isThere = true
    const { engine, clock, broken, containers } = setUp(fakeEngine(), () => isThere)
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    await engine.start()
    isThere = false
    broken.set('list', new DockerFailure('absent', '/s does not exist'))
    clock.advance(60_000)
    await settle()
    expect(engine.status()).toEqual({ state: 'unreachable', detail: '/s does not exist' })
    expect([...engine.containers().keys()]).toEqual(['a'])
    isThere = true
    broken.clear()
    clock.advance(5_000)
    await settle()
    expect(engine.status().state).toBe('connected')
  })

  it('does nothing any more after stop', async () => {
    const { engine, clock, calls, broken } = setUp()
    broken.set('version', new DockerFailure('denied', 'no permission'))
    await engine.start()
    expect(engine.status()).toEqual({ state: 'unreachable', detail: 'no permission' })
    await engine.stop()
    const before = calls.length
    clock.advance(3_600_000)
    await settle()
    expect(calls).toHaveLength(before)
  })

  it('goes on when a listener throws', async () => {
    const { engine, containers, errors, changes } = setUp()
    engine.on(() => {
      throw new Error('listener')
    })
    containers.set('a', { state: 'running', labels: AGENT, name: 'a' })
    await engine.start()
    expect(errors).toHaveLength(1)
    expect(changes).toHaveLength(1)
  })
})
