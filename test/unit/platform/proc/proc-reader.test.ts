import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createProcReader, type ProcReader } from '../../../../src/platform/proc/proc-reader.ts'
import { createProcessSample } from '../../../../src/platform/proc/process.ts'
import { type ProcTree, procTree } from '../../../support/proc-tree.ts'

let tree: ProcTree
let reader: ProcReader
let now = 0
const sample = createProcessSample()
const key = (pid: number, startTime = 1000) => ({ pid, startTime })

beforeEach(() => {
  tree = procTree()
  now = 0
  reader = createProcReader({
    root: tree.root,
    descriptorBudget: 9,
    clockTicks: 100,
    monotonic: () => now,
  })
})
afterEach(() => {
  reader.close()
  tree.dispose()
})

describe('proc reader', () => {
  it('reads the full set of one process', () => {
    tree.put(42, { comm: 'a) b', rssKb: 300, io: { read: 4096, write: 8192 }, fds: 7, ppid: 9 })
    expect(reader.read(key(42), 'full', sample)).toBe('ok')
    expect(sample).toMatchObject({
      comm: 'a) b',
      state: 'S',
      ppid: 9,
      userSeconds: 1,
      systemSeconds: 0.5,
      cpuSeconds: 1.5,
      rssBytes: 300 * 1024,
      rssPeakBytes: 300 * 1024,
      swapBytes: 0,
      voluntarySwitches: 5,
      involuntarySwitches: 2,
      ioReadBytes: 4096,
      ioWriteBytes: 8192,
      openFds: 7,
    })
  })

  it('leaves io and descriptors out of a core read, also after a full one', () => {
    tree.put(42, { rssKb: 1, io: { read: 1, write: 1 }, fds: 1 })
    reader.read(key(42), 'full', sample)
    expect(reader.read(key(42), 'core', sample)).toBe('ok')
    expect(sample.ioReadBytes).toBeUndefined()
    expect(sample.openFds).toBeUndefined()
    expect(sample.rssBytes).toBe(1024)
  })

  it('has no memory for a kernel thread and no io without the file', () => {
    tree.put(2, { comm: 'kthreadd' })
    expect(reader.read(key(2), 'full', sample)).toBe('ok')
    expect(sample.rssBytes).toBeUndefined()
    expect(sample.ioReadBytes).toBeUndefined()
    expect(sample.openFds).toBeUndefined()
  })

  it('calls a recycled number gone and tells nothing of the new process', () => {
    tree.put(42, { rssKb: 10 })
    expect(reader.read(key(42), 'core', sample)).toBe('ok')
    tree.put(42, { rssKb: 999, startTime: 2000 })
    expect(reader.read(key(42), 'core', sample)).toBe('gone')
    expect(sample.rssBytes).toBeUndefined()
    expect(reader.descriptors().open).toBe(0)
    expect(reader.read(key(42, 2000), 'core', sample)).toBe('ok')
    expect(sample.rssBytes).toBe(999 * 1024)
  })

  it('says gone for a number nobody has and keeps nothing open', () => {
    expect(reader.read(key(4_000_000), 'full', sample)).toBe('gone')
    expect(reader.descriptors().open).toBe(0)
  })

  it('says unreadable for a stat line it does not understand', () => {
    tree.put(42, { rssKb: 10 })
    tree.write('42/stat', '42 (node) S 1')
    expect(reader.read(key(42), 'core', sample)).toBe('unreadable')
    expect(sample.rssBytes).toBeUndefined()
    expect(reader.descriptors().open).toBe(0)
  })

  it('does not repeat what the last process said', () => {
    tree.put(1, { rssKb: 10, io: { read: 5, write: 5 }, fds: 3 })
    tree.put(2)
    reader.read(key(1), 'full', sample)
    reader.read(key(2), 'full', sample)
    expect(sample.rssBytes).toBeUndefined()
    expect(sample.ioReadBytes).toBeUndefined()
    expect(sample.openFds).toBeUndefined()
  })

  it('keeps the descriptors within the budget and still reads everybody', () => {
    for (let pid = 1; pid <= 20; pid++) tree.put(pid, { rssKb: pid, io: { read: pid, write: 0 } })
    for (let round = 0; round < 3; round++) {
      for (let pid = 1; pid <= 20; pid++) {
        expect(reader.read(key(pid), 'full', sample)).toBe('ok')
        expect([sample.rssBytes, sample.ioReadBytes]).toEqual([pid * 1024, pid])
        expect(reader.descriptors().open).toBeLessThanOrEqual(9)
      }
    }
  })

  it('gives the place of a process that is no longer read to one that is', () => {
    for (let pid = 1; pid <= 4; pid++) tree.put(pid, { rssKb: 1, io: { read: 1, write: 1 } })
    for (const pid of [1, 2, 3]) reader.read(key(pid), 'full', sample)
    expect(reader.descriptors().open).toBe(9)
    now = 60_000
    for (const pid of [2, 3, 4]) reader.read(key(pid), 'full', sample)
    // Process 1 was idle: its three went to process 4.
    tree.put(1, { rssKb: 77, faults: 5 })
    reader.forget(key(4))
    expect(reader.descriptors().open).toBe(6)
    reader.read(key(1), 'core', sample)
    expect(sample.rssBytes).toBe(77 * 1024)
    expect(reader.descriptors().open).toBe(8)
  })

  it('forgets only the incarnation it was asked to forget', () => {
    tree.put(42, { rssKb: 1 })
    reader.read(key(42), 'core', sample)
    reader.forget(key(42, 1))
    expect(reader.descriptors().open).toBe(2)
    reader.forget(key(42))
    expect(reader.descriptors().open).toBe(0)
  })

  it('asks an idle process for its status again only after a while, a busy one at once', () => {
    tree.put(42, { rssKb: 10 })
    reader.read(key(42), 'core', sample)
    // The status alone changes, as when memory is reclaimed within the lag of the counters.
    tree.write('42/status', 'VmRSS:\t8 kB\n')
    now += 9_000
    reader.read(key(42), 'core', sample)
    expect(sample.rssBytes).toBe(10 * 1024)
    now += 1_000
    reader.read(key(42), 'core', sample)
    expect(sample.rssBytes).toBe(8 * 1024)
    tree.put(42, { rssKb: 20, userTicks: 101 })
    reader.read(key(42), 'core', sample)
    expect(sample.rssBytes).toBe(20 * 1024)
    tree.put(42, { rssKb: 30, userTicks: 101, faults: 1 })
    reader.read(key(42), 'core', sample)
    expect(sample.rssBytes).toBe(30 * 1024)
  })

  it('reads a status of any size', () => {
    tree.put(42, { rssKb: 5 })
    const groups = Array.from({ length: 20_000 }, (_, i) => 100_000 + i).join(' ')
    tree.write('42/status', `Name:\tx\nGroups:\t${groups}\nVmRSS:\t5 kB\n`)
    expect(reader.read(key(42), 'core', sample)).toBe('ok')
    expect(sample.rssBytes).toBe(5 * 1024)
  })
})
