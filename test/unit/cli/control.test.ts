import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { main } from '../../../src/cli/main.ts'

interface Asked {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly type: string | undefined
  readonly body: unknown
}

let server: Server
let url: string
let asked: Asked[]
let answer: { status: number; body: unknown }

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

beforeEach(async () => {
  asked = []
  answer = { status: 202, body: {} }
  server = createServer((request, response) => {
    void textOf(request).then((text) => {
      const { method, headers } = request
      asked.push({
        method,
        url: request.url,
        type: headers['content-type'],
        body: text === '' ? undefined : JSON.parse(text),
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer.body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  vi.restoreAllMocks()
  server.closeAllConnections()
  server.close()
})

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const keepIn = (list: string[]) => (text: unknown) => {
    list.push(String(text))
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(keepIn(out))
  vi.spyOn(process.stderr, 'write').mockImplementation(keepIn(err))
  vi.spyOn(console, 'log').mockImplementation(keepIn(out))
  const code = await main(argv)
  return { code, out: out.join('\n'), err: err.join('\n') }
}

const entry = (more: object) => ({
  id: 'act-1',
  at: '2026-01-01T00:00:00.000Z',
  agent: 'mine',
  action: 'pause',
  trigger: 'human',
  actor: 'control',
  reason: 'too many tokens',
  status: 'done',
  count: 1,
  ...more,
})

describe('pause, resume, terminate', () => {
  it('say what was verified', async () => {
    answer.body = entry({ rung: 'sigstop', durationMs: 83 })
    const { code, out } = await run('pause', 'mine', '--url', url, '--reason', 'enough', '--enforce')
    expect([code, out]).toEqual([0, 'mine is paused (sigstop, 83 ms).'])
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/api/v1/agents/mine/pause?wait=10s',
        type: 'application/json',
        body: { reason: 'enough', enforce: true },
      },
    ])
  })

  it('wait as long as they are told to', async () => {
    answer.body = entry({ action: 'terminate' })
    await run('terminate', 'mine', '--url', url)
    await run('terminate', 'mine', '--url', url, '--wait', '1m', '--dry-run')
    expect(asked.map((one) => [one.url, one.body])).toEqual([
      ['/api/v1/agents/mine/terminate?wait=30s', {}],
      ['/api/v1/agents/mine/terminate?wait=1m', { dryRun: true }],
    ])
  })

  it('end with 1 when it was refused, with the answer where it is asked for', async () => {
    answer.body = entry({ status: 'refused', refusal: 'kill_switch' })
    const { code, out, err } = await run('pause', 'mine', '--url', url, '--json')
    expect([code, JSON.parse(out).refusal]).toEqual([1, 'kill_switch'])
    expect(err).toContain('Refused to pause mine: the kill switch is engaged')
  })

  it('end with 4 for an unknown agent, with 3 without a daemon, with 2 for nonsense', async () => {
    answer = { status: 404, body: { code: 'AE_AGENT_NOT_FOUND', detail: 'There is no agent mine.' } }
    const unknown = await run('pause', 'mine', '--url', url)
    expect([unknown.code, unknown.err]).toEqual([
      4,
      expect.stringContaining('AE_AGENT_NOT_FOUND: There is no agent mine.'),
    ])
    expect((await run('pause', 'mine', '--url', 'http://127.0.0.1:9')).code).toBe(3)
    expect((await run('pause', '../mine', '--url', url)).code).toBe(2)
    expect((await run('pause', 'mine', '--wait', '2m', '--url', url)).code).toBe(2)
    expect((await run('pause', '--url', url)).code).toBe(2)
    expect(asked).toHaveLength(1)
  })

  it('believe nobody who is no daemon', async () => {
    answer = { status: 200, body: 'hello' }
    expect((await run('resume', 'mine', '--url', url)).code).toBe(1)
  })
})

describe('kill-switch', () => {
  it('is flipped and asked', async () => {
    answer = { status: 200, body: { engaged: true, actor: 'control', since: '2026-01-01T00:00:00.000Z' } }
    const on = await run('kill-switch', 'on', '--reason', 'fire', '--url', url)
    expect([on.code, on.out]).toEqual([0, 'The kill switch is on since 2026-01-01T00:00:00.000Z by control.'])
    answer.body = { killSwitch: { engaged: false } }
    const status = await run('kill-switch', '--url', url)
    expect([status.code, status.out]).toEqual([0, 'The kill switch is off.'])
    expect(asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['PUT', '/api/v1/control/kill-switch', { engaged: true, reason: 'fire' }],
      ['GET', '/api/v1/control', undefined],
    ])
  })
})

describe('actions', () => {
  it('shows the journal as a table', async () => {
    answer = {
      status: 200,
      body: {
        items: [
          entry({ rung: 'sigstop', durationMs: 83 }),
          entry({ status: 'refused', refusal: 'cooldown', count: 3, trigger: 'budget', actor: 'budget' }),
        ],
      },
    }
    const { code, out } = await run('actions', '--agent', 'mine', '--since', '24h', '--url', url)
    expect(code).toBe(0)
    const [head, first, second] = out.split('\n')
    expect(head).toMatch(/^AT +AGENT +ACTION +STATUS +BY +HOW +WHY$/)
    expect(first).toMatch(
      /^2026-01-01T00:00:00Z +mine +pause +done +human: control +sigstop, 83 ms +too many tokens$/,
    )
    expect(second).toMatch(/refused \(cooldown\) ×3 +budget +- /)
    expect(asked[0]?.url).toBe('/api/v1/actions?agent=mine&since=24h&limit=20')
  })

  it('says when there is none, and knows its filters', async () => {
    answer = { status: 200, body: { items: [] } }
    expect((await run('actions', '--url', url)).out).toBe('No actions.')
    expect((await run('actions', '--status', 'open', '--url', url)).code).toBe(2)
    expect((await run('actions', '--limit', '0', '--url', url)).code).toBe(2)
  })
})

describe('deliverable', () => {
  it('is recorded', async () => {
    answer = { status: 201, body: { id: 'd' } }
    const { code, out } = await run(
      ...['deliverable', 'mine', 'code_commit', '--description', 'fix', '--url', url],
      ...['--artifact', 'abc123', '--artifact', 'report.md'],
    )
    expect([code, out]).toEqual([0, 'Recorded code_commit of mine.'])
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/api/v1/agents/mine/deliverables',
        type: 'application/json',
        body: { type: 'code_commit', description: 'fix', artifacts: ['abc123', 'report.md'] },
      },
    ])
  })

  it('has a known type', async () => {
    expect((await run('deliverable', 'mine', 'a_lot_of_work', '--url', url)).code).toBe(2)
    expect(asked).toEqual([])
  })
})
