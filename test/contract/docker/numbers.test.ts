import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCgroupReader } from '../../../src/platform/cgroup/reader.ts'
import { emptySample } from '../../../src/platform/cgroup/sample.ts'
import { containerIdOf, locateContainer } from '../../../src/platform/docker/container-cgroup.ts'
import { createDockerEngine } from '../../../src/platform/docker/engine.ts'
import { createNetworkReader } from '../../../src/platform/docker/network.ts'
import { createStatsFallback } from '../../../src/platform/docker/stats-fallback.ts'
import { keyed, numeric } from '../../support/cgroups.ts'
import { eventually } from '../../support/child.ts'
import {
  type Dockerd,
  describeWithDockerd,
  type RunningContainer,
  startDockerd,
} from '../../support/dockerd.ts'

const MIB = 1024 * 1024
/** As much as it gets also where twenty others want the same core, or it would never be throttled. */
const CPUS = 0.05
const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers')

/** A file of the container's group, found without any code under test. */
function fileOf(pid: number, controller: string, name: string): string {
  for (const line of readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')) {
    const [, controllers, path] = line.split(':')
    if (isV2 && controllers === '') return readFileSync(`/sys/fs/cgroup${path}/${name}`, 'utf8')
    if (controllers?.split(',').includes(controller)) {
      return readFileSync(`/sys/fs/cgroup/${controller}${path}/${name}`, 'utf8')
    }
  }
  throw new Error(`no ${controller} group`)
}

/** CPU by mode comes in ticks of 10 ms, and each of the two may be one behind; all else is the same number. */
const TWO_TICKS_SECONDS = 0.02
const SAME_OVER_THE_API = [
  ['memoryCurrentBytes', 0],
  ['memoryWorkingSetBytes', 0],
  ['memoryAnonBytes', 0],
  ['pids', 0],
  ['cpuPeriods', 0],
  ['cpuThrottledPeriods', 0],
  ['cpuThrottledSeconds', 0],
  ['ioReadBytes', 0],
  ['ioWriteBytes', 0],
  ['cpuUserSeconds', TWO_TICKS_SECONDS],
  ['cpuSystemSeconds', TWO_TICKS_SECONDS],
] as const

