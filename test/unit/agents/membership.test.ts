import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMembership } from '../../../src/agents/membership.ts'
import type { Tree } from '../../../src/agents/tree.ts'
import { createProcessWorld, type SimulatedProcess } from './process-world.ts'

function setUp(options: { readonly reuse?: true } = {}) {
  const world = createProcessWorld(options)
  const membership = createMembership()
  let now = 0
  const later = (ms: number) => {
    now += ms
  }
  const pass = () => {
    later(1_000)
    return membership.apply(world.table.refresh(), now)
  }
  const pids = (tree: Tree | undefined) => [...(tree?.members.keys() ?? [])]
  const plant = (p: SimulatedProcess) => {
    pass()
    return membership.plant(p)!
  }
  return { world, membership, pass, pids, plant, later }
}

describe('who belongs to an agent', () => {
  it('takes in children, those that were there before it was known and those that come later', () => {
    const { world, pass, pids, plant } = setUp()
    const root = world.spawn()
    const early = world.fork(root)
    const tree = plant(root)
    const late = world.fork(early)
    pass()
    expect(pids(tree)).toEqual([root.pid, early.pid, late.pid])
  })

  it('keeps a member whose parent died', () => {
    const { world, pass, pids, plant } = setUp()
    const root = world.spawn()
    const middle = world.fork(root)
    const leaf = world.fork(middle)
    const tree = plant(root)
    world.exit(middle)
    pass()
    expect(leaf.ppid).toBe(1)
    expect(pids(tree)).toEqual([root.pid, leaf.pid])
  })

  it('takes the session of a process that proved to belong, when its leader has ended unseen', () => {
    const { world, membership, pass, pids, plant } = setUp()
    const root = world.spawn()
    const tree = plant(root)
    const middle = world.fork(root)
    world.setsid(middle)
    const proven = world.fork(middle)
    const other = world.fork(middle)
    world.exit(middle)
    pass()
    expect(pids(tree)).toEqual([root.pid])
    membership.adopt(proven, tree)
    expect(pids(tree).sort()).toEqual([root.pid, proven.pid, other.pid].sort())
    const relay = world.fork(other)
    world.exit(other)
    pass()
    expect(pids(tree)).toContain(relay.pid)
  })

  it('leaves a session alone that is older than the root', () => {
    const { world, membership, pass, pids, plant } = setUp()
    const shell = world.spawn()
    world.setsid(shell)
    const job = world.fork(shell)
    const root = world.fork(shell)
    const child = world.fork(root)
    world.setsid(root)
    world.exit(shell)
    const tree = plant(root)
    const stranger = world.fork(job)
    pass()
    const escaped = world.fork(child)
    world.exit(child)
    pass()
    membership.adopt(escaped, tree)
    expect(pids(tree)).not.toContain(job.pid)
    expect(pids(tree)).not.toContain(stranger.pid)
  })

  it('finds a double-forked orphan by the session its dead leader opened', () => {
    const { world, pass, pids, plant } = setUp()
    const root = world.spawn()
    const tree = plant(root)
    const middle = world.fork(root)
    world.setsid(middle)
    pass()
    const daemon = world.fork(middle)
    world.exit(middle)
    pass()
    expect(pids(tree)).toEqual([root.pid, daemon.pid])
  })

  it('follows a relay in which every process forks and exits between two passes', () => {
    const { world, pass, pids, plant } = setUp()
    const root = world.spawn()
    const tree = plant(root)
    let runner = world.fork(root)
    world.setsid(runner)
    pass()
    for (let lap = 0; lap < 200; lap++) {
      for (let step = 0; step < 3; step++) {
        const next = world.fork(runner)
        world.exit(runner)
        runner = next
      }
      pass()
      expect(pids(tree)).toEqual([root.pid, runner.pid])
    }
  })

  it('keeps hold of a group that lives on though nobody of it is ever seen', () => {
    const world = createProcessWorld()
    const groups = new Set<number>()
    const membership = createMembership({ groupLives: (pgrp) => groups.has(pgrp) })
    const root = world.spawn()
    membership.apply(world.table.refresh(), 0)
    const tree = membership.plant(root)!
    const leader = world.fork(root)
    world.setsid(leader)
    membership.apply(world.table.refresh(), 1)
    groups.add(leader.pid)
    world.exit(leader)
    const minute = 60_001
    for (let at = 1; at <= 5; at++) membership.apply(world.table.refresh(), at * minute)
    expect([...membership.leaders(tree)]).toContain(leader.pid)
    groups.clear()
    for (let at = 6; at <= 8; at++) membership.apply(world.table.refresh(), at * minute)
    expect([...membership.leaders(tree)]).toEqual([root.pid])
  })

  it("leaves the user's own jobs alone, though they share the session of the agent", () => {
    const { world, pass, pids, plant } = setUp()
    const shell = world.spawn()
    const root = world.fork(shell)
    root.pgrp = root.pid
    const job = world.fork(shell)
    const tree = plant(root)
    const orphan = world.fork(job)
    world.exit(job)
    pass()
    expect(orphan.ppid).toBe(1)
    expect(pids(tree)).toEqual([root.pid])
  })

  it('leaves the rest of a pipeline alone, though the agent leads its group', () => {
    const { world, pids, plant } = setUp()
    const shell = world.spawn()
    const root = world.fork(shell)
    root.pgrp = root.pid
    const tee = world.fork(shell)
    tee.pgrp = root.pid
    expect(pids(plant(root))).toEqual([root.pid])
  })

  it('adopts an orphan by its group when the leader is a member', () => {
    const { world, pids, plant } = setUp()
    const shell = world.spawn()
    const root = world.fork(shell)
    root.pgrp = root.pid
    const middle = world.fork(root)
    const orphan = world.fork(middle)
    world.exit(middle)
    expect(pids(plant(root))).toEqual([root.pid, orphan.pid])
  })

  it('does not take a recycled pid for the member that had it', () => {
    const { world, pass, pids, plant, membership } = setUp()
    const root = world.spawn()
    const child = world.fork(root)
    const tree = plant(root)
    world.exit(child)
    const stranger = world.spawn({ pid: child.pid })
    const below = world.fork(stranger)
    pass()
    expect(pids(tree)).toEqual([root.pid])
    expect(membership.memberOf(below.pid)).toBeUndefined()
    expect(membership.plant({ pid: child.pid, startTime: child.startTime })).toBeUndefined()
  })

  it('takes in what proved by its environment that it belongs, and its children', () => {
    const { world, pass, pids, plant, membership } = setUp()
    const root = world.spawn()
    const tree = plant(root)
    const escaped = world.spawn()
    const child = world.fork(escaped)
    pass()
    expect(pids(tree)).toEqual([root.pid])
    membership.adopt(escaped, tree)
    expect(pids(tree)).toEqual([root.pid, escaped.pid, child.pid])
  })
})

