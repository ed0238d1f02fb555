import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { CONTAINER_ID, SHAPES, type Shape } from '../../../../scripts/fixture-trees/tree.ts'
import { fixtureTree } from '../../../../scripts/fixture-trees.ts'
import { createCgroupReader } from '../../../../src/platform/cgroup/reader.ts'
import { emptySample } from '../../../../src/platform/cgroup/sample.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const trees = fileURLToPath(new URL('../../../fixtures/trees', import.meta.url))
const MIB = 1024 * 1024
const AGENT = 200
const CONTAINER = 300

const rooms: string[] = []
afterEach(() => {
  for (const room of rooms.splice(0)) rmSync(room, { recursive: true, force: true })
})

function open(shape: Shape, options: { maxDescriptors?: number } = {}) {
  return createCgroupReader({
    root: join(trees, shape, 'cgroup'),
    procRoot: join(trees, shape, 'proc'),
    clock: fakeClock(),
    ...options,
  })
}

/** A copy that a test may change. */
function copy(shape: Shape) {
  const room = mkdtempSync(join(tmpdir(), 'agent-exporter-cgroup-'))
  rooms.push(room)
  cpSync(join(trees, shape), room, { recursive: true, verbatimSymlinks: true })
  const clock = fakeClock()
  const reader = createCgroupReader({ root: join(room, 'cgroup'), procRoot: join(room, 'proc'), clock })
  return { room, clock, reader }
}

function sampleOf(shape: Shape, pid: number, options: { maxDescriptors?: number } = {}) {
  const reader = open(shape, options)
  const ref = reader.locate(pid)
  const sample = emptySample()
  const outcome = ref === undefined ? 'not located' : reader.read(ref, sample)
  const processes = ref === undefined ? undefined : reader.processes(ref)
  reader.close()
  return { ref, outcome, sample, processes }
}

const FULL = {
  memoryCurrentBytes: 300 * MIB,
  memoryWorkingSetBytes: 240 * MIB,
  memoryAnonBytes: 180 * MIB,
  memorySwapBytes: 4 * MIB,
  memoryPeakBytes: 340 * MIB,
  memoryLimitBytes: 512 * MIB,
  oomKills: 2,
  cpuUserSeconds: 20.5,
  cpuSystemSeconds: 4.5,
  cpuPeriods: 900,
  cpuThrottledPeriods: 45,
  cpuThrottledSeconds: 3.25,
  cpuLimitCores: 1.5,
  pids: 12,
  pidsLimit: 200,
  ioReadBytes: 9 * MIB,
  ioWriteBytes: 3 * MIB,
  pressureWaitingSeconds: 1.25,
  pressureStalledSeconds: 0.4,
  frozen: false,
}

/** Links are entries of their own and not followed. */
function filesBelow(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(folder, join(below, entry.name)) : [join(below, entry.name)],
  )
}

describe('fixture trees', () => {
  it.each(SHAPES)('%s is what scripts/fixture-trees.ts writes', (shape) => {
    const folder = join(trees, shape)
    const found = filesBelow(folder)
    const tree = fixtureTree(shape)
    expect(found.sort()).toEqual([...tree.keys()].sort())
    for (const [path, entry] of tree) {
      const file = join(folder, path)
      if (typeof entry === 'string') expect(readFileSync(file, 'utf8'), path).toBe(entry)
      else expect(readlinkSync(file), path).toBe(entry.link)
    }
  })
})

