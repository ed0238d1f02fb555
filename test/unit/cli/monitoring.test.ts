import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sparkline } from '../../../src/cli/metrics-view.ts'
import { type Ended, runCli } from '../../support/command-line.ts'
import { type AskedCall, type FakeAnswer, type FakeApi, startFakeApi } from '../../support/fake-api.ts'
import { monitoringAnswer } from '../../support/monitoring-answers.ts'

let api: FakeApi
let answer: (call: AskedCall) => FakeAnswer | undefined

beforeAll(async () => {
  api = await startFakeApi((call) => answer(call))
})
afterAll(() => api[Symbol.asyncDispose]())
beforeEach(() => {
  answer = monitoringAnswer
  api.asked.length = 0
})

const run = (...argv: string[]): Promise<Ended> => runCli(...argv, '--url', api.url)

describe('R29 metrics', () => {
  it('prints a dash for what is not known, never a zero', async () => {
    const { out } = await run('metrics', '--agent', 'unknown')
    expect(out.split('\n')[1]).toMatch(/^unknown( +-| +unknown)+ *$/)
    expect(out).toContain('1 agent, -; host 6.3 GiB available of 16.0 GiB')
  })

  it('prints the answer of the API as JSON, of one agent when asked', async () => {
    const all = JSON.parse((await run('metrics', '--json')).out)
    expect(all.agents).toHaveLength(5)
    expect(all.system.totalAgents).toBe(5)
    const one = JSON.parse((await run('metrics', '--json', '--agent', 'about-to-be-killed')).out)
    expect(one.agents).toMatchObject([{ name: 'about-to-be-killed', alertLevel: 'oom_imminent' }])
  })

  it('ends with 4 for an agent that is not there', async () => {
    const { code, out, err } = await run('metrics', '--agent', 'nobody\u001b[2J')
    expect({ code, out }).toEqual({ code: 4, out: '' })
    expect(err).toBe('There is no agent nobody\ufffd[2J.\n')
  })

  it('shows the course of the last hour, and a dash for who has none', async () => {
    const { out } = await run('metrics')
    expect(out).toMatch(/^claude-3f2a9c01 .*[▁▂▃▄▅▆▇█]{5}/m)
    expect(api.asked.map(({ path }) => path)).toContain(
      '/api/monitoring/agents/claude-3f2a9c01/metrics?hours=1',
    )
  })

  it('refuses an interval that is none', async () => {
    expect((await run('metrics', '--watch', '--interval', '10')).code).toBe(2)
    expect((await run('metrics', '--watch', '--interval', 'often')).code).toBe(2)
  })

  it('says so when there is nobody, and when something else answers', async () => {
    answer = () => ({ body: { agents: [], system: {} } })
    expect((await run('metrics')).out).toBe('No agents.\n')
    answer = () => ({ body: { hello: 'world' } })
    expect(await run('metrics')).toMatchObject({ code: 1, err: 'What answers there is no agent-exporter.\n' })
    expect((await runCli('metrics', '--url', 'http://127.0.0.1:9')).code).toBe(3)
  })
})

describe('the course of memory', () => {
  const at = (bytes: readonly (number | undefined)[]) =>
    bytes.map((value, i) => ({ atMs: i * 1_000, bytes: value }))

  it('rises from the lowest to the highest, with gaps where nothing was read', () => {
    expect(sparkline(at([0, 10, 20, 30, 40, 50, 60, 70]))).toBe('▁▂▃▄▅▆▇█')
    expect(sparkline(at([5, undefined, 9]))).toBe('▁ █')
    expect(sparkline(at([7, 7, 7]))).toBe('▅▅▅')
    expect(sparkline(at([undefined]))).toBe('-')
    expect(sparkline([])).toBe('-')
  })

  it('is even in time, however unevenly it was measured', () => {
    const old = Array.from({ length: 10 }, (_, i) => ({ atMs: i * 60_000, bytes: 0 }))
    const recent = Array.from({ length: 600 }, (_, i) => ({ atMs: 600_000 + i * 1_000, bytes: 100 }))
    expect(sparkline([...old, ...recent])).toBe('▁▁▁▁▁▁██████')
  })
})