describe('agents within agents', () => {
  it('gives a nested agent its own processes and takes them back when it ends', () => {
    const { world, pass, pids, plant, membership } = setUp()
    const root = world.spawn()
    const inner = world.fork(root)
    const leaf = world.fork(inner)
    const outerTree = plant(root)
    const innerTree = membership.plant(inner)!
    expect(innerTree.outer).toBe(outerTree)
    expect(pids(outerTree)).toEqual([root.pid])
    expect(pids(innerTree)).toEqual([inner.pid, leaf.pid])
    world.exit(inner)
    pass()
    membership.fell(innerTree, 0)
    expect(pids(outerTree)).toEqual([root.pid, leaf.pid])
  })

  it('makes the rest of an ended agent nobody’s', () => {
    const { world, pass, plant, membership } = setUp()
    const root = world.spawn()
    const server = world.fork(root)
    const tree = plant(root)
    world.exit(root)
    pass()
    membership.fell(tree, 0)
    expect(membership.memberOf(server.pid)).toBeUndefined()
    const next = world.fork(server)
    pass()
    expect(membership.memberOf(next.pid)).toBeUndefined()
  })
})

describe('services', () => {
  it('lists a daemon of the user session that was started by an agent, and what runs below it', () => {
    const { world, pass, plant, membership } = setUp()
    const root = world.spawn({ comm: 'claude' })
    plant(root)
    const tmux = world.fork(root)
    pass()
    expect(membership.memberOf(tmux.pid)?.kind).toBe('worker')
    world.exec(tmux, 'tmux: server')
    world.setsid(tmux)
    pass()
    const pane = world.fork(tmux)
    world.exec(pane, 'bash')
    pass()
    expect(membership.memberOf(tmux.pid)?.kind).toBe('service')
    expect(membership.memberOf(pane.pid)?.kind).toBe('service')
    expect(membership.memberOf(root.pid)?.kind).toBe('worker')
  })
})

it('leaves a stranger alone whose dead parent had the number that a new member bears', () => {
  const { world, pass, pids, plant } = setUp({ reuse: true })
  const root = world.spawn()
  const tree = plant(root)
  const stranger = world.spawn()
  const child = world.fork(stranger)
  pass()
  world.exit(stranger)
  world.setsid(child)
  const member = world.fork(root)
  expect(member.pid).toBe(stranger.pid)
  pass()
  expect(pids(tree)).toEqual([root.pid, member.pid])
})

describe('whatever processes do', () => {
  it('every member descends from its root, parents come first, and nothing is left when all have ended', () => {
    const step = fc.tuple(fc.constantFrom('fork', 'fork', 'exit', 'setsid', 'pass', 'spawn'), fc.nat())
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { world, pass, membership, plant, later } = setUp({ reuse: true })
        const root = world.spawn()
        const tree = plant(root)
        const family = new Set([root])
        const borne = new Set([root.pid])
        // Who bears a number again and ends before anybody saw it leaves a session that looks like the first bearer's.
        // The kernel goes round all numbers (alloc_pid), so that takes some ten thousand births within a minute.
        const unseen = new Set<SimulatedProcess>()
        const bear = (child: SimulatedProcess) => {
          if (borne.has(child.pid)) unseen.add(child)
          borne.add(child.pid)
        }
        for (const [name, pick] of steps) {
          const all = [...world.processes.values()]
          const one = all[pick % all.length]
          if (name === 'pass') {
            pass()
            unseen.clear()
          } else if (name === 'spawn') bear(world.spawn())
          else if (one === undefined) continue
          else if (name === 'setsid' && one !== root) world.setsid(one)
          else if (name === 'exit' && one !== root && !unseen.has(one)) world.exit(one)
          else if (name === 'fork') {
            const child = world.fork(one)
            bear(child)
            if (family.has(one)) family.add(child)
          }
        }
        pass()
        const members = [...tree.members.values()].map((m) => world.processes.get(m.pid)!)
        for (const [at, member] of members.entries()) {
          expect(family.has(member)).toBe(true)
          const parent = members.findIndex((m) => m.pid === member.ppid)
          expect(parent).toBeLessThan(at === 0 ? 1 : at)
        }
        for (const p of world.processes.values()) {
          const parentIn = tree.members.has(p.ppid)
          if (parentIn) expect(tree.members.has(p.pid)).toBe(true)
        }
        for (const p of [...world.processes.values()]) world.exit(p)
        pass()
        membership.fell(tree, 0)
        later(120_000)
        pass()
        expect(membership.size()).toEqual({ processes: 0, remembered: 0, links: 0 })
      }),
      { numRuns: 600 },
    )
  })
})
