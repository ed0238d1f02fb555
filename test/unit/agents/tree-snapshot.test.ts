import { describe, expect, it } from 'vitest'
import { createMembership } from '../../../src/agents/membership.ts'
import { createSnapshots } from '../../../src/agents/tree-snapshot.ts'
import { createProcessWorld, type SimulatedProcess } from './process-world.ts'

function setUp() {
  const world = createProcessWorld()
  const groupLives = (pgrp: number) => [...world.processes.values()].some((p) => p.pgrp === pgrp)
  const membership = createMembership({ groupLives })
  const take = createSnapshots({ membership, reader: world.reader, table: { ...world.table, groupLives } })
  let now = 0
  const pass = (ms = 1_000) => {
    now += ms
    membership.apply(world.table.refresh(), now)
  }
  const plant = (root: SimulatedProcess) => {
    pass()
    const tree = membership.plant(root)!
    return () => {
      pass()
      return take(tree)
    }
  }
  const pids = ({ processes }: { processes: readonly { pid: number }[] }) => processes.map(({ pid }) => pid)
  return { world, membership, take, pass, plant, pids }
}

describe('what may be signalled of an agent', () => {
  it('is its processes, parents first, and the group it leads', () => {
    const { world, plant, pids } = setUp()
    const root = world.spawn()
    const snapshot = plant(root)
    const child = world.fork(root)
    const grandchild = world.fork(child)
    const found = snapshot()
    expect(found.root).toEqual({ pid: root.pid, startTime: root.startTime })
    expect(pids(found)).toEqual([root.pid, child.pid, grandchild.pid])
    expect(found.groups).toEqual([root.pid])
  })

  it('is not the group when somebody else is in it, also somebody who went there lately', () => {
    const { world, plant } = setUp()
    const shell = world.spawn()
    const root = world.fork(shell)
    root.pgrp = root.pid
    const tee = world.fork(shell)
    const snapshot = plant(root)
    expect(snapshot().groups).toEqual([root.pid])
    tee.pgrp = root.pid
    expect(snapshot().groups).toEqual([])
    world.exit(tee)
    expect(snapshot().groups).toEqual([root.pid])
  })

  it('is the group of both when another tree stands in it and is stopped with it', () => {
    const { world, membership, pass, take } = setUp()
    const root = world.spawn()
    const inner = world.fork(root)
    pass()
    const outerTree = membership.plant(root)!
    const innerTree = membership.plant(inner)!
    expect(inner.pgrp).toBe(root.pid)
    expect(innerTree.outer).toBe(outerTree)
    expect(take(outerTree).groups).toEqual([])
    expect(take(outerTree, [innerTree]).groups).toEqual([root.pid])
    expect(take(innerTree).groups).toEqual([])
  })

  it('is never the group of the shell that started it', () => {
    const { world, plant, pids } = setUp()
    const shell = world.spawn()
    const root = world.fork(shell)
    const found = plant(root)()
    expect(pids(found)).toEqual([root.pid])
    expect(found.groups).toEqual([])
  })

  it('is not a service, nor a group with one in it', () => {
    const { world, plant, pids } = setUp()
    const root = world.spawn()
    const snapshot = plant(root)
    const agent = world.fork(root)
    world.exec(agent, 'ssh-agent')
    const found = snapshot()
    expect(pids(found)).toEqual([root.pid])
    expect(found.groups).toEqual([])
  })

  it('is not a group in which another agent runs that was started by it', () => {
    const { world, pass, plant } = setUp()
    const root = world.spawn()
    const snapshot = plant(root)
    const inner = world.fork(root)
    pass()
    plant(inner)
    expect(snapshot().groups).toEqual([])
  })

  it('is the group a dead member led, however long ago, while something lives in it', () => {
    const { world, pass, plant, pids } = setUp()
    const root = world.spawn()
    const snapshot = plant(root)
    const leader = world.fork(root)
    world.setsid(leader)
    pass()
    const left = world.fork(leader)
    world.exit(leader)
    for (let minute = 0; minute < 5; minute++) pass(60_000)
    const found = snapshot()
    expect(pids(found)).toEqual([root.pid, left.pid])
    expect([...found.groups].sort()).toEqual([root.pid, leader.pid])
    world.exit(left)
    expect(snapshot().groups).toEqual([root.pid])
  })

  it('shows the group a process is in now, and leaves out who has only not been waited for', () => {
    const { world, plant, pids } = setUp()
    const root = world.spawn()
    const snapshot = plant(root)
    const child = world.fork(root)
    const zombie = world.fork(root)
    snapshot()
    child.pgrp = child.pid
    zombie.state = 'Z'
    const found = snapshot()
    expect(pids(found)).toEqual([root.pid, child.pid])
    expect(found.processes[1]!.pgrp).toBe(child.pid)
    expect([...found.groups].sort()).toEqual([root.pid, child.pid])
  })
})
