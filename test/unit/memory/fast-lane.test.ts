import { describe, expect, it } from 'vitest'
import { createFastLane } from '../../../src/memory/fast-lane.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** A lane whose looks take `costMs`, and those in it with the sleep they ask for. */
function createWorld(costMs = 0) {
  const clock = fakeClock()
  const sleeps = new Map<string, number>()
  const looks: { readonly key: string; readonly atMs: number }[] = []
  const failing = new Set<string>()
  let depth = 0
  const lane = createFastLane<string>({
    clock,
    sleepMs: (key) => sleeps.get(key),
    look(key) {
      expect(depth).toBe(0)
      depth++
      looks.push({ key, atMs: clock.monotonic() })
      clock.advance(costMs)
      depth--
      return failing.has(key) ? 'nothing' : 'judged'
    },
  })
  /** Lets seconds pass, with the ordinary sample at the end of each. */
  function seconds(count: number): void {
    for (let second = 0; second < count; second++) {
      const end = clock.monotonic() + 1_000
      lane.sampled(sleeps.keys())
      while (clock.monotonic() < end) clock.advance(Math.min(5, end - clock.monotonic()))
    }
  }
  return { clock, sleeps, looks, failing, lane, seconds }
}

describe('looks between the ordinary samples', () => {
  it('come as often as each agent asks for', () => {
    const { sleeps, looks, seconds, lane } = createWorld()
    sleeps.set('near', 100)
    sleeps.set('nearer', 20)
    seconds(10)
    const count = (key: string) => looks.filter((one) => one.key === key).length
    expect(count('near')).toBeGreaterThanOrEqual(90)
    expect(count('near')).toBeLessThanOrEqual(100)
    expect(count('nearer')).toBeGreaterThanOrEqual(400)
    expect(count('nearer')).toBeLessThanOrEqual(500)
    expect(lane.stats()).toMatchObject({ near: 2, looks: looks.length })
  })

  it('are none for those who have room, and end with the room', () => {
    const { clock, sleeps, looks, seconds, lane } = createWorld()
    lane.sampled(['far'])
    clock.advance(5_000)
    expect(looks).toEqual([])
    sleeps.set('near', 100)
    seconds(1)
    expect(looks.length).toBeGreaterThan(0)
    lane.stop()
    const before = looks.length
    clock.advance(5_000)
    expect(looks).toHaveLength(before)
    expect(lane.stats().near).toBe(0)
  })

  it('stop for whoever gets room again, or ended', () => {
    const { sleeps, looks, seconds, clock, lane } = createWorld()
    sleeps.set('a', 100)
    sleeps.set('b', 100)
    seconds(1)
    looks.length = 0
    sleeps.delete('a')
    lane.sampled(['a'])
    clock.advance(5_000)
    expect(looks).toEqual([])
  })

  it('leave an agent that cannot be read to the next sample', () => {
    const { sleeps, looks, failing, seconds } = createWorld()
    sleeps.set('silent', 100)
    failing.add('silent')
    seconds(3)
    expect(looks).toHaveLength(3)
  })

  it('take no more than their share of a core, serve everybody and say that they are late', () => {
    const { sleeps, looks, seconds, lane } = createWorld(0.5)
    for (let i = 0; i < 100; i++) sleeps.set(`agent-${i}`, 100)
    seconds(20)
    const share = (looks.length * 0.5) / 20_000
    expect(share).toBeGreaterThan(0.03)
    expect(share).toBeLessThan(0.06)
    const counts = [...sleeps.keys()].map((key) => looks.filter((one) => one.key === key).length)
    expect(Math.min(...counts)).toBeGreaterThan(0.5 * Math.max(...counts))
    expect(lane.stats().lateMs).toBeGreaterThan(100)
  })

  it('are not slowed down by one interruption', () => {
    const { clock, sleeps, looks, lane } = createWorld(0.1)
    sleeps.set('near', 100)
    lane.sampled(['near'])
    clock.advance(150)
    clock.advance(40)
    looks.length = 0
    for (let i = 0; i < 200; i++) clock.advance(5)
    expect(looks.length).toBeGreaterThanOrEqual(9)
  })
})
