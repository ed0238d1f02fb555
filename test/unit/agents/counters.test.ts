import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTreeCounters } from '../../../src/agents/counters.ts'
import { createMembership } from '../../../src/agents/membership.ts'
import type { Member } from '../../../src/agents/tree.ts'
import { createProcessSample, type ReadDepth } from '../../../src/platform/proc/process.ts'
import { createProcessWorld, type SimulatedProcess } from './process-world.ts'

/** One agent of the simulated kernel, sampled as the process source samples it, next to the truth. */
function setUp(options: { readonly reuse?: true } = {}) {
  const world = createProcessWorld(options)
  const membership = createMembership()
  const counters = createTreeCounters()
  const sample = createProcessSample()
  const root = world.spawn()
  const truth = { cpu: 0, written: 0 }
  const family = new Set([root])
  membership.apply(world.table.refresh(), 0)
  const tree = membership.plant(root)!
  const dead = new Set<Member>()
  let now = 0

  function end(member: Member): void {
    const parent = member.seen.ppid
    const inside = parent === 0 || parent === member.ppid || tree.members.has(parent)
    counters.ended(member.seen, inside ? 'inside' : 'outside')
  }

  /** `between` runs before every single read: whatever can happen in the middle of a sample does. */
  function tick(depth: ReadDepth, between: () => void = () => {}): void {
    for (const member of membership.apply(world.table.refresh(), ++now).left) {
      if (!dead.delete(member)) end(member)
    }
    for (const member of tree.members.values()) {
      between()
      if (dead.has(member)) continue
      const outcome = world.reader.read(member, depth, sample)
      if (outcome === 'ok') {
        counters.observe(member.seen, sample)
      } else if (outcome === 'gone') {
        dead.add(member)
        end(member)
      } else {
        counters.missed()
      }
    }
    counters.settle(depth)
  }

  const burn = (p: SimulatedProcess, amount: number) => {
    world.burn(p, amount)
    if (family.has(p)) truth.cpu += amount
  }
  const write = (p: SimulatedProcess, bytes: number) => {
    world.write(p, bytes)
    if (family.has(p)) truth.written += bytes
  }
  const fork = (p: SimulatedProcess) => {
    const child = world.fork(p)
    if (family.has(p)) family.add(child)
    return child
  }
  const cpu = () => counters.total('cpuUser')
  const written = () => counters.total('ioWrite')
  return { world, membership, counters, root, family, truth, tick, burn, write, fork, cpu, written }
}

describe('CPU of an agent', () => {
  it('has no number before the first good read', () => {
    const { tick, world, root, cpu } = setUp()
    root.readable = false
    tick('core')
    expect(cpu()).toBeUndefined()
    root.readable = true
    world.burn(root, 5)
    tick('core')
    expect(cpu()).toBe(5)
  })

  it('keeps what ended members used', () => {
    const { tick, world, root, fork, burn, cpu } = setUp()
    const child = fork(root)
    burn(child, 40)
    tick('core')
    world.exit(child)
    tick('core')
    tick('core')
    expect(cpu()).toBe(40)
  })

  it('counts children too short to be seen, once, also when their parent ends', () => {
    const { tick, world, root, fork, burn, cpu } = setUp()
    const shell = fork(root)
    tick('core')
    for (let i = 0; i < 10; i++) {
      const command = fork(shell)
      burn(command, 7)
      world.exit(command)
    }
    tick('core')
    expect(cpu()).toBe(70)
    world.exit(shell)
    tick('core')
    tick('core')
    expect(cpu()).toBe(70)
  })

  it('counts what a member used after its last read', () => {
    const { tick, world, root, fork, burn, cpu } = setUp()
    const child = fork(root)
    burn(child, 10)
    tick('core')
    burn(child, 3)
    world.exit(child)
    tick('core')
    expect(cpu()).toBe(13)
  })

  it('counts what was used before the agent was known', () => {
    const { tick, world, root, fork, burn, cpu } = setUp()
    burn(root, 100)
    const earlier = fork(root)
    burn(earlier, 50)
    world.exit(earlier)
    tick('core')
    expect(cpu()).toBe(150)
  })

  it('does not lose the unseen children of the others when an orphan with much CPU ends', () => {
    const { tick, world, root, fork, burn, cpu, truth } = setUp()
    const middle = fork(root)
    const orphan = fork(middle)
    burn(orphan, 1_000)
    tick('core')
    world.exit(middle)
    tick('core')
    world.exit(orphan)
    const short = fork(root)
    burn(short, 9)
    world.exit(short)
    tick('core')
    expect(cpu()).toBe(truth.cpu)
  })

  it('does not count a child twice that was reaped after its parent was read in the same sample', () => {
    const { tick, world, root, fork, burn, cpu } = setUp()
    const child = fork(root)
    burn(child, 60)
    tick('core')
    let reads = 0
    tick('core', () => {
      if (++reads === 2) world.exit(child)
    })
    tick('core')
    expect(cpu()).toBe(60)
  })

  it('does not count a child twice whose parent could not be read for a while', () => {
    const { tick, world, root, fork, burn, cpu } = setUp()
    const child = fork(root)
    burn(child, 60)
    tick('core')
    world.exit(child)
    root.readable = false
    for (let i = 0; i < 5; i++) tick('core')
    root.readable = true
    tick('core')
    expect(cpu()).toBe(60)
  })

  it('continues at the total of an earlier run of the daemon', () => {
    const { tick, root, burn, cpu, counters } = setUp()
    counters.resume('cpuUser', 500)
    expect(cpu()).toBe(500)
    burn(root, 420)
    tick('core')
    expect(cpu()).toBe(500)
    burn(root, 5)
    tick('core')
    expect(cpu()).toBe(505)
  })
})

