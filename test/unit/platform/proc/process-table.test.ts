import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ProcessChanges, ProcessTable } from '../../../../src/platform/proc/process.ts'
import { createProcessTable } from '../../../../src/platform/proc/process-table.ts'
import { type ProcTree, procTree } from '../../../support/proc-tree.ts'

let tree: ProcTree
let table: ProcessTable
let seconds = 0

beforeEach(() => {
  tree = procTree()
  seconds = 1000
  table = createProcessTable({
    root: tree.root,
    clockTicks: 100,
    monotonic: () => seconds * 1000,
    uptime: () => seconds,
  })
})
afterEach(() => tree.dispose())

const refresh = () => table.refresh() as ProcessChanges
const pids = (list: readonly { pid: number }[]) => list.map((entry) => entry.pid).sort((a, b) => a - b)
const startedAt = (at: number) => at * 100

describe('process table', () => {
  it('finds everybody at the first pass and nobody twice', () => {
    tree.put(1, { comm: 'init', uid: 0 })
    tree.put(42, { comm: 'node', ppid: 1 })
    tree.write('meminfo', 'MemTotal: 1 kB\n')
    expect(pids(refresh().appeared)).toEqual([1, 42])
    expect(refresh()).toEqual({ appeared: [], renamed: [], vanished: [] })
    expect(table.get(42)).toMatchObject({ comm: 'node', ppid: 1, uid: 1000, startTime: 1000 })
    expect(pids([...table.entries()])).toEqual([1, 42])
  })

  it('sees the end of a process', () => {
    tree.put(42)
    refresh()
    tree.remove(42)
    expect(refresh().vanished).toEqual([expect.objectContaining({ pid: 42, startTime: 1000 })])
    expect(table.get(42)).toBeUndefined()
  })

  it('sees the exec of a young process at the next pass', () => {
    tree.put(42, { comm: 'bash', startTime: startedAt(999) })
    refresh()
    seconds += 1
    tree.put(42, { comm: 'claude', startTime: startedAt(999) })
    expect(refresh().renamed).toEqual([expect.objectContaining({ pid: 42, comm: 'claude' })])
  })

  it('sees a late exec and a recycled number within one round', () => {
    for (let pid = 1; pid <= 30; pid++) tree.put(pid)
    refresh()
    tree.put(7, { comm: 'late' })
    tree.put(8, { startTime: 5000 })
    const seen: ProcessChanges[] = []
    for (let pass = 0; pass < 20; pass++) {
      seconds += 1
      seen.push(refresh())
    }
    expect(seen.flatMap((c) => pids(c.renamed))).toEqual([7])
    expect(seen.flatMap((c) => c.vanished)).toEqual([expect.objectContaining({ pid: 8, startTime: 1000 })])
    expect(seen.flatMap((c) => c.appeared)).toEqual([expect.objectContaining({ pid: 8, startTime: 5000 })])
  })

  it('follows a new parent without calling it a change', () => {
    tree.put(42, { ppid: 7, startTime: startedAt(999) })
    refresh()
    tree.put(42, { ppid: 1, startTime: startedAt(999) })
    seconds += 1
    expect(refresh()).toEqual({ appeared: [], renamed: [], vanished: [] })
    expect(table.get(42)?.ppid).toBe(1)
  })

  it('knows the user that a process has become under the same name', () => {
    tree.put(42, { uid: 0, startTime: startedAt(999) })
    refresh()
    tree.put(42, { uid: 1000, startTime: startedAt(999) })
    expect(table.uidNow?.(42)).toBe(1000)
    expect(table.uidNow?.(43)).toBeUndefined()
  })

  it('has no uid where status cannot be read, and leaves out who cannot be read at all', () => {
    tree.write('42/stat', '42 (x) S 1 42 42 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 1000 0\n')
    tree.write('43/cmdline', 'hidden')
    refresh()
    expect(table.get(42)?.uid).toBeUndefined()
    expect(table.get(42)?.comm).toBe('x')
    expect(table.get(43)).toBeUndefined()
  })
})
