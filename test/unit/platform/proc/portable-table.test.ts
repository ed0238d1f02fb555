import { describe, expect, it } from 'vitest'
import { createPortableLane } from '../../../../src/platform/proc/portable-lane.ts'
import { createPortableTable, parsePs } from '../../../../src/platform/proc/portable-table.ts'
import type { ProcessEntry } from '../../../../src/platform/proc/process.ts'

const entry = (pid: number, startTime: number, comm = 'x'): ProcessEntry => ({
  pid,
  startTime,
  comm,
  ppid: 1,
  pgrp: pid,
  session: 0,
  uid: 501,
})

describe('parsePs', () => {
  it('reads the rows of a macOS listing', () => {
    const output = [
      '    1     0     1      0     0 Sat Nov 21 08:00:00 2026 /sbin/launchd',
      '  512   400   512      0   501 Sat Nov 21 09:10:11 2026 /Applications/My App/claude',
      'garbage',
      '  513   400   512 0x1f   501 not a date 1 x',
      '',
    ].join('\n')
    const entries = parsePs(output)
    expect(entries.map(({ pid, ppid, uid, comm }) => [pid, ppid, uid, comm])).toEqual([
      [1, 0, 0, 'launchd'],
      [512, 400, 501, 'claude'],
    ])
    expect(entries[1]!.startTime).toBe(new Date(2026, 10, 21, 9, 10, 11).getTime() / 10)
  })
})

describe('portable table', () => {
  it('tells what came, what changed its name, what ended, and lists no more often than it may', async () => {
    let now = 0
    let calls = 0
    let listed = [entry(1, 100_000), entry(2, 100_000, 'bash')]
    const table = createPortableTable({
      intervalMs: 5_000,
      monotonic: () => now,
      list: async () => {
        calls++
        return listed
      },
    })
    expect((await table.refresh()).appeared.map((e) => e.pid)).toEqual([1, 2])
    now = 1_000
    await table.refresh()
    expect(calls).toBe(1)
    now = 6_000
    // The start of 1 is rounded the other way, 2 called exec, 3 is new.
    listed = [entry(1, 100_100), entry(2, 100_000, 'claude'), entry(3, 200_000)]
    const changes = await table.refresh()
    expect(changes.appeared.map((e) => e.pid)).toEqual([3])
    expect(changes.renamed.map((e) => e.comm)).toEqual(['claude'])
    expect(changes.vanished).toEqual([])
    expect(table.get(1)?.startTime).toBe(100_000)
    now = 12_000
    listed = [entry(2, 300_000, 'claude'), entry(3, 200_000)]
    const later = await table.refresh()
    expect(later.vanished.map((e) => [e.pid, e.startTime])).toEqual([
      [1, 100_000],
      [2, 100_000],
    ])
    expect(later.appeared.map((e) => e.pid)).toEqual([2])
  })

  it('keeps what it knew when a listing fails', async () => {
    let now = 0
    let fails = false
    const table = createPortableTable({
      monotonic: () => now,
      list: async () => {
        if (fails) throw new Error('ps is gone')
        return [entry(1, 1)]
      },
    })
    await table.refresh()
    fails = true
    now = 60_000
    expect((await table.refresh()).vanished).toEqual([])
    expect(table.get(1)).toBeDefined()
  })
})

describe('portable lane', () => {
  it('reduces the command line of the incarnation it was asked about', async () => {
    const known = entry(42, 1000)
    const lane = createPortableLane({
      table: { get: (pid) => (pid === 42 ? known : undefined) },
      commandLine: async () => '/usr/bin/node /opt/bin/gemini --key secret\n',
    })
    expect(await lane.identify(known)).toEqual({ argv: ['node', 'gemini'], environment: {}, cwd: undefined })
    expect(await lane.identify({ pid: 42, startTime: 1 })).toBe('gone')
  })
})
