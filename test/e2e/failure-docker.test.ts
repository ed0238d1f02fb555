import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { eventually } from '../support/child.ts'
import { type Daemon, STOPS_WITHIN_MS, startDaemon } from '../support/daemon.ts'
import { describeWithDockerd, startDockerd } from '../support/dockerd.ts'
import { parseExposition } from '../support/exposition-parser.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startStranger } from '../support/stranger.ts'

const COLLECTOR = (name: string) => `agent_scrape_collector_success{collector="${name}"}`
const OTHERS = ['agents', 'process', 'host', 'self']

const valuesOf = async (daemon: Daemon) => parseExposition(await daemon.scrape('text'), 'text').values

it('an engine that accepts and never answers costs the container families only, and no scrape waits', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'docker.sock')
  let accepted = 0
  const silent = createServer(() => {
    accepted++
  }).listen(path)
  await once(silent, 'listening')
  try {
    await using agent = await startStranger('/bin/sleep', ['600'], {
      env: { AGENT_EXPORTER_AGENT: 'beside-a-silent-engine' },
    })
    await using daemon = await startDaemon({ env: { DOCKER_HOST: `unix://${path}` } })
    expect(agent.pid).toBeGreaterThan(1)
    await eventually('the engine is asked', () => accepted > 0 || undefined)
    const values = await eventually('the container collector reports failure', async () => {
      const from = performance.now()
      const answer = await daemon.get('/metrics', {
        headers: { accept: 'text/plain', 'x-prometheus-scrape-timeout-seconds': '2' },
      })
      const text = await answer.text()
      expect(answer.status).toBe(200)
      expect(performance.now() - from).toBeLessThan(2_000)
      const found = parseExposition(text, 'text').values
      expect(found.get('agent_processes{agent="beside-a-silent-engine"}')).toBe(1)
      return found.get(COLLECTOR('container')) === 0 ? found : undefined
    })
    for (const name of OTHERS) expect(values.get(COLLECTOR(name))).toBe(1)
    expect(values.get('agent_host_load1')).toBeGreaterThanOrEqual(0)
    expect(values.get('agent_exporter_store_up')).toBe(1)
    const health = (await (await daemon.get('/health')).json()) as { status: string }
    expect(health.status).toBe('degraded')
    expect((await daemon.get('/-/ready')).status).toBe(200)
    const { code, tookMs } = await daemon.stop()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(STOPS_WITHIN_MS)
  } finally {
    silent.close()
  }
})

it('a machine without an engine is no failure', async () => {
  await using daemon = await startDaemon({ env: { DOCKER_HOST: 'unix:///nonexistent/docker.sock' } })
  const values = await valuesOf(daemon)
  for (const name of [...OTHERS, 'container']) expect(values.get(COLLECTOR(name))).toBe(1)
})

it.each(['nonsense', 'http://', 'unix://', 'tcp://[::bad', 'ssh://host'])(
  'DOCKER_HOST=%j starts all the same and says what is wrong',
  async (host) => {
    await using daemon = await startDaemon({ env: { DOCKER_HOST: host } })
    expect((await valuesOf(daemon)).get(COLLECTOR('process'))).toBe(1)
    expect(daemon.child.output()).toMatch(/docker/i)
  },
)

describeWithDockerd('an engine that dies while the daemon runs', () => {
  it('is reported, takes no other number with it, and is followed again when it comes back', async () => {
    await using engine = await startDockerd()
    await using agent = await startStranger('/bin/sleep', ['600'], {
      env: { AGENT_EXPORTER_AGENT: 'outlives-the-engine' },
    })
    await using daemon = await startDaemon({ env: { DOCKER_HOST: `unix://${engine.socketPath}` } })
    const has = (what: string, key: string, value: number | undefined) =>
      eventually(
        what,
        async () => {
          const values = await valuesOf(daemon)
          expect(values.get('agent_processes{agent="outlives-the-engine"}') ?? 1).toBe(1)
          return values.get(key) === value ? true : undefined
        },
        60_000,
      )
    await engine.runContainer({ labels: { 'agent-exporter.agent': 'boxed' } })
    await has('the container is measured', 'agent_processes{agent="boxed"}', 1)
    await has('the container collector is well', COLLECTOR('container'), 1)
    expect(agent.pid).toBeGreaterThan(1)

    await engine.halt()
    await has('the failure is reported', COLLECTOR('container'), 0)
    for (const name of OTHERS) expect((await valuesOf(daemon)).get(COLLECTOR(name))).toBe(1)

    await engine.start()
    await has('the engine is followed again', COLLECTOR('container'), 1)
    await engine.runContainer({ labels: { 'agent-exporter.agent': 'boxed-again' } })
    await has('a new container is measured', 'agent_processes{agent="boxed-again"}', 1)
  })
})
