import { createHash } from 'node:crypto'
import type { InjectOptions } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import type { AgentsDependencies } from '../../../src/agents/dependencies.ts'
import type { EnrolmentChoice, EnrolmentDesk } from '../../../src/agents/enrolment.ts'
import { mintAgentToken } from '../../../src/platform/http/agent-token.ts'
import { Problem, type ProblemField } from '../../../src/platform/problem.ts'
import {
  ACCESS,
  bearer,
  CONTROL_TOKEN,
  TEAM_TOKEN,
  type TestServer,
  testServer,
} from '../platform/http/support.ts'
import { peersByHeader } from './peers.ts'
import { createRoom } from './room.ts'

const OURS = 999
const THEIRS = 1_000
const INGEST_TOKEN = 'ingest-token-of-this-test'

let server: TestServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

interface Enrolled extends EnrolmentChoice {
  readonly agent: string
}

/** A desk that knows one limit, and fails when told to. */
function fakeDesk() {
  const enrolled: Enrolled[] = []
  const inherited: [string, string][] = []
  const state: { fault: Error | undefined } = { fault: undefined }
  const desk: EnrolmentDesk = {
    validate({ budget = {} }) {
      const unknown = Object.keys(budget).filter((key) => key !== 'maxApiCalls')
      return unknown.map((key): ProblemField => ({ in: 'body', path: `/budget/${key}`, message: 'unknown' }))
    },
    of: ({ id }) => enrolled.findLast(({ agent }) => agent === id),
    inherit: (from, to) => void inherited.push([from.incarnation, to.incarnation]),
    async enrol({ id }, choice) {
      if (state.fault !== undefined) throw state.fault
      enrolled.push({ agent: id, ...choice })
    },
  }
  return { desk, enrolled, inherited, state }
}

async function setUp(others: Partial<AgentsDependencies> = {}) {
  const { desk, enrolled, inherited, state } = fakeDesk()
  const room = createRoom({}, undefined, { enrolment: desk, ...others })
  const ingest = { name: 'ci', hashSha256: createHash('sha256').update(INGEST_TOKEN).digest('hex') }
  server = await testServer(peersByHeader(room.agents.feature.routes), {
    access: { ...ACCESS, tokens: [...ACCESS.tokens, { ...ingest, scopes: ['ingest'] }] },
  })
  const { app } = server
  const ask = async (
    method: 'POST' | 'DELETE',
    url: string,
    who: Record<string, string>,
    payload?: object,
  ) => {
    const headers = { 'content-type': 'application/json', ...who }
    const answer = await app.inject({ method, url, headers, ...(payload && { payload }) } as InjectOptions)
    return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() }
  }
  const post = (payload: object, who: Record<string, string> = CALLERS.control) =>
    ask('POST', '/api/v1/agents', who, payload)
  const remove = (id: string) => ask('DELETE', `/api/v1/agents/${id}`, CALLERS.control)
  return { room, post, remove, enrolled, inherited, state, app }
}

const uid = (value: number) => ({ 'x-peer-uid': String(value) })
const CALLERS = {
  owner: uid(THEIRS),
  root: uid(0),
  us: uid(OURS),
  stranger: uid(2_000),
  unknown: {},
  proxied: { ...uid(0), via: 'proxy' },
  ingest: bearer(INGEST_TOKEN),
  agent: bearer(mintAgentToken(CONTROL_TOKEN, 'team-a-1')),
  team: bearer(TEAM_TOKEN),
  control: bearer(CONTROL_TOKEN),
} satisfies Record<string, Record<string, string>>
type Who = keyof typeof CALLERS