describe('bytes of an agent', () => {
  it('takes a reaped child out of the number of its parent', () => {
    const { tick, world, root, fork, write, written } = setUp()
    const child = fork(root)
    write(child, 300)
    write(root, 20)
    tick('full')
    expect(written()).toBe(320)
    world.exit(child)
    tick('core')
    tick('core')
    tick('core')
    write(root, 1)
    tick('full')
    expect(written()).toBe(321)
  })
})

type Step = readonly [action: string, pick: number, amount: number]
const actions = [
  'fork',
  'fork',
  'exit',
  'exit',
  'burn',
  'burn',
  'write',
  'setsid',
  'subreaper',
  'blind',
  'see',
]

function act(setup: ReturnType<typeof setUp>, [action, pick, amount]: Step): void {
  const { world, root } = setup
  const all = [...world.processes.values()]
  const one = all[pick % all.length]
  if (one === undefined) return
  if (action === 'fork') setup.fork(one)
  else if (action === 'burn') setup.burn(one, amount)
  else if (action === 'write') setup.write(one, amount)
  else if (action === 'subreaper') world.subreaper(one)
  else if (action === 'blind') one.readable = false
  else if (action === 'see') one.readable = true
  else if (one === root) return
  else if (action === 'exit') world.exit(one)
  else if (action === 'setsid') world.setsid(one)
}

const step = fc.tuple(fc.constantFrom(...actions), fc.nat(), fc.integer({ min: 1, max: 50 }))
const sampled = fc.tuple(fc.constantFrom<ReadDepth>('core', 'core', 'full'), fc.array(step, { maxLength: 6 }))
const story = fc.array(fc.oneof({ arbitrary: step, weight: 3 }, { arbitrary: sampled, weight: 1 }), {
  maxLength: 150,
})

describe('whatever processes do between two samples and during one', () => {
  it('counters never fall and never exceed the truth', () => {
    fc.assert(
      fc.property(story, (events) => {
        const setup = setUp({ reuse: true })
        let cpu = 0
        let written = 0
        for (const event of events) {
          if (event.length === 3) {
            act(setup, event)
            continue
          }
          const during = [...event[1]]
          setup.tick(event[0], () => {
            const next = during.shift()
            if (next !== undefined) act(setup, next)
          })
          const cpuNow = setup.cpu() ?? 0
          const writtenNow = setup.written() ?? 0
          expect(cpuNow).toBeGreaterThanOrEqual(cpu)
          expect(writtenNow).toBeGreaterThanOrEqual(written)
          expect(cpuNow).toBeLessThanOrEqual(setup.truth.cpu)
          expect(writtenNow).toBeLessThanOrEqual(setup.truth.written)
          cpu = cpuNow
          written = writtenNow
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('equals the truth when every process was read at its end', () => {
    const calm = step.filter(([action]) => action !== 'blind' && action !== 'write')
    fc.assert(
      fc.property(fc.array(calm, { maxLength: 80 }), (steps) => {
        const setup = setUp({ reuse: true })
        for (const event of steps) {
          if (event[0] === 'exit' || event[0] === 'fork') setup.tick('full')
          act(setup, event)
          if (event[0] === 'fork' || event[0] === 'setsid') setup.tick('full')
        }
        setup.tick('full')
        setup.tick('full')
        expect(setup.cpu()).toBe(setup.truth.cpu)
      }),
      { numRuns: 500 },
    )
  })
})
