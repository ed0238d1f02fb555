import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { DEATHS, LIMIT_DEATHS } from '../simulator/deaths.ts'
import { createFeed } from '../simulator/feed.ts'
import { prepareFolder } from '../simulator/folder.ts'
import { createWorld, type Truth } from '../simulator/world.ts'
import { type ActingDaemon, startActingDaemon } from '../support/acting-daemon.ts'
import { temporaryFolder } from '../support/folder.ts'

const STEP_MS = 20_000
const PAST_MS = 3 * 3_600_000

/** Five hosts with sixty agents report three hours to one daemon; what it then answers is compared with what was true. */
describe('R61 a simulated fleet, as the daemon tells of it', () => {
  const world = createWorld({ seed: 20, daemons: 5, agents: 60 })
  const { truth }: { truth: Truth } = world
  const folder = temporaryFolder()
  let daemon: ActingDaemon

  beforeAll(async () => {
    const { configFile, tokenOf } = prepareFolder(folder.path, world.daemons)
    daemon = await startActingDaemon({
      config: {
        agents: { discovery: { processes: false, containers: false } },
        ...(parse(readFileSync(configFile, 'utf8')) as object),
      },
    })
    const feed = createFeed({ url: daemon.url, tokenOf })
    const now = Date.now()
    for (let atMs = now - PAST_MS; atMs <= now; atMs += STEP_MS) {
      await Promise.all(world.step(atMs).map(feed))
    }
  })
  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    folder[Symbol.dispose]()
  })

  // biome-ignore lint/suspicious/noExplicitAny: answers of many routes, each compared with what is true.
  const get = async (path: string): Promise<any> => {
    const { status, body } = await daemon.call('GET', path)
    expect(status, path).toBe(200)
    return body
  }
  const tally = (list: Iterable<string>) => {
    const counts: Record<string, number> = {}
    for (const one of list) counts[one] = (counts[one] ?? 0) + 1
    return counts
  }

  it('has seen every cause that a report can prove', () => {
    const causes = [...DEATHS, ...LIMIT_DEATHS].map(({ cause }) => cause)
    expect(Object.keys(tally(truth.crashes.map(({ cause }) => cause))).sort()).toEqual(causes.sort())
    expect(truth.newest.size).toBe(60)
  })

  it('R23 gives an overview with the daemons and the counts that are true', async () => {
    const { daemons, summary, latestMetrics } = await get('/api/monitoring/overview')
    const levels = tally([...truth.newest.values()].map(({ metric }) => metric.alertLevel))
    expect(summary).toEqual({
      totalAgents: 60,
      healthyAgents: levels['normal'],
      warningAgents: levels['warning'] ?? 0,
      criticalAgents: (levels['critical'] ?? 0) + (levels['oom_imminent'] ?? 0),
      unknownAgents: 0,
      totalCrashes24h: truth.crashes.length,
      totalAlerts24h: truth.alerts.length,
    })
    const others = daemons.slice(1) as { id: string; status: string }[]
    expect(others.map(({ id }) => id).sort()).toEqual([...world.daemons])
    expect(others.every(({ status }) => status === 'online')).toBe(true)
    const shown = latestMetrics as { agentName: string; daemonId: string; rssBytes: number }[]
    expect(new Map(shown.map((one) => [one.agentName, [one.daemonId, one.rssBytes]]))).toEqual(
      new Map(
        [...truth.newest].map(([agent, one]) => [agent, [one.daemon, Math.round(one.metric.rssBytes)]]),
      ),
    )
  })

  it('R32 lists every agent as it was told last', async () => {
    const { agents, system } = await get('/api/metrics/agents')
    for (const agent of agents as { name: string; host: string; [more: string]: unknown }[]) {
      const { daemon: host, metric } = truth.newest.get(agent.name)!
      expect(agent).toMatchObject({
        ...{ host, rssBytes: Math.round(metric.rssBytes), trend: metric.trend, pid: metric['pid'] },
        ...{ alertLevel: metric.alertLevel, startedAt: metric['startedAt'] },
      })
    }
    const [top] = [...truth.newest].sort(([, a], [, b]) => b.metric.rssBytes - a.metric.rssBytes)
    expect(system.topMemoryConsumers[0]).toMatchObject({ name: top![0], host: top![1].daemon })
  })

  it('R24 R28 keeps the history of each agent whole', async () => {
    for (const name of ['host-1-agent-1', 'host-3-agent-7', 'host-5-agent-12']) {
      const told = truth.history.get(name)!
      const { metrics, stats } = await get(`/api/monitoring/agents/${name}/metrics`)
      expect(metrics.map(({ rssBytes }: { rssBytes: number }) => rssBytes)).toEqual(
        told.toReversed().map(Math.round),
      )
      expect(stats).toMatchObject({
        count: told.length,
        maxRss: Math.round(Math.max(...told)),
        minRss: Math.round(Math.min(...told)),
      })
      expect(Math.abs(stats.avgRss - told.reduce((sum, one) => sum + one, 0) / told.length)).toBeLessThan(1)
    }
  })

  it('R25 lists every crash, of each the cause that its report proves', async () => {
    const { crashes, stats } = await get('/api/monitoring/crashes?limit=1000')
    const lines = (list: Iterable<{ agent: string; daemon: string; cause: string }>) =>
      Array.from(list, ({ agent, daemon: host, cause }) => `${host} ${agent} ${cause}`).sort()
    expect(
      lines(
        crashes.map((one: { agentName: string; daemonId: string; cause: string }) => ({
          ...{ agent: one.agentName, daemon: one.daemonId, cause: one.cause },
        })),
      ),
    ).toEqual(lines(truth.crashes))
    expect(stats.byCause).toEqual(tally(truth.crashes.map(({ cause }) => cause)))
  })

  it('R27 draws conclusions from all of it', async () => {
    const { stats, healthScore, issues } = await get('/api/monitoring/insights')
    expect(stats).toMatchObject({
      ...{ crashes24h: truth.crashes.length, crashes7d: truth.crashes.length, pendingAlerts: 10 },
      ...{ connectedDaemons: 6, totalDaemons: 6 },
      crashesByCause: tally(truth.crashes.map(({ cause }) => cause)),
      crashesByAgent: tally(truth.crashes.map(({ agent }) => agent)),
    })
    expect(healthScore).toBeLessThan(90)
    expect(issues.length).toBeGreaterThan(0)
    const { stats: seen } = await get('/api/metrics/health')
    expect(seen).toMatchObject({
      ...{ totalCrashes24h: truth.crashes.length, totalAlerts24h: truth.alerts.length, agentCount: 60 },
    })
  })

  it('R26 lists every alert, page by page, and lets them be acknowledged', async () => {
    const seen: { id: string; agentName: string; daemonId: string; alertType: string }[] = []
    for (let cursor = ''; ; ) {
      const { alerts, nextCursor } = await get(`/api/monitoring/alerts?limit=100${cursor}`)
      seen.push(...alerts)
      if (nextCursor === null) break
      cursor = `&cursor=${nextCursor}`
    }
    expect(tally(seen.map((one) => `${one.daemonId} ${one.agentName} ${one.alertType}`))).toEqual(
      tally(truth.alerts.map((one) => `${one.daemon} ${one.agent} ${one.type}`)),
    )
    await daemon.call('POST', `/api/monitoring/alerts/${seen[0]!.id}/acknowledge`, {})
    const { unacknowledgedCount } = await get('/api/monitoring/alerts?acknowledged=true')
    expect(unacknowledgedCount).toBe(truth.alerts.length - 1)
  })

  it('R22 records a batch that is told again once, and nothing of another daemon', async () => {
    const { tokenOf } = prepareFolder(join(folder.path), world.daemons)
    const send = (body: object) =>
      daemon.get('/api/monitoring/metrics', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${tokenOf('host-1')}` },
        body: JSON.stringify(body),
      })
    const agents = [{ name: 'host-1-extra', rssBytes: 1_000.6 }]
    const batch = { agents, recordedAt: new Date().toISOString() }
    for (let i = 0; i < 3; i++) expect((await send(batch)).status).toBe(200)
    const { metrics } = await get('/api/monitoring/agents/host-1-extra/metrics?daemonId=host-1')
    expect(metrics).toEqual([expect.objectContaining({ rssBytes: 1_001 })])
    expect((await send({ agents: [...agents, { name: 'host-2-agent-1' }] })).status).toBe(403)
  })
})
