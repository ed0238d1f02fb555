import { describe, expect, it } from 'vitest'
import type { Claim } from '../../../src/agents/claim.ts'
import type { EnrolmentDesk } from '../../../src/agents/enrolment.ts'
import type { AgentEvents } from '../../../src/agents/model.ts'
import { createRegistry } from '../../../src/agents/registry.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { createRoom } from './room.ts'

const marked = (id: string, incarnation?: string) => ({
  environment: {
    AGENT_EXPORTER_AGENT: id,
    ...(incarnation === undefined ? {} : { AGENT_EXPORTER_INCARNATION: incarnation }),
  },
})

/** Agents that somebody with the right to do so chose limits for. */
function enrolling(...ids: string[]): EnrolmentDesk {
  return {
    validate: () => [],
    enrol: async () => {},
    of: ({ id }) => (ids.includes(id) ? { enforce: true } : undefined),
  }
}

describe('a descendant that names another agent in its environment', () => {
  async function setUp(...enrolled: string[]) {
    const room = createRoom({}, undefined, { enrolment: enrolling(...enrolled) })
    const root = room.run(room.shell(), 'claude')
    const inner = room.run(root, 'worker', marked('helper'))
    const innermost = room.run(inner, 'worker', marked('deeper'))
    await room.start()
    await room.seconds(2)
    const outer = [...room.agents.list()].find(({ info }) => info.vendor === 'claude')!
    const pids = async (id: string) =>
      (await room.agents.snapshot(room.agents.get(id)!))?.processes.map(({ pid }) => pid)
    return { room, root, inner, innermost, outer, pids }
  }

  it('is measured by itself, but stopped and ended with the agent it runs in', async () => {
    const { room, root, inner, innermost, outer, pids } = await setUp()
    expect(room.ids()).toEqual([outer.id, 'helper', 'deeper'])
    expect(outer.reading.processes).toBe(1)
    expect(await pids(outer.id)).toEqual([root.pid, inner.pid, innermost.pid])
    expect(await pids('helper')).toEqual([inner.pid, innermost.pid])
    const escaped = room.world.fork(innermost)
    escaped.session = escaped.pid
    escaped.pgrp = escaped.pid
    expect(await pids(outer.id)).toContain(escaped.pid)
    room.world.exit(innermost)
    await room.seconds(2)
    expect(await pids(outer.id)).toEqual([root.pid, inner.pid, escaped.pid])
  })

  it('stays out of it when somebody chose limits for it, with everything in it', async () => {
    const { root, inner, innermost, outer, pids } = await setUp('helper')
    expect(await pids(outer.id)).toEqual([root.pid])
    expect(await pids('helper')).toEqual([inner.pid, innermost.pid])
  })

  it('is also in a tree that is registered around it later', async () => {
    const room = createRoom()
    const wrapper = room.run(room.shell(), 'wrapper')
    const inner = room.run(wrapper, 'worker', marked('helper'))
    await room.start()
    await room.seconds(2)
    expect(room.ids()).toEqual(['helper'])
    room.world.exec(wrapper, 'claude')
    await room.seconds(3)
    const [, later] = room.ids()
    const around = await room.agents.snapshot(room.agents.get(later!)!)
    expect(around?.processes.map(({ pid }) => pid)).toEqual([wrapper.pid, inner.pid])
  })

  it('is still being ended when the agent around it has ended already', async () => {
    const { room, root, inner, innermost, outer } = await setUp()
    await room.agents.snapshot(outer)
    room.world.exit(root)
    await room.seconds(2)
    expect(outer.endedAtMs).toBeDefined()
    const left = await room.agents.snapshot(outer)
    expect(left?.processes.map(({ pid }) => pid)).toEqual([inner.pid, innermost.pid])
  })
})

describe('a process that names itself as another agent', () => {
  function setUp(isKept: (id: string) => boolean = () => false) {
    const registry = createRegistry({
      clock: fakeClock(),
      bus: createBus<AgentEvents>(() => {}),
      retentionMs: () => 1_000,
      isKept: ({ id }) => isKept(id),
    })
    const claim = (id: string, incarnation: string, more: Partial<Claim> = {}) =>
      registry.claim({
        id,
        incarnation,
        runtime: 'process',
        origin: 'environment',
        info: { name: id, role: undefined, vendor: undefined, workspace: undefined },
        startedAtMs: 0,
        uid: 1_000,
        ...more,
      })
    const conflicts = () => [...registry.list()].map(({ id, conflict }) => [id, conflict])
    return { registry, claim, conflicts }
  }

  it.each(['registered', 'labelled', 'discovered'] as const)(
    'gets an id of its own and leaves one that is %s as it was',
    (origin) => {
      const { claim, conflicts } = setUp()
      claim('a', '1', { origin })
      expect(claim('a', '2').outcome).toBe('conflict')
      claim('agent-2', '2', { wanted: 'a' })
      expect(conflicts()).toEqual([
        ['a', false],
        ['agent-2', false],
      ])
    },
  )

  it('leaves a container alone whose label comes later', () => {
    const { claim, conflicts } = setUp()
    claim('a', '1')
    claim('container-2', '2', { wanted: 'a', origin: 'labelled', runtime: 'container', uid: undefined })
    expect(conflicts()).toEqual([
      ['a', false],
      ['container-2', false],
    ])
  })

  it('disputes the id of another that did the same, until somebody acts on that one', () => {
    const { claim, conflicts, registry } = setUp()
    claim('a', '1')
    claim('agent-2', '2', { wanted: 'a' })
    expect(conflicts()).toEqual([
      ['a', true],
      ['agent-2', true],
    ])
    registry.register(registry.get('a')!)
    expect(conflicts()).toEqual([
      ['a', false],
      ['agent-2', false],
    ])
    const kept = setUp((id) => id === 'a')
    kept.claim('a', '1')
    kept.claim('agent-2', '2', { wanted: 'a' })
    expect(kept.conflicts()).toEqual([
      ['a', false],
      ['agent-2', false],
    ])
  })

  it('disputes it no more when somebody registers it by the id it has', () => {
    const { claim, conflicts, registry } = setUp()
    claim('a', '1')
    claim('agent-2', '2', { wanted: 'a' })
    registry.register(registry.get('agent-2')!)
    expect(conflicts()).toEqual([
      ['a', false],
      ['agent-2', false],
    ])
  })

  it('becomes what only registered itself, but not what is limited or stopped', () => {
    for (const isKept of [true, false]) {
      const { claim, registry } = setUp(() => isKept)
      claim('a', 'registration', { origin: 'registered', runtime: 'cooperative', uid: undefined })
      expect(claim('a', '2').outcome).toBe(isKept ? 'conflict' : 'started')
      expect(registry.get('a')?.runtime).toBe(isKept ? 'cooperative' : 'process')
    }
  })

  it("does not join another user's agent by naming its life", async () => {
    const room = createRoom()
    const root = room.run(room.shell(), 'claude', marked('mine'))
    await room.start()
    await room.seconds(1)
    const { incarnation } = room.agents.get('mine')!
    for (const uid of [root.uid, 4_321]) {
      const escaped = room.world.spawn({ comm: 'python', uid })
      room.identities.set(escaped.pid, marked('mine', incarnation))
    }
    await room.seconds(3)
    expect(room.agents.get('mine')?.reading.processes).toBe(2)
  })
})
