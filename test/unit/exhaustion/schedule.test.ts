import { describe, expect, it } from 'vitest'
import { usedOf } from '../../../src/exhaustion/ratios.ts'
import { createCrossings, msToCrossing } from '../../../src/exhaustion/schedule.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { usageOf } from './shapes.ts'

const used = (sinceDeliverableMs: number, wallClockMs = 0) =>
  usedOf(usageOf({ sinceDeliverableMs, wallClockMs }), ['input'])

describe('the next crossing', () => {
  const limits = { time_without_deliverable: { max: 1_000, origin: 'config' } } as const

  it('is the warning, then the limit, then none', () => {
    expect(msToCrossing(used(0), limits, 0.8)).toBe(800)
    expect(msToCrossing(used(800), limits, 0.8)).toBe(200)
    expect(msToCrossing(used(1_000), limits, 0.8)).toBeUndefined()
  })

  it('is only the warning where nobody wrote the limit', () => {
    const builtin = { wall_clock: { max: 1_000, origin: 'builtin' } } as const
    expect(msToCrossing(used(0, 100), builtin, 0.8)).toBe(700)
    expect(msToCrossing(used(0, 800), builtin, 0.8)).toBeUndefined()
  })

  it('is the earliest of all times, and none without a limit or a number', () => {
    const both = { ...limits, wall_clock: { max: 500, origin: 'config' } } as const
    expect(msToCrossing(used(0, 450), both, 0.8)).toBe(50)
    expect(msToCrossing(used(Number.NaN), limits, 0.8)).toBeUndefined()
    expect(msToCrossing(used(0), {}, 0.8)).toBeUndefined()
  })
})

describe('one timer for all', () => {
  it('fires for each when it is due and never spins', () => {
    const clock = fakeClock()
    let timers = 0
    const counting = {
      ...clock,
      setTimer(ms: number, run: () => void) {
        timers++
        return clock.setTimer(ms, run)
      },
    }
    const fired: string[] = []
    const crossings = createCrossings<string>(counting, (key, dueMs) => void fired.push(`${key} ${dueMs}`))
    for (let i = 0; i < 1_000; i++) crossings.set(`slow${i}`, 5_000 + i)
    crossings.set('soon', 100)
    crossings.set('gone', 200)
    crossings.set('gone', undefined)
    clock.advance(99)
    expect(fired).toEqual([])
    clock.advance(1)
    expect(fired).toEqual(['soon 100'])
    clock.advance(300)
    expect(fired).toEqual(['soon 100'])
    expect(timers).toBeLessThan(5)
    crossings.stop()
    clock.advance(10_000)
    expect(fired).toHaveLength(1)
  })

  it('looks at one that is set again while it fires', () => {
    const clock = fakeClock()
    let times = 0
    const crossings = createCrossings<string>(clock, (key) => {
      if (++times < 3) crossings.set(key, 50)
    })
    crossings.set('a', 50)
    clock.advance(1_000)
    expect(times).toBe(3)
  })
})
