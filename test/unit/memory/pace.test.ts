import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { freshPace, judgePace, type PaceState } from '../../../src/memory/pace.ts'
import { CONFIG, GB, MB } from './shapes.ts'

const sleepAt = (bytes: number, limitBytes: number | undefined) =>
  judgePace(freshPace(CONFIG), { bytes, limitBytes }, CONFIG, 0).sleepMs

describe('how soon an agent is looked at again', () => {
  it('is the ordinary interval with much room, and the shortest at the limit', () => {
    expect(sleepAt(200 * MB, GB)).toBe(1_000)
    expect(sleepAt(0.95 * GB, GB)).toBeCloseTo(200)
    expect(sleepAt(GB, GB)).toBe(100)
    expect(sleepAt(2 * GB, GB)).toBe(100)
    expect(sleepAt(200 * MB, undefined)).toBe(1_000)
    expect(sleepAt(30 * MB, 64 * MB)).toBe(1_000)
  })

  it('sees a leak of 100 MB/s several times between critical and the end', () => {
    let state: PaceState = freshPace(CONFIG)
    let atMs = 0
    let looks = 0
    for (; atMs < 10_240; atMs += state.sleepMs) {
      const bytes = (atMs / 1_000) * 100 * MB
      state = judgePace(state, { bytes, limitBytes: GB }, CONFIG, atMs)
      if (bytes >= 0.95 * GB) looks++
    }
    expect(looks).toBeGreaterThanOrEqual(3)
  })

  it('keeps its pace after a failed read', () => {
    const near = judgePace(freshPace(CONFIG), { bytes: GB, limitBytes: GB }, CONFIG, 0)
    expect(judgePace(near, { bytes: undefined, limitBytes: undefined }, CONFIG, 9_000)).toBe(near)
  })

  it('is never slower for less room, and always within its bounds', () => {
    const bytes = fc.integer({ min: 0, max: 4_096 })
    fc.assert(
      fc.property(bytes, bytes, fc.integer({ min: 1, max: 4_096 }), (a, b, limit) => {
        const [less, more] = a < b ? [a, b] : [b, a]
        const sleepLess = sleepAt(less * MB, limit * MB)
        const sleepMore = sleepAt(more * MB, limit * MB)
        expect(sleepMore).toBeLessThanOrEqual(sleepLess)
        for (const ms of [sleepLess, sleepMore]) expect(ms >= 100 && ms <= 1_000).toBe(true)
      }),
    )
  })

  it('looks faster after a burst for a while, then forgets it', () => {
    const at = (bytes: number) => ({ bytes, limitBytes: 8 * GB })
    const slow = judgePace(freshPace(CONFIG), at(6 * GB), CONFIG, 0)
    const burst = judgePace(slow, at(7 * GB), CONFIG, 1_000)
    expect(burst.sleepMs).toBeLessThan(600)
    const later = judgePace(burst, at(7 * GB), CONFIG, 600_000)
    expect(later.sleepMs).toBe(1_000)
  })
})
