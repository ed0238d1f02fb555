import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bracket, disagreements, seriesOf, statesBut } from '../support/agent-oracle.ts'
import { eventually } from '../support/child.ts'
import { containerOracle } from '../support/container-oracle.ts'
import { containerTruth } from '../support/container-truth.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import {
  type Dockerd,
  describeWithDockerd,
  type RunningContainer,
  type RunOptions,
  startDockerd,
} from '../support/dockerd.ts'
import { findService } from '../support/services.ts'

const MIB = 1024 * 1024

/** By agent id. `network: host` shares the namespace of this machine. */
const CONTAINERS: Readonly<Record<string, RunOptions>> = {
  // 20 MiB in a tmpfs, a file written, and two children that sleep.
  steady: {
    memory: 64 * MIB,
    cpus: 0.5,
    pidsLimit: 40,
    script:
      'busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; busybox dd if=/dev/zero of=/y bs=1M count=4 2>/dev/null; busybox sync; busybox sleep 3600 & exec busybox sleep 3600',
  },
  busy: { cpus: 0.25, script: 'while :; do :; done' },
  unlimited: {},
  'host-network': { network: 'host' },
  // One child after the other is killed for memory; the main process lives on.
  hungry: {
    memory: 16 * MIB,
    script: 'busybox tail /dev/zero; busybox tail /dev/zero; exec busybox sleep 3600',
  },
  restarting: {
    restarts: 2,
    script: 'if [ -e /twice ]; then exec busybox sleep 3600; fi; [ -e /once ] && >/twice; >/once; exit 3',
  },
}
const LABEL = 'agent-exporter.agent'

