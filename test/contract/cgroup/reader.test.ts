import { readdirSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCgroupReader } from '../../../src/platform/cgroup/reader.ts'
import { emptySample } from '../../../src/platform/cgroup/sample.ts'
import { keyed, liveCgroups, numeric } from '../../support/cgroups.ts'
import { type Child, eventually, startChild } from '../../support/child.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const GROUP = `/agent-exporter-test-${process.pid}`
const INNER = `${GROUP}/inner`
/** Half a core for as long as it lives. */
const SPIN = 'setInterval(() => { for (const end = Date.now() + 20; Date.now() < end;); }, 40)'

it('this machine has at least one control group tree to test on', () => {
  if (process.env['CI'] === 'true') expect(liveCgroups(1) ?? liveCgroups(2)).toBeDefined()
})

describe.each([1, 2] as const)('control groups v%s, live', (version) => {
  const cgroups = liveCgroups(version)
  if (cgroups === undefined) {
    it.skip(`needs root and a writable v${version} tree of this kernel`, () => undefined)
    return
  }
  let child: Child
  let helper: Child
  beforeAll(async () => {
    child = await startChild(process.execPath, ['-e', SPIN])
    helper = await startChild('sleep', ['600'])
    cgroups.make(INNER)
    cgroups.enter(GROUP, child.pid)
    cgroups.enter(INNER, helper.pid)
  })
  afterAll(async () => {
    cgroups.setFrozen(GROUP, 'thawed')
    await Promise.all([child.stop('SIGKILL'), helper.stop('SIGKILL')])
    await eventually('removed', () => {
      cgroups.remove(INNER)
      cgroups.remove(GROUP)
      return true
    })
  })
  const readers: { close(): void }[] = []
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close()
  })
  const open = (clock = fakeClock()) => {
    const reader = createCgroupReader({ root: cgroups.root, clock })
    readers.push(reader)
    return reader
  }
  /** Also of a frozen group the kernel gives charged pages back late (the stock of each processor, mm/memcontrol.c). */
  const memoryFiles = () =>
    ['memory.current', 'memory.usage_in_bytes', 'memory.stat']
      .map((name) => cgroups.file(GROUP, 'memory', name))
      .join('\n')
  const all = emptySample()
  const seconds = (value: number | undefined, unit: number) =>
    value === undefined ? undefined : value / unit

  it('locates a process and lists everybody in its group and below', () => {
    const reader = open()
    expect(reader.version).toBe(version)
    const ref = reader.locate(child.pid)
    expect(ref).toMatchObject({ version, path: GROUP })
    expect([...(reader.processes(ref!) ?? [])].sort()).toEqual([child.pid, helper.pid].sort())
    expect(reader.find(INNER)).toEqual({ version, path: INNER })
    expect(reader.find(`${GROUP}/none`)).toBeUndefined()
  })

  it('reads the memory alone when asked for no more', async () => {
    const reader = open()
    const ref = reader.locate(child.pid)!
    const alone = emptySample()
    cgroups.setFrozen(GROUP, 'frozen')
    try {
      await eventually('frozen', () => (reader.read(ref, all) === 'ok' && all.frozen) || undefined)
      const hasMemory = all.memoryCurrentBytes !== undefined
      await eventually('its memory stands still while it is sampled', () => {
        const before = memoryFiles()
        expect(reader.read(ref, alone, 'memory')).toBe(hasMemory ? 'ok' : 'unreadable')
        reader.read(ref, all)
        return before === memoryFiles() || undefined
      })
    } finally {
      cgroups.setFrozen(GROUP, 'thawed')
    }
    const { memoryCurrentBytes, memoryWorkingSetBytes, memoryAnonBytes, memorySwapBytes } = all
    expect(alone).toMatchObject({
      ...{ memoryCurrentBytes, memoryWorkingSetBytes, memoryAnonBytes, memorySwapBytes },
      ...{ memoryLimitBytes: all.memoryLimitBytes, cpuUserSeconds: undefined, frozen: undefined },
    })
  })

  it('says what the files say once nothing runs, and nothing where there is no file', async () => {
    const reader = open()
    const ref = reader.locate(child.pid)!
    const sample = emptySample()
    await eventually('has burnt CPU', () => {
      reader.read(ref, sample)
      return (sample.cpuUserSeconds ?? 0) + (sample.cpuSystemSeconds ?? 0) > 0.1 || undefined
    })
    cgroups.setFrozen(GROUP, 'frozen')
    await eventually('frozen', () => {
      expect(reader.read(ref, sample)).toBe('ok')
      return sample.frozen || undefined
    })
    await eventually('its memory stands still while it is sampled', () => {
      const before = memoryFiles()
      reader.read(ref, sample)
      return before === memoryFiles() || undefined
    })
    const file = (controller: string, name: string) => cgroups.file(GROUP, controller, name)
    const one = version === 1
    const stat = file('memory', 'memory.stat')
    const current = numeric(file('memory', one ? 'memory.usage_in_bytes' : 'memory.current'))
    const inactive = keyed(stat, one ? 'total_inactive_file' : 'inactive_file')
    const cpu = file('cpu', 'cpu.stat')
    expect(sample).toMatchObject({
      memoryCurrentBytes: current,
      memoryWorkingSetBytes: current === undefined ? undefined : Math.max(0, current - (inactive ?? 0)),
      memoryAnonBytes: keyed(stat, one ? 'total_rss' : 'anon'),
      memoryPeakBytes: numeric(file('memory', one ? 'memory.max_usage_in_bytes' : 'memory.peak')),
      oomKills: keyed(file('memory', one ? 'memory.oom_control' : 'memory.events'), 'oom_kill'),
      cpuPeriods: keyed(cpu, 'nr_periods'),
      cpuThrottledPeriods: keyed(cpu, 'nr_throttled'),
      pids: numeric(file('pids', 'pids.current')),
      pidsLimit: numeric(file('pids', 'pids.max')),
      frozen: true,
    })
    const used = one ? file('cpuacct', 'cpuacct.stat') : cpu
    expect(sample.cpuUserSeconds).toBe(seconds(keyed(used, one ? 'user' : 'user_usec'), one ? 100 : 1e6))
    expect(sample.cpuSystemSeconds).toBe(
      seconds(keyed(used, one ? 'system' : 'system_usec'), one ? 100 : 1e6),
    )
    expect(sample.cpuUserSeconds).toBeGreaterThan(0)
    const pressure = file('unified', 'memory.pressure')
    if (!one) expect(sample.pressureWaitingSeconds !== undefined).toBe(pressure !== undefined)
    cgroups.setFrozen(GROUP, 'thawed')
    await eventually('thawed', () => {
      reader.read(ref, sample)
      return sample.frozen === false || undefined
    })
  })

  it('says gone after the group is removed, keeps no descriptor, and reads a new one of the same name', async () => {
    const path = `${GROUP}/short`
    cgroups.make(path)
    const descriptors = () => readdirSync('/proc/self/fd').length
    const reader = open()
    const before = descriptors()
    const ref = reader.find(path)!
    const sample = emptySample()
    expect(reader.read(ref, sample)).toBe('ok')
    expect(descriptors()).toBeGreaterThan(before)
    cgroups.remove(path)
    cgroups.make(path)
    expect(reader.read(ref, sample)).toBe('gone')
    expect(sample).toEqual(emptySample())
    expect(descriptors()).toBe(before)
    expect(reader.read(ref, sample)).toBe('ok')
    cgroups.remove(path)
    expect(reader.read(ref, sample)).toBe('gone')
    expect(reader.read(ref, sample)).toBe('gone')
    expect(descriptors()).toBe(before)
  })
})
