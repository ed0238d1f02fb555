import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { type Child, eventually, startChild } from '../support/child.ts'
import { cleanEnvironment } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type AgentProcess, startAgent } from '../support/processes.ts'

/** Starts a program and, like a supervisor that is busy, does not ask for a minute how it ended. */
const NEGLIGENT = 'if (fork) { sleep 60 } else { exec @ARGV }'

// biome-ignore lint/suspicious/noExplicitAny: answers of many routes.
type Json = any

/** What people, programs and other daemons ask of a running daemon with real agents. */
describe.runIf(process.platform === 'linux')('monitoring by a running daemon', () => {
  const folder = temporaryFolder()
  const tokens = { 'host-a': secret(), 'host-b': secret(), 'reader-a': secret() }
  let daemon: ActingDaemon
  let agent: AgentProcess
  const children: Child[] = []

  beforeAll(async () => {
    const token = (name: keyof typeof tokens, scopes: string[], agents: string[]) => {
      const file = join(folder.path, `${name}.token`)
      writeFileSync(file, tokens[name], { mode: 0o600 })
      return { name, file, scopes, agents }
    }
    agent = await startAgent('resident', { id: 'a-resident', role: 'coder' })
    daemon = await startActingDaemon({
      config: {
        agents: { discovery: { processes: true, containers: false, commands: [] } },
        auth: {
          tokens: [
            token('host-a', ['ingest'], ['a-*']),
            token('host-b', ['ingest'], ['b-*']),
            token('reader-a', ['read', 'control', 'ingest'], ['a-*']),
          ],
        },
      },
    })
  })
  afterAll(async () => {
    for (const child of children) await child.stop('SIGKILL')
    await daemon?.[Symbol.asyncDispose]()
    await agent?.stop()
    folder[Symbol.dispose]()
  })

  async function ask(method: string, path: string, body?: object, who?: keyof typeof tokens) {
    const answer = await daemon.get(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(who === undefined ? {} : { authorization: `Bearer ${tokens[who]}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Json }
  }
  const get = async (path: string, who?: keyof typeof tokens) => (await ask('GET', path, undefined, who)).body

  it('R01 R32 shows a real agent as it is measured, judged and known', async () => {
    const own = await eventually('its CPU is known', async () => {
      const { agents } = await get('/api/metrics/agents')
      return agents.find((one: Json) => one.name === 'a-resident' && one.cpuPercent !== null)
    })
    expect(own).toMatchObject({
      ...{
        pid: agent.pid,
        runtime: 'process',
        host: null,
        status: expect.stringMatching(/^(running|idle)$/),
      },
      ...{ alertLevel: 'normal', trend: 'unknown', heapUsedBytes: null },
    })
    expect(own.rssBytes).toBeGreaterThan(20e6)
    expect(own.highWatermark).toBeGreaterThanOrEqual(own.rssBytes)
    expect(own.lowWatermark).toBeLessThanOrEqual(own.rssBytes)
    expect(own.uptimeMs).toBeGreaterThan(0)
    const { metrics, stats } = await get('/api/monitoring/agents/a-resident/metrics?hours=1')
    expect(stats).toMatchObject({ count: metrics.length, latestAlertLevel: 'normal' })
    expect(stats.maxRss).toBeGreaterThan(20e6)
  })

  it('R34 gives Prometheus and people the same numbers', async () => {
    // Between the answers the agents may have been sampled again, and others of this machine come and go.
    await eventually('both are told the same', async () => {
      const { samples } = parseExposition(await daemon.scrape('text'), 'text')
      const exposed = (name: string, of?: string) =>
        samples.find((one) => one.name === name && one.labels['agent'] === of)!.value
      const { agents } = await get('/api/metrics/agents')
      const own = agents.find((one: Json) => one.name === 'a-resident')
      expect(exposed('agent_memory_rss_bytes', own.name)).toBe(own.rssBytes)
      const startedAt = Date.parse(own.startedAt)
      expect(exposed('agent_start_timestamp_seconds', own.name) * 1_000).toBeCloseTo(startedAt, -1)
      const health = await get('/api/metrics/health')
      expect(Math.round(100 * exposed('agent_fleet_health_ratio'))).toBe(health.healthScore)
      return true
    })
  })

  it('R57 detects the crash of an agent and announces it, told by nobody', async () => {
    const heard: Json[] = []
    // Agents of others on this machine come and go, too.
    const isOurs = (type: string) => (one: Json) => one.type === type && one.agent === 'a-doomed'
    const isCrash = isOurs('agent.crashed')
    const listening = new AbortController()
    const stream = await daemon.get('/api/v1/events/stream?types=agent.exited,agent.crashed', {
      signal: listening.signal,
    })
    const reading = (async () => {
      let text = ''
      for await (const chunk of stream.body!) {
        text += Buffer.from(chunk).toString()
        heard.splice(0, heard.length)
        for (const [, data] of text.matchAll(/^data: (.*)$/gm)) heard.push(JSON.parse(data!))
      }
    })().catch(() => {})
    const agentOf = [
      'env',
      'AGENT_EXPORTER_AGENT=a-doomed',
      process.execPath,
      '-e',
      'setInterval(() => {}, 1000)',
    ]
    const supervisor = await startChild('perl', ['-e', NEGLIGENT, ...agentOf], { env: cleanEnvironment() })
    children.push(supervisor)
    const doomed = await eventually('it is found', async () => {
      const { agents } = await get('/api/metrics/agents')
      return agents.find((one: Json) => one.name === 'a-doomed' && one.rssBytes !== null)
    })
    process.kill(doomed.pid, 'SIGSEGV')
    await eventually('the crash is announced', () => heard.some(isCrash) || undefined)
    listening.abort()
    await reading
    const crashed = heard.find(isCrash)
    expect(crashed).toMatchObject({ agent: 'a-doomed', detail: { cause: 'segfault', signal: 'SIGSEGV' } })
    expect(heard.some(isOurs('agent.exited'))).toBe(true)
    const { crashes } = await get('/api/monitoring/crashes?agentName=a-doomed')
    expect(crashes).toMatchObject([{ id: crashed.detail.crashId, cause: 'segfault', likelyCause: 'signal' }])
    await eventually('its session is closed', async () => {
      const { sessions } = await get('/api/metrics')
      expect(sessions.recentSessions).toContainEqual(
        expect.objectContaining({ agentName: 'a-doomed', closedBy: 'crashed' }),
      )
      return true
    })
    expect((await get('/api/monitoring/overview')).summary.totalCrashes24h).toBeGreaterThan(0)
  })

  describe('a token that covers the agents a-*', () => {
    const metrics = (names: string[], who: keyof typeof tokens) =>
      ask('POST', '/api/monitoring/metrics', { agents: names.map((name) => ({ name, rssBytes: 5e8 })) }, who)
    const crash = (agentName: string, who: keyof typeof tokens) =>
      ask(
        'POST',
        '/api/monitoring/crash',
        { crash: { agentName, signal: 'SIGABRT', lastOutput: 'x'.repeat(30_000) } },
        who,
      )
    const alert = (agentName: string, who: keyof typeof tokens) =>
      ask(
        'POST',
        '/api/monitoring/alert',
        { alert: { agentName, alertType: 'critical', currentRss: 1e9 } },
        who,
      )

    it('writes nothing about b-*', async () => {
      expect((await metrics(['b-1'], 'host-b')).status).toBe(200)
      expect((await crash('b-1', 'host-b')).status).toBe(200)
      expect((await alert('b-1', 'host-b')).status).toBe(200)
      for (const tell of [
        () => metrics(['a-1', 'b-1'], 'host-a'),
        () => crash('b-1', 'host-a'),
        () => alert('b-1', 'host-a'),
      ]) {
        expect(await tell()).toMatchObject({ status: 403, body: { code: 'AE_FORBIDDEN' } })
      }
      expect((await get('/api/monitoring/agents/b-1/metrics')).stats.count).toBe(1)
      expect((await get('/api/monitoring/alerts?agentName=b-1')).alerts).toHaveLength(1)
    })

    it('reads nothing about b-*, in no list, by no id and in no number', async () => {
      expect((await metrics(['a-1'], 'host-a')).status).toBe(200)
      const { alerts } = await get('/api/monitoring/alerts')
      const { crashes } = await get('/api/monitoring/crashes?agentName=b-1')
      for (const path of [
        '/api/monitoring/overview',
        '/api/monitoring/alerts',
        '/api/monitoring/alerts?daemonId=host-b',
        '/api/monitoring/alerts?agentName=b-1',
        '/api/monitoring/crashes?daemonId=host-b',
        '/api/monitoring/insights',
        '/api/metrics/agents',
        '/api/metrics/health',
        '/api/metrics',
      ]) {
        const { status, body } = await ask('GET', path, undefined, 'reader-a')
        expect(status, path).toBe(200)
        expect(JSON.stringify(body), path).not.toMatch(/\bb-1\b|host-b/)
      }
      const refused = [
        ['GET', '/api/monitoring/agents/b-1/metrics', 403],
        ['GET', `/api/monitoring/crashes/${crashes[0].id}`, 404],
        ['POST', `/api/monitoring/alerts/${alerts[0].id}/acknowledge`, 404],
      ] as const
      for (const [method, path, status] of refused) {
        const body = method === 'POST' ? {} : undefined
        expect((await ask(method, path, body, 'reader-a')).status, path).toBe(status)
      }
      expect((await get('/api/monitoring/alerts', 'reader-a')).unacknowledgedCount).toBe(0)
      expect((await get('/api/monitoring/overview', 'reader-a')).daemons.map(({ id }: Json) => id)).toEqual([
        expect.any(String),
        'host-a',
      ])
    })

    it('keeps of an output what the configuration allows', async () => {
      const { crashes } = await get('/api/monitoring/crashes?agentName=b-1')
      const { crash: kept } = await get(`/api/monitoring/crashes/${crashes[0].id}`)
      expect(kept.lastOutput.length).toBeLessThanOrEqual(2_000)
    })
  })

  it('knows what it was told after a restart', async () => {
    const before = await get('/api/monitoring/overview')
    const dataDir = daemon.dataDir
    expect(before.latestMetrics.map(({ agentName }: Json) => agentName)).toContain('b-1')
    await daemon.stop()
    await using next = await startActingDaemon({
      dataDir,
      config: { agents: { discovery: { processes: false, containers: false } } },
    })
    const { body } = await next.call<Json>('GET', '/api/monitoring/overview')
    expect(body.daemons.map(({ id }: Json) => id).sort()).toEqual(
      before.daemons.map(({ id }: Json) => id).sort(),
    )
    expect(body.summary.totalCrashes24h).toBeGreaterThanOrEqual(before.summary.totalCrashes24h)
    expect(body.summary.totalAlerts24h).toBeGreaterThan(0)
  })
})

function secret(): string {
  return randomBytes(24).toString('base64url')
}
