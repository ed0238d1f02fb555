import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FullAgent } from '../../../src/cli/agent-list.ts'
import { main } from '../../../src/cli/main.ts'
import type { TopSort } from '../../../src/cli/top-sort.ts'
import { renderTop, snapshotOf } from '../../../src/cli/top-view.ts'

const AT = new Date('2026-01-31T12:00:00Z')

function agent(
  id: string,
  more: Partial<FullAgent> & { metrics?: object; lifecycleState?: string } = {},
): FullAgent {
  const { metrics = {}, lifecycleState = 'running', ...rest } = more
  return { id, runtime: 'process', state: { lifecycleState, lifecycleMetrics: metrics }, ...rest }
}

const FLEET = [
  agent('calm', { role: 'coder', phase: 'normal', ratios: { tokens: 0.2, files: 0.1 } }),
  agent('gone', { phase: 'termination', lifecycleState: 'exited' }),
  agent('held', {
    ...{ role: 'coder', phase: 'intervention', ratios: { api_calls: 1.049 }, pausedAt: AT.toISOString() },
    metrics: { processes: 7, rssBytes: 3 * 1024 ** 2, cpuUserSeconds: 5, cpuSystemSeconds: 1 },
  }),
  agent('near', { phase: 'warning', ratios: { tokens: 0.85 } }),
]

describe('a look at the fleet', () => {
  it('A30 shows phase, share of the budget, state and memory, the most urgent first', () => {
    const text = renderTop(snapshotOf(FLEET, {}, AT), undefined, 0)
    const [totals, head, ...rows] = text.split('\n').map((line) => line.trim().split(/ {2,}/))
    expect(totals).toEqual([
      '12:00:00 UTC',
      '4 agents, 2 active, 1 paused; 1 normal, 1 warning, 1 intervention, 1 termination',
    ])
    expect(head).toEqual([
      ...['AGENT', 'ROLE', 'STATE', 'PHASE', 'BUDGET', 'CPU', 'PROCS', 'MEMORY', 'LIMIT', 'LEVEL', 'TREND'],
    ])
    expect(rows).toEqual([
      ['held', 'coder', 'paused', 'intervention', '104% api_calls', '-', '7', '3.0 MiB', '-', '-', '-'],
      ['near', '-', 'running', 'warning', '85% tokens', '-', '-', '-', '-', '-', '-'],
      ['calm', 'coder', 'running', 'normal', '20% tokens', '-', '-', '-', '-', '-', '-'],
      ['gone', '-', 'exited', 'termination', '-', '-', '-', '-', '-', '-', '-'],
    ])
  })

  it('shows CPU as a share of one core since the look before', () => {
    const later = FLEET.map((one) =>
      one.id === 'held' ? agent('held', { metrics: { cpuUserSeconds: 6, cpuSystemSeconds: 3 } }) : one,
    )
    const text = renderTop(snapshotOf(later, {}, AT), { agents: FLEET, at: 1_000 }, 3_000)
    expect(text).toMatch(/held .* 150% /)
    expect(text).toMatch(/near +- +running +warning +85% tokens +- /)
  })

  it('can be narrowed to a role, a state, a phase', () => {
    const ids = (filter: object) => snapshotOf(FLEET, filter, AT).agents.map(({ id }) => id)
    expect(ids({ role: 'coder' })).toEqual(['held', 'calm'])
    expect(ids({ state: 'paused' })).toEqual(['held'])
    expect(ids({ phase: 'warning' })).toEqual(['near'])
    expect(renderTop(snapshotOf(FLEET, { role: 'nobody' }, AT), undefined, 0)).toContain('No agents.')
  })

  it('is sorted by what is asked for, those that ended last, unknown numbers before them', () => {
    const earlier = { agents: FLEET, at: 0 }
    const later = FLEET.map((one) =>
      one.id === 'held'
        ? agent('held', { metrics: { rssBytes: 1, cpuUserSeconds: 6, cpuSystemSeconds: 3 } })
        : one,
    )
    const ids = (sort: TopSort) => snapshotOf(later, { sort }, AT, earlier, 1_000).agents.map(({ id }) => id)
    expect(ids('name')).toEqual(['calm', 'held', 'near', 'gone'])
    expect(ids('memory')).toEqual(['held', 'calm', 'near', 'gone'])
    expect(ids('cpu')).toEqual(['held', 'calm', 'near', 'gone'])
    expect(ids('tokens')).toEqual(['near', 'calm', 'held', 'gone'])
  })
})

describe('agent-exporter top', () => {
  let server: Server
  let url: string
  const asked: string[] = []

  beforeEach(async () => {
    asked.length = 0
    server = createServer((request, response) => {
      asked.push(request.url ?? '')
      const isFirst = !request.url?.includes('cursor=')
      response.setHeader('content-type', 'application/json')
      const items = isFirst ? FLEET.slice(0, 2) : FLEET.slice(2)
      response.end(JSON.stringify({ items, nextCursor: isFirst ? 'next' : null }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(() => {
    vi.restoreAllMocks()
    server.closeAllConnections()
    server.close()
  })

  async function run(...argv: string[]) {
    let out = ''
    const keep = (text: unknown) => {
      out += String(text)
      return true
    }
    vi.spyOn(process.stdout, 'write').mockImplementation(keep)
    vi.spyOn(process.stderr, 'write').mockImplementation(keep)
    vi.spyOn(console, 'log').mockImplementation(keep)
    return { code: await main(['top', '--url', url, ...argv]), out }
  }

  it('A30 prints one snapshot of all pages as JSON', async () => {
    const { code, out } = await run('--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      stats: {
        ...{ total: 4, active: 2, paused: 1 },
        byState: { paused: 1, running: 2, exited: 1 },
        byPhase: { normal: 1, warning: 1, intervention: 1, termination: 1 },
      },
      agents: [{ id: 'held', phase: 'intervention' }, {}, {}, {}],
    })
    expect(asked).toEqual([
      '/api/v1/agents?limit=500&view=full',
      '/api/v1/agents?limit=500&view=full&cursor=next',
    ])
  })

  it('prints a table without control characters where there is no terminal', async () => {
    const { code, out } = await run('--count', '1')
    expect(code).toBe(0)
    expect(out).toContain('104% api_calls')
    expect(out).not.toContain('\x1b')
  })

  it('refuses an interval that is none, and a daemon that is not there', async () => {
    expect((await run('--interval', '0.5')).code).toBe(2)
    expect((await run('--url', 'http://127.0.0.1:9')).code).toBe(3)
  })
})
