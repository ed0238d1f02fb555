import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Agent, AgentEvents } from '../../../src/agents/model.ts'
import type { ControlEvents } from '../../../src/control/model.ts'
import { createWaiters, type WaitOutcome } from '../../../src/control/waiters.ts'
import { createBus } from '../../../src/platform/bus.ts'
import { entryOf } from './fake-desk.ts'

function setUp() {
  const bus = createBus<AgentEvents & ControlEvents>((error) => {
    throw error
  })
  const held = new Set<string>(['a', 'b'])
  const terminal = new Set<string>()
  const live = new Set<string>(['a', 'b', 'free'])
  const waiters = createWaiters({
    bus,
    isHeld: (agent) => held.has(agent),
    isTerminal: (agent) => terminal.has(agent),
    isLive: (agent) => live.has(agent),
  })
  const enters = (agent: string) => {
    const controller = new AbortController()
    const outcomes: WaitOutcome[] = []
    const done = waiters.wait(agent, controller.signal).then((outcome) => void outcomes.push(outcome))
    return { agent, outcomes, done, giveUp: () => controller.abort() }
  }
  const entry = (agent: string, action: 'pause' | 'resume' | 'terminate') => entryOf({ agent, action })
  const does = {
    resumed(agent: string) {
      held.delete(agent)
      bus.emit('agent.resumed', { entry: entry(agent, 'resume'), released: ['human'] })
    },
    retold: (agent: string) =>
      bus.emit('agent.resumed', { entry: entry(agent, 'resume'), released: ['human'] }),
    terminated(agent: string) {
      terminal.add(agent)
      bus.emit('agent.terminated', { entry: entry(agent, 'terminate') })
    },
    exited(agent: string) {
      live.delete(agent)
      bus.emit('agent.exited', { agent: { id: agent } as Agent })
    },
    removed(agent: string) {
      live.delete(agent)
      bus.emit('agent.removed', { agent: { id: agent } as Agent })
    },
    pauseFailed(agent: string) {
      held.delete(agent)
      bus.emit('action.failed', { entry: entry(agent, 'pause') })
    },
  }
  return { bus, held, terminal, live, waiters, enters, does }
}

describe('waiters', () => {
  it('all hear of the resume of their agent and of no other', async () => {
    const { waiters, enters, does } = setUp()
    const those = Array.from({ length: 20 }, () => enters('a'))
    const other = enters('b')
    does.resumed('a')
    await Promise.all(those.map(({ done }) => done))
    expect(those.flatMap(({ outcomes }) => outcomes)).toEqual(Array(20).fill('resumed'))
    expect([other.outcomes, waiters.count()]).toEqual([[], 1])
  })

  it.each([
    ['terminated', 'terminated'],
    ['exited', 'removed'],
    ['removed', 'removed'],
    ['pauseFailed', 'not_paused'],
  ] as const)('after %s they hear %s', async (event, outcome) => {
    const { waiters, enters, does } = setUp()
    const one = enters('a')
    does[event]('a')
    await one.done
    expect([one.outcomes, waiters.count()]).toEqual([[outcome], 0])
  })

  it('hear terminated when the tree ends before its terminate is verified', async () => {
    const { terminal, enters, does } = setUp()
    const one = enters('a')
    terminal.add('a')
    does.exited('a')
    await one.done
    expect(one.outcomes).toEqual(['terminated'])
  })

  it('are not told of a terminate that is only under way', async () => {
    const { terminal, waiters, enters, does } = setUp()
    terminal.add('free')
    const one = enters('free')
    await Promise.resolve()
    expect([one.outcomes, waiters.count()]).toEqual([[], 1])
    does.terminated('free')
    await one.done
    expect(one.outcomes).toEqual(['terminated'])
  })

  it('go on waiting when an old resume is told again after a restart', async () => {
    const { waiters, enters, does } = setUp()
    const one = enters('a')
    does.retold('a')
    await Promise.resolve()
    expect([one.outcomes, waiters.count()]).toEqual([[], 1])
    does.resumed('a')
    await one.done
    expect(one.outcomes).toEqual(['resumed'])
  })

  it.each([
    ['free', 'not_paused'],
    ['gone', 'removed'],
  ])('do not wait for %s: %s', async (agent, outcome) => {
    const { waiters, enters } = setUp()
    const one = enters(agent)
    await one.done
    expect([one.outcomes, waiters.count()]).toEqual([[outcome], 0])
  })

  it('of one agent are 32 at most, and a place becomes free again', async () => {
    const { waiters, enters } = setUp()
    const those = Array.from({ length: 32 }, () => enters('a'))
    await expect(waiters.wait('a', new AbortController().signal)).rejects.toMatchObject({
      code: 'AE_TOO_MANY_WAITERS',
    })
    those[0]?.giveUp()
    await those[0]?.done
    enters('a')
    expect(waiters.count()).toBe(32)
  })

  it('are 1,000 in all', async () => {
    const { held, live, waiters, enters } = setUp()
    for (let n = 0; n < 1_000; n++) {
      const agent = `many-${n % 40}`
      held.add(agent)
      live.add(agent)
      enters(agent)
    }
    await expect(waiters.wait('a', new AbortController().signal)).rejects.toMatchObject({
      code: 'AE_TOO_MANY_WAITERS',
    })
    expect(waiters.count()).toBe(1_000)
  })

  it('are sent away when the daemon stops, and whoever comes later too', async () => {
    const { waiters, enters } = setUp()
    const those = [enters('a'), enters('b')]
    waiters.stop()
    const late = enters('a')
    await Promise.all([...those, late].map(({ done }) => done))
    expect(those.map(({ outcomes }) => outcomes)).toEqual([['timeout'], ['timeout']])
    expect([late.outcomes, waiters.count()]).toEqual([['timeout'], 0])
  })

  it('settle exactly once, whatever happens in which order', async () => {
    const agent = fc.constantFrom('a', 'b', 'free')
    const step = fc.oneof(
      fc.record({ kind: fc.constant('enter' as const), agent }),
      fc.record({ kind: fc.constant('giveUp' as const), agent }),
      fc.record({
        kind: fc.constantFrom('resumed', 'retold', 'terminated', 'exited', 'removed', 'pauseFailed'),
        agent,
      }),
      fc.record({ kind: fc.constantFrom('hold' as const, 'begin' as const), agent }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { held, live, terminal, waiters, enters, does } = setUp()
        const all: ReturnType<typeof enters>[] = []
        for (const one of steps) {
          if (one.kind === 'enter') all.push(enters(one.agent))
          else if (one.kind === 'giveUp') all.find((waiter) => waiter.agent === one.agent)?.giveUp()
          else if (one.kind === 'hold') held.add(one.agent)
          else if (one.kind === 'begin') {
            live.add(one.agent)
            terminal.delete(one.agent)
          } else does[one.kind as keyof typeof does](one.agent)
        }
        waiters.stop()
        await Promise.all(all.map(({ done }) => done))
        for (const { outcomes } of all) expect(outcomes).toHaveLength(1)
        expect(waiters.count()).toBe(0)
      }),
    )
  })
})