describe('a container', () => {
  it('has the same numbers under v2 with the systemd driver and, but for stall times, under v1', () => {
    const systemd = sampleOf('v2-systemd', CONTAINER)
    expect(systemd.ref).toEqual({ version: 2, path: `/system.slice/docker-${CONTAINER_ID}.scope` })
    expect(systemd.sample).toEqual(FULL)
    const v1 = sampleOf('v1', CONTAINER)
    expect(v1.ref).toMatchObject({ version: 1, path: `/docker/${CONTAINER_ID}` })
    expect(v1.sample).toEqual({
      ...FULL,
      // Of the group that the process has in the unified tree, which is not the container's.
      pressureWaitingSeconds: 77,
      pressureStalledSeconds: 66,
    })
    expect([systemd.outcome, v1.outcome]).toEqual(['ok', 'ok'])
    expect(systemd.processes).toEqual([300, 301])
    expect(v1.processes).toEqual([300, 301])
  })

  it('is limited by the tightest of its ancestors', () => {
    const { ref, sample } = sampleOf('v2-cgroupfs', CONTAINER)
    expect(ref).toEqual({ version: 2, path: `/docker/${CONTAINER_ID}` })
    expect(sample).toEqual({ ...FULL, memoryLimitBytes: 256 * MIB, pidsLimit: 100 })
  })

  it('keeps what can be read when a file may not be read or the kernel does not have it', () => {
    const { outcome, sample } = sampleOf('v2-no-psi-no-permission', CONTAINER)
    expect(outcome).toBe('ok')
    expect(sample).toEqual({
      ...FULL,
      memoryWorkingSetBytes: undefined,
      memoryAnonBytes: undefined,
      memoryPeakBytes: undefined,
      ioReadBytes: undefined,
      ioWriteBytes: undefined,
      pressureWaitingSeconds: undefined,
      pressureStalledSeconds: undefined,
    })
  })

  it('sees itself as the top of the tree from inside, and nothing outside of it', () => {
    const inside = sampleOf('v2-namespaced', CONTAINER)
    expect(inside.ref).toEqual({ version: 2, path: '/' })
    expect(inside.sample).toEqual(FULL)
    expect(inside.processes).toEqual([300, 301, 302])
    expect(sampleOf('v2-namespaced', AGENT).outcome).toBe('not located')
  })

  it('has the same numbers when descriptors may not be kept', () => {
    const reader = open('v2-systemd', { maxDescriptors: 0 })
    const sample = emptySample()
    for (const pid of [CONTAINER, AGENT, CONTAINER]) {
      expect(reader.read(reader.locate(pid)!, sample)).toBe('ok')
    }
    expect(sample).toEqual(FULL)
    reader.close()
  })
})

describe('a process on the host', () => {
  it('is measured per controller where v1 gives it a group, and has no number where it gives none', () => {
    const { sample } = sampleOf('v1', AGENT)
    expect(sample.memoryCurrentBytes).toBe(900 * MIB)
    expect(sample.memoryLimitBytes).toBeUndefined()
    expect(sample.pidsLimit).toBe(9_000)
    // Its cpu and freezer group is one that does not exist in the tree: absent, not 0.
    expect(sample.cpuUserSeconds).toBeUndefined()
    expect(sample.frozen).toBeUndefined()
  })

  it('has no group when it sits in the roots only: their numbers are the host, not the process', () => {
    const { room, reader } = copy('v1')
    writeFileSync(join(room, 'proc/200/cgroup'), '5:pids:/\n4:memory:/\n0::/\n')
    expect(reader.locate(AGENT)).toBeUndefined()
    writeFileSync(join(room, 'proc/200/cgroup'), '')
    expect(reader.locate(AGENT)).toBeUndefined()
    expect(reader.locate(4_000_000)).toBeUndefined()
  })
})

