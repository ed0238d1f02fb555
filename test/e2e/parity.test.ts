import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/index.ts'
import { eventually } from '../support/child.ts'
import { runCommand } from '../support/command.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { type AgentProcess, startAgent } from '../support/processes.ts'
import { describeWith } from '../support/services.ts'

/** Names and types of the system that this one replaces. */
const FAMILIES = {
  resource_exhaustion_warnings_total: 'counter',
  resource_exhaustion_interventions_total: 'counter',
  resource_exhaustion_terminations_total: 'counter',
  agents_paused_current: 'gauge',
  agent_files_accessed: 'histogram',
  agent_api_calls: 'histogram',
  agent_tokens_consumed: 'histogram',
}

const ID = 'parity'

/** One life of an agent from its registration to its end, as a client of the replaced system would drive it. */
describe('what the replaced system could do, on a running daemon and a real process', () => {
  let daemon: Daemon
  let agent: AgentProcess
  let token: string

  beforeAll(async () => {
    agent = await startAgent('cpu', { id: ID, role: 'coder' })
    daemon = await startDaemon({
      config: {
        agents: { discovery: { processes: false, containers: false } },
        resourceExhaustion: { profiles: { narrow: { maxApiCalls: 10 } } },
        control: { lock: `parity-${process.pid}` },
      },
    })
    token = readFileSync(join(daemon.dataDir, 'control.token'), 'utf8').trim()
    const body = { id: ID, role: 'coder', runtime: { pid: agent.pid }, profile: 'narrow' }
    expect((await call('POST', '', body)).status).toBe(201)
  })
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await agent?.stop()
  })

  async function call(method: string, path: string, body?: object) {
    const answer = await daemon.get(`/api/v1/agents${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const get = async (path: string) => (await (await daemon.get(path)).json()) as Record<string, unknown>
  const state = () => readFileSync(`/proc/${agent.pid}/stat`, 'utf8').replace(/.*\) /s, '')[0]

  it('A34 takes the limits of the profile that was chosen', async () => {
    expect((await call('GET', `/${ID}`)).body).toMatchObject({
      thresholds: { maxApiCalls: 10, maxFilesAccessed: 100 },
      enforced: true,
    })
  })

  it('A24 answers the five routes: resources of an agent, deliverable, pause, resume, resources of all', async () => {
    expect((await call('GET', `/${ID}`)).body).toMatchObject({
      ...{ agentId: ID, filesRead: 0, apiCallsCount: 0, subtasksSpawned: 0, tokensConsumed: 0 },
      ...{ phase: 'normal', lastDeliverableAt: null, pausedAt: null, pauseReason: null },
    })
    const made = { type: 'tests_passed', description: 'All green', artifacts: ['report.xml'] }
    const deliverable = await call('POST', `/${ID}/deliverables`, made)
    expect(deliverable.status).toBe(201)
    expect(deliverable.body).toMatchObject({ type: 'test_passed', description: 'All green' })
    const paused = await call('POST', `/${ID}/pause?wait=60s`, { reason: 'let me look' })
    expect(paused.body).toMatchObject({ status: 'done' })
    expect(state()).toBe('T')
    expect((await call('GET', `/${ID}`)).body).toMatchObject({
      pausedAt: expect.any(String),
      pauseReason: 'let me look',
    })
    expect((await call('POST', `/${ID}/resume?wait=60s`, {})).body).toMatchObject({ status: 'done' })
    expect(state()).not.toBe('T')
    expect(await get('/api/v1/resources')).toMatchObject({ enabled: true, metrics: { pausedAgents: 0 } })
    expect((await call('GET', '/nobody')).status).toBe(404)
  })

  it('A27 pushes pauses and resumes to whoever listens; A09 tells those who wait', async () => {
    const heard: { type: string; agent: string; detail: { reason: string } }[] = []
    const listening = new AbortController()
    const stream = await daemon.get('/api/v1/events/stream?types=agent.paused,agent.resumed', {
      signal: listening.signal,
    })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    const reading = (async () => {
      let text = ''
      for await (const chunk of stream.body!) {
        text += Buffer.from(chunk).toString()
        heard.splice(0, heard.length)
        for (const [, data] of text.matchAll(/^data: (.*)$/gm))
          heard.push(JSON.parse(data!) as (typeof heard)[0])
      }
    })().catch(() => {})
    const client = createClient({ url: daemon.url, agent: ID, token })
    await client.pause({ reason: 'A27', waitMs: 60_000 })
    const waits = [client.waitForResume({ timeoutMs: 60_000 }), client.waitForResume({ timeoutMs: 60_000 })]
    await client.resume({ reason: 'A27 is over', waitMs: 60_000 })
    expect(await Promise.all(waits)).toEqual(['resumed', 'resumed'])
    await eventually('both are heard', () => heard.length >= 2 || undefined)
    listening.abort()
    await reading
    expect(heard).toMatchObject([
      { type: 'agent.paused', agent: ID, detail: { reason: 'A27' } },
      { type: 'agent.resumed', agent: ID, detail: { reason: 'A27 is over' } },
    ])
  })

  it('A28 closes the gate when the budget is used up, and opens it with the resume', async () => {
    const client = createClient({ url: daemon.url, agent: ID, token })
    expect(await client.gate()).toMatchObject({ allowed: true, phase: 'normal' })
    client.record({ apiCalls: 10, tokens: { input: 300, output: 100 }, files: [{ op: 'write', count: 3 }] })
    await client.flush()
    expect(await client.gate()).toMatchObject({ allowed: false, phase: 'intervention' })
    await eventually('the process is stopped', () => state() === 'T' || undefined)
    await client.resume({ waitMs: 60_000 })
    expect(await client.gate()).toMatchObject({ allowed: true, phase: 'normal' })
    await client.close()
  })

  it('A23 gives the metrics as JSON, of one agent and of all', async () => {
    expect((await call('GET', `/${ID}`)).body).toMatchObject({
      ...{ epoch: 2, apiCallsCount: 0, phase: 'normal' },
      ratios: { api_calls: 0 },
      state: { lifecycleMetrics: { rssBytes: expect.any(Number) } },
    })
    expect(await get('/api/v1/resources')).toMatchObject({
      config: { warningThresholdPercent: 0.8, checkIntervalMs: 60_000 },
      metrics: {
        totalAgentsTracked: 1,
        agentsByPhase: { normal: 1, warning: 0, intervention: 0, termination: 0 },
        totalInterventions: expect.any(Number),
        recentEvents: expect.arrayContaining([
          expect.objectContaining({ agent: ID, triggeredBy: 'maxApiCalls', actionTaken: 'paused' }),
        ]),
      },
    })
  })

  it('A22 exposes its metrics under their names, with histograms that are valid and observed once per epoch', async () => {
    const text = await daemon.scrape('text')
    const { types, values } = parseExposition(text, 'text')
    for (const [name, type] of Object.entries(FAMILIES)) expect([name, types.get(name)]).toEqual([name, type])
    for (const [name, sum] of [
      ['agent_files_accessed', 3],
      ['agent_api_calls', 10],
      ['agent_tokens_consumed', 400],
    ] as const) {
      const buckets = [...values].filter(
        ([key]) => key.startsWith(`${name}_bucket{`) && key.includes('role="coder"'),
      )
      const counts = buckets.map(([, value]) => value)
      expect(counts.length).toBeGreaterThan(3)
      expect(counts).toEqual(counts.toSorted((a, b) => a - b))
      expect(buckets.at(-1)).toEqual([expect.stringContaining('le="+Inf"'), 1])
      expect(values.get(`${name}_count{role="coder"}`)).toBe(1)
      expect(values.get(`${name}_sum{role="coder"}`)).toBe(sum)
    }
  })

  describeWith('promtool', 'A22 by the judgement of Prometheus', ({ promtool }) => {
    it('has nothing to complain about', async () => {
      const input = await daemon.scrape('text')
      expect(execFileSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' })).toBe('')
    })
  })

  it('A25 is alive, ready, and says in detail what works', async () => {
    for (const path of ['/-/healthy', '/-/ready']) expect((await daemon.get(path)).status).toBe(200)
    expect(await get('/health')).toMatchObject({
      status: expect.stringMatching(/^(healthy|degraded)$/),
      checks: { database: { status: 'healthy' }, control: {}, resourceExhaustion: {} },
    })
  })

  it('A33 counts budgets in its health', async () => {
    expect(await get('/health')).toMatchObject({
      checks: {
        resourceExhaustion: {
          ...{ status: 'healthy', enabled: true, agentsTracked: 1, pausedAgents: 0 },
          agentsByPhase: { normal: 1, warning: 0, intervention: 0, termination: 0 },
        },
      },
    })
  })

  it('A30 is watched on the command line', async () => {
    const env = { AGENT_EXPORTER_URL: daemon.url }
    const { code, stdout } = await runCommand(['top', '--json'], env)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      stats: { total: 1, active: 1, byPhase: { normal: 1 } },
      agents: [{ id: ID, phase: 'normal', ratios: { api_calls: 0 } }],
    })
    const table = await runCommand(['top', '--count', '2', '--interval', '1'], env)
    expect(table.stdout.match(/^parity +coder/gm)).toHaveLength(2)
  })

  it('A10 ends the process, says why, and the agent stays terminated', async () => {
    const { body } = await call('POST', `/${ID}/terminate?wait=60s`, { reason: 'it went astray' })
    expect(body).toMatchObject({ status: 'done', reason: 'it went astray' })
    // A zombie of this test's own child may be left for a moment; it does not run.
    expect(existsSync(`/proc/${agent.pid}`) ? state() : 'Z').toBe('Z')
    expect((await call('GET', `/${ID}`)).body).toMatchObject({ phase: 'termination' })
    expect(await get('/api/v1/resources')).toMatchObject({ metrics: { totalTerminations: 1 } })
    // Scrapes within a second share what was collected.
    await eventually(
      'its end is shown',
      async () =>
        (await daemon.scrape('text')).includes(`agent_phase{agent="${ID}",phase="termination"} 1`) ||
        undefined,
    )
  })
})