describe('R30 health', () => {
  it('shows score, issues and what to do; lists when asked', async () => {
    const { out } = await run('health')
    expect(out).toContain('score    42/100')
    expect(out).toMatch(/^critical +1 agent about to run out of memory\./m)
    expect(out).toContain('→ Resize or end them now.')
    expect(out).not.toContain('oom_cgroup')
    const full = await run('health', '--crashes', '--alerts')
    expect(full.out).toMatch(/oom_cgroup/)
    expect(full.out).toMatch(/about-to-be-killed +oom_imminent/)
  })

  it('ends with 5 when unhealthy, if asked to', async () => {
    expect((await run('health')).code).toBe(0)
    const { code, out, err } = await run('health', '--exit-code', '--json')
    expect(code).toBe(5)
    expect(JSON.parse(out).healthScore).toBe(42)
    expect(err).toBe('Unhealthy: a score of 42.\n')
  })

  it.each([
    [100, [], 0],
    [50, ['high'], 0],
    [49, [], 5],
    [95, ['critical'], 5],
  ])(
    'takes a score of %i with the issues %j for an exit code of %i',
    async (healthScore, severities, code) => {
      const report = monitoringAnswer({ method: 'GET', path: '/api/metrics/health', body: undefined })!
        .body as object
      const issues = severities.map((severity) => ({ severity, message: 'text' }))
      answer = () => ({ body: { ...report, healthScore, issues } })
      expect((await run('health', '--exit-code')).code).toBe(code)
    },
  )

  it('says when there is nothing to list', async () => {
    const report = monitoringAnswer({ method: 'GET', path: '/api/metrics/health', body: undefined })!
      .body as object
    answer = () => ({ body: { ...report, issues: [], recommendations: [], crashes: [], alerts: [] } })
    const { out } = await run('health', '--crashes', '--alerts')
    expect(out).toContain('No crashes.')
    expect(out).toContain('No open alerts.')
  })
})

describe('crashes', () => {
  it('are asked for by agent and cause', async () => {
    await run('crashes', '--agent', 'a b', '--cause', 'oom_cgroup', '--limit', '3')
    expect(api.asked[0]!.path).toBe('/api/monitoring/crashes?limit=3&agentName=a+b&cause=oom_cgroup')
    expect((await run('crashes', '--cause', 'bad luck')).code).toBe(2)
  })

  it('are shown one by one with evidence and last words', async () => {
    const id = '7c1e0b52-93f4-4c5e-8a11-0c9f3b6f2a01'
    const { out } = await run('crashes', id)
    expect(out).toContain('  cgroup: one OOM kill within two seconds before the end')
    expect(out).toContain('memory   1018 MiB last, 1020 MiB peak of 1.0 GiB, growing')
    expect(out).toMatch(/last output\n {2}last words/)
    expect(JSON.parse((await run('crashes', id, '--json')).out).crash.id).toBe(id)
  })

  it('are found by as much of their id as the list shows', async () => {
    const { out } = await run('crashes')
    const short = /^(\S+) .*oom_cgroup/m.exec(out)![1]!
    expect((await run('crashes', short)).out).toContain(`crash    ${short}`)
    expect(short).toHaveLength(8)
    expect(await run('crashes', '')).toMatchObject({ code: 2 })
  })

  it('end with 4 for one that is not there', async () => {
    expect((await run('crashes', 'none')).code).toBe(4)
    answer = () => ({ body: { crashes: [], stats: {} } })
    expect((await run('crashes')).out).toBe('No crashes.\n')
  })
})

describe('alerts', () => {
  it('are the open ones unless all are asked for', async () => {
    const { out } = await run('alerts')
    expect(out).toContain('7 alerts are open.')
    await run('alerts', '--all', '--agent', 'one')
    expect(api.asked.map(({ path }) => path)).toEqual([
      '/api/monitoring/alerts?limit=20&acknowledged=false',
      '/api/monitoring/alerts?limit=20&agentName=one',
    ])
    answer = () => ({ body: { alerts: [], unacknowledgedCount: 0 } })
    expect((await run('alerts')).out).toBe('No open alerts.\n')
  })

  it('are acknowledged one by one', async () => {
    expect((await run('alerts', 'acknowledge', 'id/1')).out).toBe('Acknowledged id/1.\n')
    expect(api.asked[0]).toEqual({
      method: 'POST',
      path: '/api/monitoring/alerts/id%2F1/acknowledge',
      body: {},
    })
    answer = (call) => (call.method === 'GET' ? monitoringAnswer(call) : undefined)
    expect(await run('alerts', 'acknowledge', 'none')).toMatchObject({
      code: 4,
      err: 'There is no alert none.\n',
    })
    expect((await run('alerts', 'acknowledge')).code).toBe(2)
  })
})
