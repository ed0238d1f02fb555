import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintAgentToken } from '../../src/platform/http/agent-token.ts'
import { eventually, freePort } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Stranger, startStranger } from '../support/stranger.ts'

const INGEST = 'an-ingest-token-of-the-fleet'
const AGENT = 'runaway'
const OTHER = 'bystander'

interface Attempt {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}
interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

const stateOf = (pid: number) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

/** A zombie has ended, too: who adopted it decides when it is waited for. */
function hasEnded(pid: number): boolean {
  try {
    return stateOf(pid) === 'Z'
  } catch {
    return true
  }
}

describe('an agent that turns on its keeper', () => {
  const folder = temporaryFolder()
  const strangers: Stranger[] = []
  let daemon: Daemon
  let port: number
  let control: string
  let agent: Stranger
  let bystander: Stranger

  beforeAll(async () => {
    port = await freePort()
    daemon = await startDaemon({
      // Also on an address by which loopback looks like `::ffff:127.0.0.1`.
      args: [`--web.listen-address=[::]:${port}`],
      config: {
        control: { lock: `adversary-${process.pid}` },
        auth: {
          tokens: [
            {
              name: 'fleet',
              hashSha256: createHash('sha256').update(INGEST).digest('hex'),
              scopes: ['ingest'],
            },
          ],
        },
        resourceExhaustion: {
          thresholds: { maxApiCalls: 1_000 },
          roles: { spender: 'generous', saver: 'frugal' },
          profiles: { generous: { maxApiCalls: 1_000_000 }, frugal: { maxApiCalls: 10 } },
        },
      },
    })
    control = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
    agent = await start({ AGENT_EXPORTER_AGENT: AGENT })
    bystander = await start({ AGENT_EXPORTER_AGENT: OTHER })
    for (const [id, { pid }] of [
      [AGENT, agent],
      [OTHER, bystander],
    ] as const) {
      const answer = await byPerson('POST', '/api/v1/agents', {
        id,
        runtime: { pid },
        budget: { maxApiCalls: 50 },
      })
      expect(answer.status).toBeLessThan(300)
    }
  })
  afterAll(async () => {
    await Promise.all(strangers.map((stranger) => stranger.stop()))
    await daemon?.[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  async function start(env: Record<string, string>, file = '/bin/sleep', args = ['600']): Promise<Stranger> {
    const stranger = await startStranger(file, args, { env })
    strangers.push(stranger)
    return stranger
  }

  async function ask({ method, path, headers = {}, body }: Attempt, url = daemon.url): Promise<Answer> {
    const answer = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
    const text = await answer.text()
    let parsed: Answer['body'] = {}
    try {
      parsed = JSON.parse(text) as Answer['body']
    } catch {
      // Not every answer has a body.
    }
    return { status: answer.status, code: parsed['code'] as string | undefined, body: parsed }
  }

  const byPerson = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    ask({
      method,
      path,
      headers: { authorization: `Bearer ${control}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  const pause = async (id = AGENT) => {
    const { body } = await byPerson('POST', `/api/v1/agents/${id}/pause?wait=60s`, { reason: 'too much' })
    expect(['done', 'noop']).toContain(body['status'])
  }

  /** Everything that is judged of both agents and what is written of them. */
  async function world(): Promise<unknown> {
    const of = async (id: string) => {
      const { body } = await byPerson('GET', `/api/v1/agents/${id}`)
      const { incarnation, phase, thresholds, enforced, origin, conflict } = body
      return { id, incarnation, phase, thresholds, enforced, origin, conflict }
    }
    const { body } = await byPerson('GET', '/api/v1/control')
    const actions = (await byPerson('GET', '/api/v1/actions?limit=500')).body['items'] as { id: string }[]
    return {
      agents: [await of(AGENT), await of(OTHER)],
      control: body,
      actions: actions.map(({ id }) => id),
      stopped: [agent, bystander].map(({ pid }) => stateOf(pid) === 'T'),
    }
  }

  const json = { 'content-type': 'application/json' }
  const identities = (): readonly (readonly [who: string, headers: Record<string, string>])[] => [
    ['nobody', {}],
    ['the token it was given', { authorization: `Bearer ${mintAgentToken(control, AGENT)}` }],
    ["another agent's token", { authorization: `Bearer ${mintAgentToken(control, OTHER)}` }],
    ['a token of the fleet for reporting', { authorization: `Bearer ${INGEST}` }],
    [
      'a token it made up',
      { authorization: `Bearer agent.${Buffer.from('*').toString('base64url')}.${'A'.repeat(43)}` },
    ],
    ['a password', { authorization: `Basic ${Buffer.from('control:control').toString('base64')}` }],
    ['a proxy', { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1;by=root' }],
  ]

  /** What it would need control for. */
  const forbidden: readonly (readonly [what: string, method: string, path: string, body: unknown])[] = [
    ['resume itself', 'POST', `/api/v1/agents/${AGENT}/resume`, {}],
    [
      'resume itself with more',
      'POST',
      `/api/v1/agents/${AGENT}/resume`,
      { extraBudget: { maxApiCalls: 1e6 } },
    ],
    ['delete itself', 'DELETE', `/api/v1/agents/${AGENT}`, undefined],
    ['raise its budget', 'POST', '/api/v1/agents', { id: AGENT, budget: { maxApiCalls: 1e6 } }],
    ['choose a profile', 'POST', '/api/v1/agents', { id: AGENT, profile: 'generous' }],
    ['opt out', 'POST', '/api/v1/agents', { id: AGENT, enforce: false }],
    ['opt another in', 'POST', '/api/v1/agents', { id: OTHER, enforce: true }],
    ['pause another', 'POST', `/api/v1/agents/${OTHER}/pause`, { enforce: true }],
    ['end another', 'POST', `/api/v1/agents/${OTHER}/terminate`, { enforce: true }],
    ['engage the kill switch', 'PUT', '/api/v1/control/kill-switch', { engaged: true }],
    ['reset failure stops', 'POST', '/api/v1/control/reset', {}],
    ['reload', 'POST', '/-/reload', undefined],
  ]

  it.each(forbidden)('cannot %s', async (_, method, path, body) => {
    await pause()
    const before = await world()
    const addresses = [daemon.url, `http://127.0.0.1:${port}`, `http://[::ffff:127.0.0.1]:${port}`]
    for (const [who, headers] of identities()) {
      for (const url of addresses) {
        const text =
          body === undefined ? {} : { body: JSON.stringify(body), headers: { ...headers, ...json } }
        const answer = await ask({ method, path, headers, ...text }, url)
        expect([401, 403], `${who} at ${url}`).toContain(answer.status)
        expect(answer.code).toMatch(/^AE_/)
      }
    }
    expect(await world()).toEqual(before)
  })

  it("gets nothing by repeating a person's own request with its key", async () => {
    await pause()
    const key = { 'idempotency-key': 'resume-of-tuesday' }
    const path = `/api/v1/agents/${AGENT}/resume?wait=60s`
    expect((await byPerson('POST', path, { reason: 'go on' }, key)).body['status']).toBe('done')
    await pause()
    const before = await world()
    for (const [, headers] of identities()) {
      const answer = await ask({
        method: 'POST',
        path,
        headers: { ...headers, ...json, ...key },
        body: JSON.stringify({ reason: 'go on' }),
      })
      expect([401, 403]).toContain(answer.status)
    }
    // Nor does the person's own client resume a second time by a repetition of the network.
    await byPerson('POST', path, { reason: 'go on' }, key)
    expect(await world()).toEqual(before)
  })

  it('keeps its limits, whatever it says of itself', async () => {
    await pause()
    const before = (await world()) as { agents: object[] }
    for (const [, headers] of identities().slice(0, 2)) {
      for (const body of [
        { id: AGENT, role: 'spender' },
        { id: AGENT, role: 'spender', runtime: { pid: agent.pid } },
        { id: AGENT, runtime: { pid: bystander.pid } },
        { id: OTHER, runtime: { pid: agent.pid } },
        { id: AGENT, workspace: '/elsewhere' },
      ]) {
        await ask({
          method: 'POST',
          path: '/api/v1/agents',
          headers: { ...headers, ...json },
          body: JSON.stringify(body),
        })
      }
    }
    const after = (await world()) as { agents: object[] }
    expect(after).toEqual(before)
    expect(after.agents[0]).toMatchObject({ enforced: true, thresholds: { maxApiCalls: 50 } })
  })

  it('stays paused though it delivers, reports and asks meanwhile', async () => {
    await pause()
    const token = { authorization: `Bearer ${mintAgentToken(control, AGENT)}`, ...json }
    const about = `/api/v1/agents/${AGENT}`
    await ask({ method: 'POST', path: `${about}/deliverables`, headers: token, body: '{"type":"report"}' })
    await ask({ method: 'POST', path: `${about}/usage`, headers: token, body: '{"apiCalls":1}' })
    const gate = await ask({ method: 'GET', path: `${about}/gate`, headers: token })
    expect(gate.body['allowed']).toBe(false)
    const wait = await ask({ method: 'GET', path: `${about}/wait-for-resume?timeout=200ms`, headers: token })
    expect(wait.body['outcome']).toBe('timeout')
    expect(stateOf(agent.pid)).toBe('T')
    for (const method of ['POST', 'GET']) {
      const path = `/api/v1/agents/${OTHER}/${method === 'POST' ? 'usage' : 'gate'}`
      const body = method === 'POST' ? { body: '{"apiCalls":1000}' } : {}
      expect((await ask({ method, path, headers: token, ...body })).status).toBe(403)
    }
  })

  it('gets no looser limits by a role that it gives itself, but tighter ones', async () => {
    for (const [role, limit] of [
      ['spender', 1_000],
      ['saver', 10],
    ] as const) {
      const id = `role-${role}`
      await start({ AGENT_EXPORTER_AGENT: id, AGENT_EXPORTER_ROLE: role })
      const thresholds = await eventually('it is found', async () => {
        const { status, body } = await byPerson('GET', `/api/v1/agents/${id}`)
        return status === 200 ? body['thresholds'] : undefined
      })
      expect(thresholds).toMatchObject({ maxApiCalls: limit })
    }
  })

  it('does not switch enforcement off by starting a process that bears an id of somebody', async () => {
    await byPerson('POST', `/api/v1/agents/${OTHER}/resume?wait=60s`, {})
    const rival = await start({ AGENT_EXPORTER_AGENT: OTHER })
    const other = await eventually('it is found', async () => {
      const { items } = (await byPerson('GET', '/api/v1/agents?limit=500')).body as {
        items: { id: string; incarnation: string; conflict: boolean }[]
      }
      return items.find(({ incarnation }) => incarnation.split(':').at(-2) === String(rival.pid))
    })
    expect(other).toMatchObject({ conflict: false })
    expect(other.id).not.toBe(OTHER)
    await pause(OTHER)
    expect([bystander, rival].map(({ pid }) => stateOf(pid) === 'T')).toEqual([true, false])
    await byPerson('POST', `/api/v1/agents/${OTHER}/resume?wait=60s`, {})
  })

  it('takes no process out of its tree by naming another agent in its environment', async () => {
    const pids = join(folder.path, 'pids')
    writeFileSync(pids, '')
    const inner = 'AGENT_EXPORTER_AGENT=hideout setsid sh -c \'echo $$ >> "$0"; while :; do :; done\''
    const innermost = 'AGENT_EXPORTER_AGENT=deeper setsid sleep 601'
    const outer = await start({ AGENT_EXPORTER_AGENT: 'nested' }, '/bin/sh', [
      '-c',
      `${inner} ${pids} & AGENT_EXPORTER_AGENT=hideout2 sh -c '${innermost} & wait' & wait`,
    ])
    await byPerson('POST', '/api/v1/agents', { id: 'nested', runtime: { pid: outer.pid }, enforce: true })
    for (const id of ['hideout', 'hideout2', 'deeper']) {
      await eventually(
        `${id} is an agent of its own`,
        async () => (await byPerson('GET', `/api/v1/agents/${id}`)).status === 200 || undefined,
      )
    }
    // `setsid` bears the name before it becomes what works.
    const burner = await eventually('it works', () => Number(readFileSync(pids, 'utf8').trim()) || undefined)
    const sleeper = await pidOf('deeper')
    await pause('nested')
    expect([burner, outer.pid, sleeper].map(stateOf)).toEqual(['T', 'T', 'T'])
    expect((await byPerson('POST', '/api/v1/agents/nested/resume?wait=60s', {})).body['status']).toBe('done')
    expect(stateOf(burner)).toBe('R')
    const end = await byPerson('POST', '/api/v1/agents/nested/terminate?wait=60s', {})
    expect(end.body['status']).toBe('done')
    for (const pid of [burner, sleeper]) expect(hasEnded(pid)).toBe(true)
  })

  async function pidOf(id: string): Promise<number> {
    const { body } = await byPerson('GET', `/api/v1/agents/${id}`)
    return Number(String(body['incarnation']).split(':').at(-2))
  }

  describe('and a page in a browser', () => {
    const bodies: readonly (readonly [what: string, headers: Record<string, string>, body: string])[] = [
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'reason=x'],
      ['a form with a file', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--'],
      ['plain text', { 'content-type': 'text/plain' }, '{"reason":"x"}'],
      ['plain text that says it is JSON', { 'content-type': 'text/plain; application/json' }, '{}'],
    ]
    it.each([
      ...bodies.map(([what, headers, body]) => [what, headers, body, 415] as const),
      ['a foreign origin', { ...json, origin: 'https://evil.example' }, '{}', 403] as const,
      ['an opaque origin', { ...json, origin: 'null' }, '{}', 403] as const,
      ['a name that was bound again', { ...json, host: 'evil.example' }, '{}', 421] as const,
    ])('reaches nothing with %s', async (_, headers, body, status) => {
      const before = await world()
      // Whether or not the browser holds credentials.
      for (const authorization of [undefined, `Bearer ${control}`]) {
        for (const path of [`/api/v1/agents/${AGENT}/resume`, '/api/v1/agents', '/api/v1/control/reset']) {
          const named = 'host' in headers
          if (named && authorization !== undefined) continue
          const answer = await raw(
            'POST',
            path,
            { ...headers, ...(authorization && { authorization }) },
            body,
          )
          const expected = authorization === undefined && status === 415 ? [401, 415] : [status]
          expect(expected).toContain(answer)
        }
      }
      expect(await world()).toEqual(before)
    })

    it('has no other method than the one it uses', async () => {
      const before = await world()
      const path = `/api/v1/agents/${AGENT}`
      for (const headers of [{ 'x-http-method-override': 'DELETE' }, { 'x-method-override': 'DELETE' }]) {
        await ask({ method: 'GET', path, headers })
        await ask({ method: 'GET', path: `${path}?_method=DELETE`, headers })
        const answer = await ask({ method: 'POST', path, headers: { ...headers, ...json }, body: '{}' })
        expect([401, 403, 404, 405]).toContain(answer.status)
      }
      for (const verb of ['resume', 'pause', 'terminate']) {
        const answer = await ask({ method: 'GET', path: `${path}/${verb}` })
        expect([404, 405]).toContain(answer.status)
      }
      expect(await world()).toEqual(before)
    })
  })

  /** With a name and headers that `fetch` would not send. */
  async function raw(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<number> {
    const [host, at] = daemon.address.split(':')
    const socket = connect({ host: host!, port: Number(at) })
    await once(socket, 'connect')
    const all = {
      host: daemon.address,
      connection: 'close',
      'content-length': String(body.length),
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
    let text = ''
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part
    })
    socket.on('error', () => {})
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
    await once(socket, 'close')
    return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])
  }
})
