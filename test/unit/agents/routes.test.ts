import type { InjectOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { processIncarnation } from '../../../src/agents/model.ts'
import { bearer, CONTROL_TOKEN, TEAM_TOKEN, type TestServer, testServer } from '../platform/http/support.ts'
import { peersByHeader } from './peers.ts'
import { createRoom, SPACE } from './room.ts'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

async function setUp() {
  const room = createRoom()
  server = await testServer(peersByHeader(room.agents.feature.routes))
  const { app } = server
  const json = { 'content-type': 'application/json', 'x-peer-uid': '1000' }
  const post = (payload: object, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/api/v1/agents',
      payload,
      headers: { ...json, ...headers },
    } as InjectOptions)
  const control = bearer(CONTROL_TOKEN)
  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })
  const remove = (id: string, headers: Record<string, string> = {}) =>
    app.inject({ method: 'DELETE', url: `/api/v1/agents/${id}`, headers: { ...json, ...headers } })
  return { room, post, get, remove, control }
}

describe('GET /api/v1/agents', () => {
  it('shows what is measured and leaves out what is not', async () => {
    const { room, get } = await setUp()
    const root = room.run(room.shell(), 'claude', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    room.world.burn(root, 5)
    await room.start()
    const { items, nextCursor } = (await get('/api/v1/agents')).json()
    expect(nextCursor).toBeNull()
    expect(items).toEqual([
      expect.objectContaining({
        id: 'mine',
        vendor: 'claude',
        workspace: 'work',
        runtime: 'process',
        incarnation: processIncarnation(SPACE, root),
        state: {
          lifecycleState: 'running',
          lifecycleMetrics: expect.objectContaining({ processes: 1, cpuUserSeconds: 5 }),
        },
      }),
    ])
    expect(items[0].state.lifecycleMetrics).not.toHaveProperty('memoryLimitBytes')
  })

  it('shows each agent as its own page does, when that is asked for', async () => {
    const { room, get } = await setUp()
    room.run(room.shell(), 'claude', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    await room.start()
    const { items } = (await get('/api/v1/agents?view=full')).json()
    expect(items).toEqual([(await get('/api/v1/agents/mine')).json()])
    expect((await get('/api/v1/agents?view=half')).statusCode).toBe(422)
  })

  it('pages through all agents, each once', async () => {
    const { room, get } = await setUp()
    const shell = room.shell()
    for (let i = 0; i < 7; i++) room.run(shell, 'claude')
    await room.start()
    const seen: string[] = []
    let url = '/api/v1/agents?limit=3'
    for (let page = 0; page < 3; page++) {
      const { items, nextCursor } = (await get(url)).json()
      seen.push(...items.map((item: { id: string }) => item.id))
      url = `/api/v1/agents?limit=3&cursor=${nextCursor}`
    }
    expect(seen).toEqual(room.ids())
  })

  it('answers an unknown agent with its code', async () => {
    const { get } = await setUp()
    const answer = await get('/api/v1/agents/nobody')
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'AE_AGENT_NOT_FOUND'])
  })

  it('shows a limited token only its agents', async () => {
    const { room, post, get, control } = await setUp()
    await room.start()
    await post({ id: 'team-a.one' }, control)
    await post({ id: 'other' }, control)
    const { items } = (await get('/api/v1/agents', bearer(TEAM_TOKEN))).json()
    for (const item of items) expect(item.id).toMatch(/^team-a/)
  })
})