describeWithDockerd('numbers of a real container', () => {
  let dockerd: Dockerd
  let busy: RunningContainer
  const cgroups = createCgroupReader()
  beforeAll(async () => {
    dockerd = await startDockerd()
    busy = await dockerd.runContainer({
      labels: { 'agent-exporter.sandbox': 'busy' },
      memory: 64 * MIB,
      cpus: CPUS,
      pidsLimit: 40,
      // 20 MiB in a tmpfs, two sleeping children and a loop that is throttled until it is told to sleep as well.
      script:
        'busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; busybox sleep 600 & busybox sleep 600 & until [ -e /calm ]; do :; done; exec busybox sleep 600',
    })
    const sample = emptySample()
    await eventually('has started both children and is throttled', () => {
      const ref = locateContainer(cgroups, busy)
      if (ref === undefined) return undefined
      cgroups.read(ref, sample)
      return (sample.pids === 3 && (sample.cpuThrottledPeriods ?? 0) > 2) || undefined
    })
    // The engine does not wait for a throttled task to come to rest: "unable to freeze".
    writeFileSync(`/proc/${busy.pid}/root/calm`, '')
    await eventually('all of it sleeps', () => {
      const isAsleep = /\) S /.test(readFileSync(`/proc/${busy.pid}/stat`, 'latin1'))
      const argv = readFileSync(`/proc/${busy.pid}/cmdline`, 'latin1').split('\0')
      return (isAsleep && argv.includes('sleep')) || undefined
    })
    // Frozen, so that every source speaks of the same moment.
    await busy.container.pause()
  })
  afterAll(async () => {
    cgroups.close()
    try {
      await busy?.container.unpause()
    } finally {
      await dockerd?.[Symbol.asyncDispose]()
    }
  })

  it('equal the cgroup files and the inspected limits', async () => {
    const { id, pid } = busy
    const ref = locateContainer(cgroups, busy)!
    expect(containerIdOf(ref)).toBe(id)
    const sample = emptySample()
    const files = () => ({
      current: fileOf(pid, 'memory', isV2 ? 'memory.current' : 'memory.usage_in_bytes'),
      memory: fileOf(pid, 'memory', 'memory.stat'),
      cpu: fileOf(pid, 'cpu', 'cpu.stat'),
      pids: fileOf(pid, 'pids', 'pids.current'),
    })
    // Also of a frozen group the kernel gives charged pages back late (the stock of each processor, mm/memcontrol.c) and
    // counts a period that had begun: equal are two readings between which no file moved.
    const truth = await eventually('the files stand still while they are sampled', () => {
      const before = files()
      expect(cgroups.read(ref, sample)).toBe('ok')
      return isDeepStrictEqual(before, files()) ? before : undefined
    })
    const current = numeric(truth.current)!
    const host = (await busy.container.inspect()).HostConfig
    expect(sample).toMatchObject({
      memoryLimitBytes: host.Memory,
      cpuLimitCores: (host.NanoCpus ?? 0) / 1e9,
      pidsLimit: host.PidsLimit,
      frozen: true,
      oomKills: 0,
      pids: numeric(truth.pids),
      cpuPeriods: keyed(truth.cpu, 'nr_periods'),
      cpuThrottledPeriods: keyed(truth.cpu, 'nr_throttled'),
      memoryAnonBytes: keyed(truth.memory, isV2 ? 'anon' : 'total_rss'),
    })
    expect(sample.pids).toBe(3)
    expect(sample.memoryCurrentBytes).toBe(current)
    expect(sample.memoryCurrentBytes).toBeGreaterThan(20 * MIB)
    expect(sample.memoryWorkingSetBytes).toBeGreaterThan(20 * MIB)
    expect(sample.memoryWorkingSetBytes).toBeLessThanOrEqual(current)
    expect(sample.memoryPeakBytes).toBeGreaterThanOrEqual(current)
    const used = isV2
      ? keyed(truth.cpu, 'usage_usec')! / 1e6
      : Number(fileOf(pid, 'cpuacct', 'cpuacct.usage')) / 1e9
    // v1 rounds both modes down to a tick.
    expect(Math.abs(sample.cpuUserSeconds! + sample.cpuSystemSeconds! - used)).toBeLessThan(0.05)
  })

  it('list the processes that the engine lists', async () => {
    const ref = locateContainer(cgroups, busy)!
    const top = (await busy.container.top()) as { Titles: string[]; Processes: string[][] }
    const column = top.Titles.indexOf('PID')
    const pids = top.Processes.map((row) => Number(row[column]))
    expect([...cgroups.processes(ref)!].sort()).toEqual(pids.sort())
    for (const pid of pids) expect(containerIdOf(cgroups.locate(pid)!)).toBe(busy.id)
  })

  it('are the same over the stats API', async () => {
    const engine = createDockerEngine({ socketPath: dockerd.socketPath })
    await engine.start()
    const fallback = createStatsFallback({ stats: (id) => engine.stats(id) })
    const ref = locateContainer(cgroups, busy)!
    const before = emptySample()
    const after = emptySample()
    const api = emptySample()
    cgroups.read(ref, before)
    expect((await fallback.read(busy.id, api)).outcome).toBe('ok')
    cgroups.read(ref, after)
    // The container goes on while it is read: what the engine says lies between two readings of the files.
    for (const [name, slack] of SAME_OVER_THE_API) {
      const bounds = [before[name]!, after[name]!]
      expect(api[name], name).toBeGreaterThanOrEqual(Math.min(...bounds) - slack)
      expect(api[name], name).toBeLessThanOrEqual(Math.max(...bounds) + slack)
    }
    expect(api.pidsLimit).toBe(before.pidsLimit)
    expect((await fallback.read('0'.repeat(64), api)).outcome).toBe('gone')
    expect(api).toEqual(emptySample())
    await engine.stop()
  })

  it('include the network of its own namespace', () => {
    // Without interfaces but the loopback the true number is 0; in our own namespace there is no number.
    expect(createNetworkReader().read(busy.pid)).toEqual({ receiveBytes: 0, transmitBytes: 0 })
    expect(createNetworkReader().read(process.pid)).toBeUndefined()
  })

  it('end with the container and begin anew with its next run', async () => {
    const run = await dockerd.runContainer({ labels: { 'agent-exporter.agent': 'again' } })
    const ref = locateContainer(cgroups, run)!
    const sample = emptySample()
    expect(cgroups.read(ref, sample)).toBe('ok')
    expect(sample.frozen).toBe(false)
    await run.container.restart({ t: 0 })
    expect(cgroups.read(ref, sample)).toBe('gone')
    const next = { id: run.id, pid: (await run.container.inspect()).State.Pid }
    expect(cgroups.read(locateContainer(cgroups, next)!, sample)).toBe('ok')
    await run.container.kill()
    await eventually('gone', () => cgroups.read(ref, sample) === 'gone' || undefined, 30_000, 10)
    expect(locateContainer(cgroups, next)).toBeUndefined()
  })
})
