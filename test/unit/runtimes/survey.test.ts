import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { childrenFirst, createKeySet, namePids, survey } from '../../../src/runtimes/survey.ts'
import type { Standing } from '../../../src/runtimes/task-state.ts'

const process = (pid: number, pgrp: number) => ({ pid, startTime: pid * 10, ppid: 1, pgrp, session: 1 })

function standing(by: Record<number, Standing>) {
  return {
    read: ({ pid, startTime }: { pid: number; startTime: number }) => ({
      ...process(pid, PGRPS[pid]!),
      startTime,
      standing: by[pid]!,
      terminal: 0,
      foregroundGroup: -1,
      cpuTicks: 0,
    }),
  }
}
const PGRPS: Record<number, number> = { 10: 10, 11: 10, 20: 20, 30: 30 }

describe('one full scan', () => {
  const tree = {
    processes: [process(10, 10), process(11, 10), process(20, 20), process(30, 30)],
    groups: [10, 20, 40],
  }

  it('tells groups that run, groups that stand and groups of which nobody was seen', () => {
    const found = survey(tree, standing({ 10: 'stopped', 11: 'running', 20: 'stopped', 30: 'dead' }))
    expect(found.alive.map(({ pid }) => pid)).toEqual([10, 11, 20])
    expect(found.running.map(({ pid }) => pid)).toEqual([11])
    expect(found.restless).toEqual([10])
    expect(found.unseen).toEqual([40])
  })

  it('takes what could not be read for running', () => {
    const found = survey(tree, standing({ 10: 'unknown', 11: 'stopped', 20: 'stopped', 30: 'stopped' }))
    expect(found.running.map(({ pid }) => pid)).toEqual([10])
  })

  it('never signals a group that is not the tree’s alone', () => {
    const found = survey(
      { ...tree, groups: [] },
      standing({ 10: 'running', 11: 'running', 20: 'running', 30: 'running' }),
    )
    expect([...found.restless, ...found.unseen]).toEqual([])
  })
})

describe('children before their parents', () => {
  it('holds for any tree in any order', () => {
    const trees = fc
      .array(fc.nat(), { minLength: 1, maxLength: 40 })
      .map((seeds) =>
        seeds.map((seed, at) => ({ pid: at + 2, startTime: at, ppid: at === 0 ? 1 : (seed % at) + 2 })),
      )
    const shuffled = trees.chain((tree) => fc.shuffledSubarray(tree, { minLength: tree.length }))
    fc.assert(
      fc.property(shuffled, (tree) => {
        const order = childrenFirst(tree).map(({ pid }) => pid)
        for (const { pid, ppid } of tree) {
          if (order.includes(ppid)) expect(order.indexOf(pid)).toBeLessThan(order.indexOf(ppid))
        }
        expect([...order].sort()).toEqual(tree.map(({ pid }) => pid).sort())
      }),
    )
  })

  it('ends with processes that are each other’s parents, as a changing table may show them', () => {
    const ring = [
      { pid: 2, startTime: 1, ppid: 3 },
      { pid: 3, startTime: 1, ppid: 2 },
    ]
    expect(childrenFirst(ring)).toHaveLength(2)
  })
})

describe('keys of processes', () => {
  it('are number and start time together', () => {
    const keys = createKeySet([{ pid: 5, startTime: 1 }])
    expect(keys.has({ pid: 5, startTime: 1 })).toBe(true)
    expect(keys.has({ pid: 5, startTime: 2 })).toBe(false)
    keys.add({ pid: 6, startTime: 3 })
    expect(keys.has({ pid: 6, startTime: 3 })).toBe(true)
  })

  it('are named for people, a few of them', () => {
    expect(namePids([process(7, 7), process(9, 9)])).toBe('pid 7, pid 9')
    expect(namePids([1, 2, 3, 4, 5, 6, 7].map((pid) => process(pid, 1)))).toBe(
      'pid 1, pid 2, pid 3, pid 4, pid 5 and 2 more',
    )
  })
})