describe('who may register what', () => {
  const own = 'team-a-1'
  // TEAM_TOKEN has control without ingest: it registers nothing, as its scopes say.
  const table: readonly (readonly [what: string, body: object, allowed: readonly Who[]])[] = [
    ['a new id', { id: own }, ['owner', 'root', 'us', 'stranger', 'unknown', 'ingest', 'agent', 'control']],
    [
      'another new id',
      { id: 'team-b-1' },
      ['owner', 'root', 'us', 'stranger', 'unknown', 'ingest', 'control'],
    ],
    ['an id of the owner', { id: 'taken' }, ['owner', 'root', 'us', 'ingest', 'control']],
    ['a process', { id: own, runtime: { pid: 'plain' } }, ['control']],
    [
      'a process that names itself',
      { id: own, runtime: { pid: 'named' } },
      ['owner', 'root', 'us', 'ingest', 'agent', 'control'],
    ],
    ['a profile', { id: own, profile: 'production' }, ['control']],
    ['a budget', { id: own, budget: { maxApiCalls: 5 } }, ['control']],
    [
      'a budget for the process that names itself',
      {
        id: own,
        runtime: { pid: 'named' },
        budget: { maxApiCalls: 5 },
      },
      ['control'],
    ],
    ['enforcement', { id: own, enforce: true }, ['control']],
    ['no enforcement', { id: own, enforce: false }, ['control']],
    ['a container', { id: own, runtime: { container: 'box' } }, ['control']],
  ]
  const cases = table.flatMap(([what, body, allowed]) =>
    (Object.keys(CALLERS) as Who[]).map((who) => [what, who, body, allowed.includes(who)] as const),
  )

  it.each(cases)('%s by %s', async (_, who, body, allowed) => {
    const { room, post, enrolled } = await setUp()
    let text = JSON.stringify(body)
    const shell = room.shell()
    if (text.includes('"plain"')) text = text.replace('"plain"', `${room.run(shell, 'server').pid}`)
    if (text.includes('"named"')) {
      const named = room.run(shell, 'server', { environment: { AGENT_EXPORTER_AGENT: own } })
      Object.assign(room.world.processes.get(named.pid)!, { uid: THEIRS })
      text = text.replace('"named"', `${named.pid}`)
    }
    if (text.includes('container')) room.container('box', { labels: { 'agent-exporter.agent': own } })
    await room.start()
    if ((body as { id: string }).id === 'taken') await post({ id: 'taken' }, CALLERS.owner)
    const before = room.ids()
    const { status, body: answer } = await post(JSON.parse(text), CALLERS[who])
    if (allowed) {
      expect([200, 201]).toContain(status)
    } else {
      expect([401, 403]).toContain(status)
      expect(['AE_FORBIDDEN', 'AE_UNAUTHENTICATED']).toContain(answer.code)
      expect(room.ids()).toEqual(before)
      expect(enrolled).toEqual([])
    }
  })
})

describe('a token with ingest and control for some agents', () => {
  it('binds no process of the host but one that names its agent, and enrols its agents', async () => {
    const { room, post, enrolled } = await setUp()
    const text = 'limited-token-of-this-test'
    const hashSha256 = createHash('sha256').update(text).digest('hex')
    server?.updateAccess({
      ...ACCESS,
      tokens: [{ name: 'lead', hashSha256, scopes: ['ingest', 'control'], agents: ['team-a-*'] }],
    })
    const shell = room.shell()
    const plain = room.run(shell, 'server')
    const named = room.run(shell, 'server', { environment: { AGENT_EXPORTER_AGENT: 'team-a-1' } })
    await room.start()
    const who = bearer(text)
    expect((await post({ id: 'team-a-2', runtime: { pid: plain.pid } }, who)).status).toBe(403)
    expect((await post({ id: 'team-b-2', budget: { maxApiCalls: 1 } }, who)).status).toBe(403)
    expect((await post({ id: 'team-a-1', runtime: { pid: named.pid } }, who)).status).toBeLessThan(300)
    const told = await post({ id: 'team-a-3', budget: { maxApiCalls: 1 } }, who)
    expect(told.status).toBe(201)
    expect(enrolled.at(-1)).toEqual({ agent: 'team-a-3', budget: { maxApiCalls: 1 }, enforce: true })
  })
})

