import { describe, expect, it } from 'vitest'
import { judgeActivity, judgeState, newActivity } from '../../../src/agents/activity.ts'
import type { Claim } from '../../../src/agents/claim.ts'
import type { AgentEvents } from '../../../src/agents/model.ts'
import { createQuota } from '../../../src/agents/quota.ts'
import { createRegistry } from '../../../src/agents/registry.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function setUp() {
  const clock = fakeClock()
  let retentionMs = 300_000
  const bus = createBus<AgentEvents>(() => {})
  const registry = createRegistry({ clock, bus, retentionMs: () => retentionMs })
  const claim = (id: string, incarnation: string, more: Partial<Claim> = {}) =>
    registry.claim({
      id,
      incarnation,
      runtime: 'process',
      origin: 'environment',
      info: { name: id, role: undefined, vendor: undefined, workspace: undefined },
      startedAtMs: 0,
      ...more,
    })
  const ids = () => [...registry.list()].map((agent) => agent.id)
  const retain = (ms: number) => {
    retentionMs = ms
  }
  return { clock, registry, claim, ids, retain }
}

describe('the registry', () => {
  it('knows the same incarnation again and says so', () => {
    const { claim } = setUp()
    expect(claim('a', '1').outcome).toBe('started')
    expect(claim('a', '1').outcome).toBe('known')
  })

  it('has one live incarnation per id', () => {
    const { claim, registry } = setUp()
    claim('a', '1')
    expect(claim('a', '2').outcome).toBe('conflict')
    registry.end(registry.get('a')!)
    expect(claim('a', '2').outcome).toBe('started')
    expect(registry.size).toBe(1)
  })

  it('lists in the order of creation, also an id that came again', () => {
    const { claim, registry, ids } = setUp()
    claim('a', '1')
    claim('b', '1')
    registry.end(registry.get('a')!)
    claim('a', '2')
    expect(ids()).toEqual(['b', 'a'])
  })

  it('forgets ended agents when their time is over, whatever the wall clock does', () => {
    const { claim, registry, ids, clock } = setUp()
    claim('a', '1')
    claim('b', '1')
    registry.end(registry.get('a')!)
    clock.jumpWall(86_400_000)
    registry.expire()
    expect(ids()).toEqual(['a', 'b'])
    clock.advance(300_000)
    registry.expire()
    expect(ids()).toEqual(['b'])
  })

  it('does not find a deleted incarnation again, but takes it when somebody registers it', () => {
    const { claim, registry } = setUp()
    claim('a', '1')
    registry.remove(registry.get('a')!)
    expect(claim('a', '1').outcome).toBe('dismissed')
    expect(claim('a', '1', { origin: 'registered' }).outcome).toBe('started')
  })

  it('never lets an agent change what was said first', () => {
    const { claim, registry } = setUp()
    claim('a', '1')
    const agent = registry.get('a')!
    registry.describe(agent, { role: 'coder' })
    registry.describe(agent, { role: 'boss', workspace: '/srv' })
    expect(agent.info).toMatchObject({ role: 'coder', workspace: '/srv' })
  })
})

describe('activity', () => {
  it('does not take a failed read for idleness or for work', () => {
    const start = newActivity(0)
    expect(judgeActivity(start, undefined, 90_000)).toEqual(start)
  })

  it('does not take one tick of the kernel now and then for work', () => {
    let activity = newActivity(0)
    for (let second = 1; second <= 120; second++) {
      activity = judgeActivity(activity, Math.floor(second / 5) * 0.01, second * 1_000)
    }
    expect(judgeState('alive', activity, 120_000)).toBe('idle')
  })

  it('sees 2 % of a core as work', () => {
    let activity = newActivity(0)
    for (let second = 1; second <= 120; second++) {
      activity = judgeActivity(activity, second * 0.02, second * 1_000)
    }
    expect(judgeState('alive', activity, 120_000)).toBe('running')
  })
})

describe('names per user', () => {
  it('are given again an hour later, and each user has their own', () => {
    const quota = createQuota(2)
    expect([quota.take(1, 0), quota.take(1, 0), quota.take(1, 0), quota.take(2, 0)]).toEqual([
      true,
      true,
      false,
      true,
    ])
    expect(quota.take(1, 3_600_000)).toBe(true)
  })
})
