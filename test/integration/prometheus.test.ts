import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type AcceptProxy, startAcceptProxy } from '../support/accept-proxy.ts'
import { eventually } from '../support/child.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { type AgentProcess, startAgent } from '../support/processes.ts'
import { type Prometheus, type Sample, startPrometheus } from '../support/prometheus.ts'
import { familiesOf, samplesOf } from '../support/samples.ts'
import { describeWith } from '../support/services.ts'

const AGENT = `scraped-agent-${process.pid}`

describeWith(['prometheus', 'promtool'], 'a real Prometheus', ({ promtool }) => {
  let agent: AgentProcess
  let daemon: Daemon
  let proxy: AcceptProxy
  let prometheus: Prometheus

  beforeAll(async () => {
    agent = await startAgent('tree', { id: AGENT, role: 'coder' })
    daemon = await startDaemon()
    proxy = await startAcceptProxy(daemon.address, 'text')
    prometheus = await startPrometheus([
      { job: 'openmetrics', target: daemon.address },
      { job: 'text', target: proxy.address },
    ])
    await eventually('the agent is in Prometheus by both ways', async () => {
      const found = await prometheus.query(`agent_info{agent="${AGENT}"}`)
      return found.length === 2 || undefined
    })
  })

  afterAll(async () => {
    await prometheus?.stop()
    await proxy?.[Symbol.asyncDispose]()
    await daemon?.[Symbol.asyncDispose]()
    await agent?.stop()
  })

  it('scrapes both formats without an error', async () => {
    // Ten scrapes of each: an error that only later scrapes show (a duplicate, a vanished type) counts too.
    await eventually('ten good scrapes of each format', async () => {
      const counts = await prometheus.query('sum_over_time(up[5m])')
      return (counts.length === 2 && counts.every(({ value }) => value >= 10)) || undefined
    })
    // Its deadline is a second: a busy machine may lose one scrape, a daemon that is slow loses more.
    for (const { value } of await prometheus.query('count_over_time(up[5m]) - sum_over_time(up[5m])'))
      expect(value).toBeLessThanOrEqual(1)
    await eventually('both targets are well', async () => {
      const targets = await prometheus.targets()
      return (
        (targets.length === 2 &&
          targets.every(({ health, lastError }) => health === 'up' && lastError === '')) ||
        undefined
      )
    })
    expect(prometheus.complaints()).toEqual([])
  })

  it('asked for the format that each way stands for', async () => {
    expect(proxy.contentTypes.length).toBeGreaterThan(0)
    for (const type of proxy.contentTypes) expect(type).toMatch(/^text\/plain; ?version=0\.0\.4/)
    const direct = await daemon.get('/metrics', {
      headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' },
    })
    expect(direct.headers.get('content-type')).toMatch(/^application\/openmetrics-text; ?version=1\.0\.0/)
  })

  it('stores the same series from both formats', async () => {
    // An agent that appears on this machine between two scrapes shows up in one of them first: compared until equal.
    let difference: readonly string[] = []
    await eventually('both formats hold the same series', async () => {
      const [openmetrics, text] = await Promise.all([
        prometheus.query('{job="openmetrics"}'),
        prometheus.query('{job="text"}'),
      ])
      difference = symmetricDifference(openmetrics.map(identity), text.map(identity))
      return (openmetrics.length > 0 && difference.length === 0) || undefined
    }).catch((error: unknown) => {
      throw new Error(`series in one format only:\n${difference.join('\n')}`, { cause: error })
    })
  })

  it('gets the same samples, and the same values of what does not move, in both formats', async () => {
    let [left, right]: ReadonlyMap<string, number>[] = []
    // Two that come to the end of the second in which one collection is shared are of two collections.
    await eventually('both have the same samples', async () => {
      const pages = await Promise.all([daemon.scrape('openmetrics'), daemon.scrape('text')])
      ;[left, right] = pages.map(samplesOf)
      const difference = symmetricDifference([...left!.keys()], [...right!.keys()])
      if (difference.length > 0) throw new Error(difference.join('\n'))
      return true
    })
    const still = /^agent_(info|state|start_timestamp_seconds|exporter_build_info)\b/
    const compared = [...left!.keys()].filter((key) => still.test(key))
    expect(compared.length).toBeGreaterThan(0)
    for (const key of compared) expect([key, right!.get(key)]).toEqual([key, left!.get(key)])
  })

  it('exposes an output that promtool has nothing to say about', async () => {
    const said = execFileSync(promtool, ['check', 'metrics'], {
      input: await daemon.scrape('text'),
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    expect(said).toBe('')
  })

  it('exposes only families that docs/metrics.md describes, each with HELP', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
    const exposition = await daemon.scrape('text')
    const families = familiesOf(exposition)
    expect(families.length).toBeGreaterThan(20)
    expect(families.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
    expect(
      families.filter(
        (name) => !exposition.includes(`\n# HELP ${name} `) && !exposition.startsWith(`# HELP ${name} `),
      ),
    ).toEqual([])
  })
})

/** Name and labels without what Prometheus adds for the way it came. */
function identity({ labels }: Sample): string {
  const { job: _job, instance: _instance, ...own } = labels
  return JSON.stringify(Object.entries(own).sort(([a], [b]) => a.localeCompare(b)))
}

function symmetricDifference(left: readonly string[], right: readonly string[]): readonly string[] {
  const [a, b] = [new Set(left), new Set(right)]
  return [
    ...left.filter((key) => !b.has(key)).map((key) => `- ${key}`),
    ...right.filter((key) => !a.has(key)).map((key) => `+ ${key}`),
  ]
}