describe('enrolment', () => {
  it('opts in what control registers, unless told otherwise', async () => {
    const { room, post, enrolled } = await setUp()
    const root = room.run(room.shell(), 'server')
    await room.start()
    await post({ id: 'a' })
    await post({ id: 'b', enforce: false, profile: 'production' })
    await post({ id: 'c', runtime: { pid: root.pid }, budget: { maxApiCalls: 3 } })
    expect(enrolled).toEqual([
      { agent: 'a', enforce: true },
      { agent: 'b', enforce: false, profile: 'production' },
      { agent: 'c', enforce: true, budget: { maxApiCalls: 3 } },
    ])
  })

  it('goes along when a name gets the process that a person names', async () => {
    const { room, post, inherited } = await setUp()
    const root = room.run(room.shell(), 'server')
    await room.start()
    const name = await post({ id: 'a', budget: { maxApiCalls: 3 } })
    const bound = await post({ id: 'a', runtime: { pid: root.pid } })
    expect(bound.status).toBe(201)
    expect(inherited).toEqual([[name.body.incarnation, bound.body.incarnation]])
    // Another name that is new inherits from nobody.
    await post({ id: 'b', runtime: { pid: root.pid } })
    expect(inherited).toHaveLength(1)
  })

  it('does not opt in what registers itself', async () => {
    const { room, post, enrolled } = await setUp()
    await room.start()
    expect((await post({ id: 'a' }, CALLERS.owner)).status).toBe(201)
    expect(enrolled).toEqual([])
  })

  it('is changed by a repetition only where it says something', async () => {
    const { room, post, enrolled } = await setUp()
    await room.start()
    const first = await post({ id: 'a', enforce: false })
    const second = await post({ id: 'a' })
    expect([second.status, second.body.incarnation]).toEqual([200, first.body.incarnation])
    expect(enrolled).toHaveLength(1)
    await post({ id: 'a', profile: 'production' })
    expect(enrolled.at(-1)).toEqual({ agent: 'a', enforce: false, profile: 'production' })
    await post({ id: 'a', enforce: true })
    expect(enrolled.at(-1)).toEqual({ agent: 'a', enforce: true })
  })

  it('leaves a container to its own label, unless a person says otherwise', async () => {
    const { room, post, enrolled } = await setUp()
    const labels = { 'agent-exporter.sandbox': 'box' }
    room.container('silent', { labels: { ...labels, 'agent-exporter.agent': 'silent' } })
    room.container('willing', {
      labels: { 'agent-exporter.agent': 'willing', 'agent-exporter.enforce': 'true' },
    })
    await room.start()
    for (const id of ['silent', 'willing'])
      await post({ id, runtime: { container: id }, profile: 'production' })
    await post({ id: 'silent', runtime: { container: 'silent' }, enforce: true })
    expect(enrolled.map(({ agent, enforce }) => [agent, enforce])).toEqual([
      ['silent', false],
      ['willing', true],
      ['silent', true],
    ])
  })

  it('is refused with the fields that are wrong, before anything is registered', async () => {
    const { room, post } = await setUp()
    await room.start()
    const { status, body } = await post({ id: 'a', budget: { maxApiCals: 1 } })
    expect([status, body.code]).toEqual([422, 'AE_INVALID'])
    expect(body.errors).toEqual([{ in: 'body', path: '/budget/maxApiCals', message: 'unknown' }])
    expect(room.ids()).toEqual([])
  })

  it('that cannot be kept is an error, and a repetition makes up for it', async () => {
    const { room, post, enrolled, state } = await setUp()
    await room.start()
    state.fault = new Problem('AE_STORE_UNAVAILABLE', 'The disk is full.')
    const { status, body } = await post({ id: 'a' })
    expect([status, body.code]).toEqual([503, 'AE_STORE_UNAVAILABLE'])
    expect(room.ids()).toEqual(['a'])
    state.fault = undefined
    expect((await post({ id: 'a' })).status).toBe(200)
    expect(enrolled).toEqual([{ agent: 'a', enforce: true }])
  })

  it.each([
    ['the process that names itself', 'me'],
    ['a process that was found under another id', undefined],
  ])('that cannot be kept shuts out neither %s nor its next life', async (_, marker) => {
    const { room, post, enrolled, state } = await setUp()
    const shell = room.shell()
    const environment = marker === undefined ? {} : { AGENT_EXPORTER_AGENT: marker }
    const first = room.run(shell, 'claude', { environment })
    await room.start()
    state.fault = new Problem('AE_STORE_UNAVAILABLE', 'The disk is full.')
    const body = (pid: number) => ({ id: 'me', runtime: { pid }, budget: { maxApiCalls: 3 } })
    for (let attempt = 0; attempt < 3; attempt++) expect((await post(body(first.pid))).status).toBe(503)
    const second = room.run(shell, 'claude', { environment })
    expect((await post(body(second.pid))).body.code).toBe('AE_AGENT_CONFLICT')
    room.world.exit(first)
    await room.seconds(1)
    expect((await post(body(second.pid))).status).toBe(503)
    state.fault = undefined
    expect((await post(body(second.pid))).status).toBe(200)
    expect(room.ids()).toEqual(['me'])
    expect(enrolled).toEqual([{ agent: 'me', budget: { maxApiCalls: 3 }, enforce: true }])
  })

  it('reaches a process whose name belonged to another life when it was found', async () => {
    const { room, post } = await setUp()
    const environment = { AGENT_EXPORTER_AGENT: 'me' }
    const first = room.run(room.shell(), 'claude', { environment })
    await room.start()
    const second = room.run(room.shell(), 'claude', { environment })
    await room.seconds(3)
    const [, substitute] = room.ids()
    expect(substitute).toMatch(/^claude-[0-9a-f]{8}$/)
    const body = { id: 'me', runtime: { pid: second.pid } }
    expect((await post(body)).body.code).toBe('AE_AGENT_CONFLICT')
    room.world.exit(first)
    await room.seconds(1)
    expect((await post(body)).status).toBe(201)
    expect(room.ids()).toEqual(['me'])
    // What somebody chose stays.
    expect((await post({ ...body, id: 'another' })).body.code).toBe('AE_AGENT_CONFLICT')
  })

  it('is not to be had where nobody keeps limits; everything else is registered', async () => {
    const room = createRoom()
    server = await testServer(peersByHeader(room.agents.feature.routes))
    await room.start()
    const post = (payload: object) =>
      server!.app.inject({ method: 'POST', url: '/api/v1/agents', headers: CALLERS.control, payload })
    for (const more of [{ enforce: true }, { profile: 'x' }, { budget: { maxApiCalls: 1 } }]) {
      const answer = await post({ id: 'a', ...more })
      expect([answer.statusCode, answer.json().code]).toEqual([503, 'AE_NOT_READY'])
    }
    expect(room.ids()).toEqual([])
    expect((await post({ id: 'a' })).statusCode).toBe(201)
  })
})