describe('POST /api/v1/agents', () => {
  it('registers an agent without a runtime, and says 200 the second time', async () => {
    const { room, post } = await setUp()
    await room.start()
    const first = await post({ id: 'mine', role: 'coder' })
    expect([first.statusCode, first.json().runtime]).toEqual([201, 'cooperative'])
    const second = await post({ id: 'mine', role: 'boss' })
    expect([second.statusCode, second.json().role]).toEqual([200, 'coder'])
    expect(room.events.map((event) => event.name)).toEqual(['agent.registered', 'agent.started'])
  })

  it('needs control to bind a process, unless its own environment names the agent', async () => {
    const { room, post, control } = await setUp()
    const root = room.run(room.shell(), 'server')
    await room.start()
    const anonymous = await post({ id: 'mine', runtime: { pid: root.pid } })
    expect([anonymous.statusCode, anonymous.json().code]).toEqual([403, 'AE_FORBIDDEN'])
    const controlled = await post({ id: 'mine', runtime: { pid: root.pid } }, control)
    expect([controlled.statusCode, controlled.json().runtime]).toEqual([201, 'process'])
    const again = await post({ id: 'mine', runtime: { pid: root.pid } }, control)
    expect(again.statusCode).toBe(200)
  })

  it('gives a discovered agent the name that somebody registers for it', async () => {
    const { room, post, control } = await setUp()
    const root = room.run(room.shell(), 'claude')
    room.world.burn(root, 9)
    await room.start()
    const answer = await post({ id: 'mine', runtime: { pid: root.pid } }, control)
    expect(answer.statusCode).toBe(201)
    expect(room.ids()).toEqual(['mine'])
    await room.seconds(1)
    expect(room.agents.get('mine')).toMatchObject({
      info: { vendor: 'claude' },
      reading: { cpuUserSeconds: 9 },
    })
  })

  it('keeps what ended children used when a discovered agent gets its name', async () => {
    const { room, post, control } = await setUp()
    const root = room.run(room.shell(), 'claude')
    const middle = room.world.fork(root)
    const orphan = room.world.fork(middle)
    room.world.burn(orphan, 30)
    await room.start()
    room.world.exit(middle)
    await room.seconds(1)
    room.world.exit(orphan)
    await room.seconds(1)
    await post({ id: 'mine', runtime: { pid: root.pid } }, control)
    await room.seconds(1)
    expect(room.agents.get('mine')?.reading.cpuUserSeconds).toBe(30)
  })

  it('keeps the registered name of a process whose environment says another', async () => {
    const { room, post, control } = await setUp()
    const shell = room.shell()
    await room.start()
    const environment = { AGENT_EXPORTER_AGENT: 'other' }
    const root = room.run(shell, 'claude', { environment })
    room.run(root, 'tool', { environment })
    const answer = await post({ id: 'mine', runtime: { pid: root.pid } }, control)
    expect(answer.statusCode).toBe(201)
    await room.seconds(5)
    expect(room.ids()).toEqual(['mine'])
    expect(room.agents.get('mine')).toMatchObject({ info: { vendor: 'claude' }, reading: { processes: 2 } })
  })

  it('binds a registered name to the process that turns up with it', async () => {
    const { room, post } = await setUp()
    await room.start()
    await post({ id: 'mine', role: 'coder' })
    room.run(room.shell(), 'claude', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    await room.seconds(3)
    expect(room.agents.get('mine')).toMatchObject({
      runtime: 'process',
      origin: 'registered',
      conflict: false,
      info: { role: 'coder', vendor: 'claude' },
    })
  })

  it('refuses an id that another live process has, and a process that is not there', async () => {
    const { room, post, control } = await setUp()
    const one = room.run(room.shell(), 'server')
    const two = room.run(room.shell(), 'server')
    await room.start()
    await post({ id: 'mine', runtime: { pid: one.pid } }, control)
    const conflict = await post({ id: 'mine', runtime: { pid: two.pid } }, control)
    expect([conflict.statusCode, conflict.json().code]).toEqual([409, 'AE_AGENT_CONFLICT'])
    expect(room.agents.get('mine')?.conflict).toBe(false)
    const gone = await post({ id: 'other', runtime: { pid: 4_000_000 } }, control)
    expect([gone.statusCode, gone.json().code]).toEqual([409, 'AE_RUNTIME_GONE'])
  })

  it('registers a container by its name', async () => {
    const { room, post, control } = await setUp()
    room.container('a', { labels: { 'agent-exporter.agent': 'boxed' }, pid: 77 })
    await room.start()
    const known = await post({ id: 'boxed', runtime: { container: 'a' } }, control)
    expect([known.statusCode, known.json().runtime]).toEqual([200, 'container'])
    const other = await post({ id: 'else', runtime: { container: 'a' } }, control)
    expect(other.statusCode).toBe(409)
  })

  it.each([
    { id: '../x' },
    { id: 'a', budget: { maxApiCalls: [1] } },
    { id: 'a', budget: { '../x': 1 } },
    { id: 'a', budget: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`max${i}`, 1])) },
    { id: 'a', enforce: 'yes' },
    { id: 'a', profile: '' },
    { id: 'a', runtime: { pid: 1 } },
    { id: 'a', runtime: { pid: 5, container: 'b' } },
    { id: 'a', role: 'x\ny' },
    {},
  ])('refuses %j and changes nothing', async (payload) => {
    const { room, post, control } = await setUp()
    await room.start()
    const answer = await post(payload, control)
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'AE_INVALID'])
    expect(room.ids()).toEqual([])
  })

  it('stops a user who registers without end', async () => {
    const { room, post } = await setUp()
    await room.start()
    let refused = 0
    for (let i = 0; i < 70; i++) {
      const answer = await post({ id: `a${i}` })
      if (answer.statusCode === 429 && answer.json().code === 'AE_TOO_MANY_AGENTS') refused++
    }
    expect(refused).toBe(6)
  })
})

describe('DELETE /api/v1/agents/{id}', () => {
  it('needs control, and the deleted incarnation is not found again', async () => {
    const { room, remove, control } = await setUp()
    const root = room.run(room.shell(), 'worker', { environment: { AGENT_EXPORTER_AGENT: 'mine' } })
    await room.start()
    expect((await remove('mine')).statusCode).toBe(401)
    expect((await remove('mine', control)).statusCode).toBe(204)
    room.world.exec(root, 'claude')
    await room.seconds(3)
    expect(room.ids()).toEqual([])
    expect((await remove('mine', control)).statusCode).toBe(404)
  })
})