describeWithDockerd('numbers of containers equal what their control groups and the engine say', () => {
  let dockerd: Dockerd
  let daemon: Daemon
  const running = new Map<string, RunningContainer>()

  async function run(id: string, options: RunOptions): Promise<RunningContainer> {
    const labels = {
      [LABEL]: id,
      'agent-exporter.role': 'reviewer',
      'agent-exporter.workspace': '/srv/projects/shop',
      ...options.labels,
    }
    const container = await dockerd.runContainer({ ...options, labels })
    running.set(id, container)
    return container
  }

  beforeAll(async () => {
    dockerd = await startDockerd()
    daemon = await startDaemon({ env: { DOCKER_HOST: `unix://${dockerd.socketPath}` } })
    for (const [id, options] of Object.entries(CONTAINERS)) await run(id, options)
    await eventually('all are found', async () => {
      const text = await daemon.scrape('openmetrics')
      return Object.keys(CONTAINERS).every((id) => seriesOf(text, id).size > 0) || undefined
    })
  })

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]()
    await dockerd?.[Symbol.asyncDispose]()
  })

  const series = async (id: string) => seriesOf(await daemon.scrape('openmetrics'), id)

  /** The engine tells the daemon what became of a container; nobody knows how soon. */
  const shows = (id: string, name: string, value: number) =>
    eventually(
      `${id} shows ${name} as ${value}`,
      async () => (await series(id)).get(name) === value || undefined,
    )

  async function measure(id: string) {
    const inspected = await running.get(id)!.container.inspect()
    const { before, text, after } = await bracket(daemon, () => containerTruth(inspected.State.Pid))
    const network = CONTAINERS[id]?.network === 'host' ? 'host' : 'own'
    const labels = { role: 'reviewer', workspace: 'shop' }
    return { series: seriesOf(text, id), before, after, inspected, network, ...labels } as const
  }

  it.each(['steady', 'unlimited', 'host-network'])('%s: all exactly', async (id) => {
    const { series, ...truth } = await measure(id)
    expect(disagreements(series, containerOracle(truth))).toEqual([])
  })

  it('steady: limits are those that the engine was asked for', async () => {
    const { series, inspected } = await measure('steady')
    expect(series.get('agent_memory_limit_bytes')).toBe(inspected.HostConfig.Memory)
    expect(series.get('agent_cpu_limit_cores')).toBe(inspected.HostConfig.NanoCpus! / 1e9)
    expect(series.get('agent_pids_limit')).toBe(inspected.HostConfig.PidsLimit)
    expect(series.get('agent_memory_working_set_bytes')).toBeGreaterThan(20 * MIB)
  })

  it('busy: CPU and throttling between the readings before and after', async () => {
    await eventually(
      'is throttled',
      () => (containerTruth(running.get('busy')!.pid).throttledPeriods ?? 0) > 5 || undefined,
    )
    const { series, ...truth } = await measure('busy')
    expect(disagreements(series, containerOracle(truth))).toEqual([])
    expect(series.get('agent_cpu_throttled_periods_total')).toBeGreaterThan(5)
  })

  it('busy and paused: the state says so, and CPU stands still', async () => {
    const { container } = running.get('busy')!
    await container.pause()
    await shows('busy', 'agent_state{state="paused"}', 1)
    const { series: paused, ...truth } = await measure('busy')
    expect(truth.inspected.State.Paused).toBe(true)
    expect(truth.before.frozen).toBe(true)
    expect(disagreements(paused, containerOracle({ ...truth, state: 'paused' }))).toEqual([])
    await container.unpause()
    await shows('busy', 'agent_state{state="running"}', 1)
    const { series: resumed, ...later } = await measure('busy')
    expect(disagreements(resumed, containerOracle(later))).toEqual([])
  })

  it('hungry: kills for memory', async () => {
    await eventually(
      'two were killed',
      () => (containerTruth(running.get('hungry')!.pid).oomKills ?? 0) >= 2 || undefined,
    )
    const { series, ...truth } = await measure('hungry')
    expect(disagreements(series, containerOracle(truth))).toEqual([])
    expect(series.get('agent_oom_kills_total')).toBe(2)
  })

  it('restarting: restarts by the engine', async () => {
    await eventually('restarted twice', async () => {
      const { RestartCount, State } = await running.get('restarting')!.container.inspect()
      return (RestartCount === 2 && State.Running) || undefined
    })
    await shows('restarting', 'agent_restarts_total', 2)
    await shows('restarting', 'agent_processes', 1)
    const { series, ...truth } = await measure('restarting')
    expect(disagreements(series, containerOracle(truth))).toEqual([])
    expect(series.get('agent_restarts_total')).toBe(2)
  })

  it('a network of its own: bytes as the interfaces count them', async () => {
    const ip = findService('ip')
    expect(ip).toBeDefined()
    const { pid } = running.get('unlimited')!
    const link = `aetruth${process.pid % 10_000}`
    const at = (...args: string[]) => execFileSync(ip!, args)
    at('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid))
    try {
      execFileSync('nsenter', ['-t', String(pid), '-n', ip!, 'link', 'set', 'eth0', 'up'])
      at('link', 'set', link, 'up')
      // Both ends look for neighbours on their own.
      await eventually('bytes came', () => containerTruth(pid).receivedBytes > 0 || undefined)
      const { series, ...truth } = await measure('unlimited')
      expect(truth.before.receivedBytes).toBeGreaterThan(0)
      expect(disagreements(series, containerOracle(truth))).toEqual([])
    } finally {
      at('link', 'del', link)
    }
  })

  it('a label that the image brought along makes no agent', async () => {
    await dockerd.importImage('opted-in', { [LABEL]: 'from-image' })
    await dockerd.runContainer({ image: 'opted-in' })
    await dockerd.runContainer({ labels: { 'agent-exporter.sandbox': 'after-image' } })
    await eventually('a later one is found', async () => (await series('after-image')).size > 0 || undefined)
    expect((await series('from-image')).size).toBe(0)
  })

  it('an agent program inside is measured with its container and not again', async () => {
    const script = `echo 'while :; do busybox sleep 1; done' > /claude; exec sh /claude`
    // For other daemons of this machine the processes are as good as any.
    const [inner, unlabelled] = [`inner-${process.pid}`, `unlabelled-${process.pid}`]
    const env = { AGENT_EXPORTER_AGENT: inner }
    const { pid } = await run('outer', { script, env })
    const plain = await dockerd.runContainer({ script, env: { AGENT_EXPORTER_AGENT: unlabelled } })
    await eventually('both are found', async () => {
      const text = await daemon.scrape('openmetrics')
      return (seriesOf(text, 'outer').size > 0 && seriesOf(text, unlabelled).size > 0) || undefined
    })
    await eventually(
      'it has become that program',
      () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('claude') || undefined,
    )
    const { text } = await bracket(daemon, () => undefined)
    expect(seriesOf(text, inner).size).toBe(0)
    const names = [...text.matchAll(/^agent_info\{(.*)\} 1$/gm)].map(([, labels]) => labels)
    expect(names.filter((labels) => labels?.includes('agent="outer"'))).toHaveLength(1)
    // Without a label of its own it is a process like any other.
    expect(seriesOf(text, unlabelled).get('agent_processes')).toBeGreaterThan(0)
    expect(names.find((labels) => labels?.includes(`agent="${unlabelled}"`))).toContain('runtime="process"')
    await plain.container.kill()
  })

  it('stopped: exited, gauges gone, counters kept; started again: another life from zero', async () => {
    const { container } = running.get('busy')!
    const { series: alive, ...truth } = await measure('busy')
    await container.stop()
    const ended = await eventually('it has exited', async () => {
      const found = await series('busy')
      return found.get('agent_state{state="exited"}') === 1 ? found : undefined
    })
    const counters = [...alive].filter(([name]) => name.includes('_total') || name.startsWith('agent_info'))
    const kept = { ...statesBut('exited') }
    for (const [name, value] of counters) kept[name] = { low: value, high: Number.POSITIVE_INFINITY }
    for (const name of ['agent_start_timestamp_seconds', 'agent_last_activity_timestamp_seconds']) {
      kept[name] = { low: Date.parse(truth.inspected.State.StartedAt) / 1_000 - 1, high: Date.now() / 1_000 }
    }
    expect(disagreements(ended, kept)).toEqual([])

    const incarnation = async () =>
      ((await (await daemon.get('/api/v1/agents/busy')).json()) as { incarnation: string }).incarnation
    const before = await incarnation()
    await container.start()
    await eventually(
      'it is found again',
      async () => (await series('busy')).has('agent_processes') || undefined,
    )
    expect(await incarnation()).not.toBe(before)
    const { series: again, ...later } = await measure('busy')
    expect(disagreements(again, containerOracle(later))).toEqual([])
    // What the life before used is not in it, or it would be more than the new group has counted.
    expect(ended.get('agent_cpu_seconds_total{mode="user"}')).toBeGreaterThan(0.5)
  })
})