describe('an agent without a runtime', () => {
  it('belongs to the user that registered it, also after a restart', async () => {
    const { room, post } = await setUp()
    await room.start()
    await post({ id: 'a' }, CALLERS.owner)
    expect(room.agents.get('a')?.uid).toBe(THEIRS)
    const registered = [
      {
        daemon_id: 'daemon',
        id: 'a',
        incarnation: 'registration:a:1',
        runtime: 'cooperative',
        role: null,
        vendor: null,
        workspace: null,
        started_ms: 1,
        registered_ms: 1,
        uid: THEIRS,
      },
    ]
    const { world, identities, checkpoints } = room
    const later = createRoom({}, { world, identities, checkpoints, registered })
    await later.start()
    expect(later.agents.get('a')?.uid).toBe(THEIRS)
  })

  it("is not taken over by another user's process that bears its name", async () => {
    const { room, post } = await setUp()
    await room.start()
    await post({ id: 'a' }, CALLERS.stranger)
    const shell = room.shell()
    room.run(shell, 'server', { environment: { AGENT_EXPORTER_AGENT: 'a' } })
    await room.seconds(3)
    expect(room.agents.get('a')).toMatchObject({ runtime: 'cooperative', conflict: false })
  })

  it("is disputed by another process of its own user's, on which nobody acts then", async () => {
    const { room, post } = await setUp()
    const environment = { AGENT_EXPORTER_AGENT: 'a' }
    room.run(room.shell(), 'server', { environment })
    room.run(room.shell(), 'server', { environment })
    await room.start()
    expect(room.agents.get('a')).toMatchObject({ runtime: 'process', conflict: true })
    expect((await post({ id: 'a' }, CALLERS.stranger)).status).toBe(403)
  })

  it('ends when it is retired, and nothing else does', async () => {
    const { room, post } = await setUp()
    const root = room.run(room.shell(), 'claude')
    await room.start()
    await post({ id: 'a' })
    await post({ id: 'b', runtime: { pid: root.pid } })
    for (const agent of [...room.agents.list()]) room.agents.retire(agent)
    expect(room.ids()).toEqual(['b'])
    expect(room.agents.get('a')?.state).toBe('exited')
  })
})

describe('what an agent is deleted by', () => {
  it('lets go of it first', async () => {
    const seen: string[] = []
    const { room, post, remove } = await setUp({
      beforeRemove: async (agent, actor) => void seen.push(`${agent.id} by ${actor}, there: ${room.ids()}`),
    })
    await room.start()
    await post({ id: 'a' })
    expect((await remove('a')).status).toBe(204)
    expect(seen).toEqual(['a by control, there: a'])
  })

  it.each([
    [new Problem('AE_STORE_UNAVAILABLE', 'x'), 503, 'AE_STORE_UNAVAILABLE'],
    [new Error('secret'), 409, 'AE_NOT_RELEASED'],
  ])('removes nothing when that fails: %s', async (fault, status, code) => {
    const { room, post, remove } = await setUp({ beforeRemove: () => Promise.reject(fault) })
    await room.start()
    await post({ id: 'a' })
    const answer = await remove('a')
    expect([answer.status, answer.body.code]).toEqual([status, code])
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(room.ids()).toEqual(['a'])
  })
})

describe('what other rooms say of an agent', () => {
  it('stands beside what this room says, which wins, and not in the list', async () => {
    const { room, post, app } = await setUp({
      describe: (id) => ({ id: 'x', phase: 'normal', filesRead: 3, of: id }),
    })
    await room.start()
    await post({ id: 'a' })
    const one = (await app.inject({ url: '/api/v1/agents/a' })).json()
    expect(one).toMatchObject({ id: 'a', phase: 'normal', filesRead: 3, of: 'a', runtime: 'cooperative' })
    const { items } = (await app.inject({ url: '/api/v1/agents' })).json()
    expect(items[0]).not.toHaveProperty('phase')
  })
})