describe('change', () => {
  it('shows a new limit within ten seconds and a new memory limit at once', () => {
    const { room, clock, reader } = copy('v2-systemd')
    const ref = reader.locate(CONTAINER)!
    const sample = emptySample()
    reader.read(ref, sample)
    const directory = join(room, 'cgroup', ref.path)
    writeFileSync(join(directory, 'memory.max'), `${128 * MIB}\n`)
    writeFileSync(join(directory, 'cpu.max'), '200000 100000\n')
    writeFileSync(join(directory, 'cgroup.events'), 'populated 1\nfrozen 1\n')
    reader.read(ref, sample)
    expect(sample).toMatchObject({ memoryLimitBytes: 128 * MIB, frozen: true, cpuLimitCores: 1.5 })
    clock.advance(10_000)
    reader.read(ref, sample)
    expect(sample.cpuLimitCores).toBe(2)
    writeFileSync(join(directory, 'cpu.max'), 'max 100000\n')
    reader.forget(ref)
    reader.read(ref, sample)
    expect(sample.cpuLimitCores).toBeUndefined()
    reader.close()
  })

  it('tries an absent file again later and clears a number that can no longer be read', () => {
    const { room, clock, reader } = copy('v2-systemd')
    const ref = reader.locate(CONTAINER)!
    const sample = emptySample()
    const peak = join(room, 'cgroup', ref.path, 'memory.peak')
    rmSync(peak)
    reader.read(ref, sample)
    expect(sample.memoryPeakBytes).toBeUndefined()
    writeFileSync(peak, '77\n')
    reader.read(ref, sample)
    expect(sample.memoryPeakBytes).toBeUndefined()
    clock.advance(10_000)
    reader.read(ref, sample)
    expect(sample.memoryPeakBytes).toBe(77)
    writeFileSync(peak, '')
    reader.read(ref, sample)
    expect(sample.memoryPeakBytes).toBeUndefined()
    reader.close()
  })

  it('says gone when the directory is gone and nothing of the last sample is left', () => {
    const { room, reader } = copy('v2-cgroupfs')
    const ref = reader.locate(CONTAINER)!
    const sample = emptySample()
    rmSync(join(room, 'cgroup', ref.path), { recursive: true })
    expect(reader.read(ref, sample)).toBe('gone')
    expect(sample).toEqual(emptySample())
    expect(reader.processes(ref)).toBeUndefined()
    expect(reader.find(ref.path)).toBeUndefined()
    expect(reader.find('/docker')).toEqual({ version: 2, path: '/docker' })
  })

  it.each(['v1', 'v2-cgroupfs'] as const)(
    'never takes a group for empty whose processes it cannot see: %s',
    (tree) => {
      const { room, reader } = copy(tree)
      const ref = reader.locate(CONTAINER)!
      const groups = tree === 'v1' ? readdirSync(join(room, 'cgroup')) : ['']
      const list = (text: string) => {
        for (const group of groups) {
          const directory = join(room, 'cgroup', group, ref.path)
          if (existsSync(directory)) writeFileSync(join(directory, 'cgroup.procs'), text)
        }
      }
      list('')
      expect(reader.processes(ref)).toEqual([])
      // v2 lists a process of another pid namespace as 0; v1 lists none of them.
      list('0\n0\n')
      expect(reader.processes(ref)).toBeUndefined()
      unlinkSync(join(room, 'proc/self/ns/pid'))
      symlinkSync('pid:[4026532442]', join(room, 'proc/self/ns/pid'))
      list('')
      const inside = createCgroupReader({
        procRoot: join(room, 'proc'),
        root: join(room, 'cgroup'),
      })
      expect(inside.processes(ref)).toBeUndefined()
      list('17\n')
      expect(inside.processes(ref)).toEqual([17])
      inside.close()
    },
  )

  it('reads a file longer than its buffer whole', () => {
    const { room, reader } = copy('v2-cgroupfs')
    const ref = reader.locate(CONTAINER)!
    const devices = Array.from({ length: 2_000 }, (_, i) => `8:${i} rbytes=3 wbytes=2\n`).join('')
    writeFileSync(join(room, 'cgroup', ref.path, 'io.stat'), devices)
    const sample = emptySample()
    reader.read(ref, sample)
    expect(sample).toMatchObject({ ioReadBytes: 6_000, ioWriteBytes: 4_000, pids: 12 })
    reader.close()
  })
})

it('has no version on a host without cgroups and answers nothing', () => {
  const empty = mkdtempSync(join(tmpdir(), 'agent-exporter-cgroup-'))
  rooms.push(empty)
  const reader = createCgroupReader({ root: empty, procRoot: join(trees, 'v1/proc') })
  const sample = emptySample()
  expect(reader.version).toBeUndefined()
  expect(reader.locate(CONTAINER)).toBeUndefined()
  expect(reader.read({ version: 2, path: '/docker' }, sample)).toBe('unreadable')
})
