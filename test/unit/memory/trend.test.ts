import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSlots } from '../../../src/memory/slots.ts'
import { FRESH_TREND, judgeTrend, LOOK_EVERY_MS } from '../../../src/memory/trend.ts'
import { CONFIG, GB, MB, MINUTE, noise, watchTrend } from './shapes.ts'

/** A collector that works every 40 s or so. */
function collected(heightMb: number): (minute: number) => number {
  return (minute) => heightMb * MB * ((minute / 0.67) % 1)
}

describe('trend of the memory', () => {
  it('R02 tells growth from standing still within a quarter of an hour', () => {
    const { state, verdicts } = watchTrend(15, (minute) => 300 * MB + 20 * MB * minute)
    expect(state.trend).toBe('growing')
    expect(verdicts.filter(({ kind }) => kind === 'trend_changed')).toHaveLength(1)
    expect(watchTrend(15, () => 300 * MB).state.trend).toBe('stable')
    expect(watchTrend(15, (minute) => 900 * MB - 20 * MB * minute).state.trend).toBe('shrinking')
  })

  it('R03 gives the rate of the growth, and the time that is left at the peaks', () => {
    const gc = collected(80)
    const leaking = (minute: number) => 300 * MB + 10 * MB * minute + gc(minute)
    const { state } = watchTrend(30, leaking, { limitBytes: GB, stepMs: 1_000 })
    expect(state.growthBytesPerSecond! * 60).toBeGreaterThan(9 * MB)
    expect(state.growthBytesPerSecond! * 60).toBeLessThan(11 * MB)
    // 1,024 = 300 + 10 t + 80 at the peaks: minute 64.4.
    const { lowSeconds, midSeconds } = state.timeToLimit!
    expect(lowSeconds / 60).toBeGreaterThan(30)
    expect(lowSeconds / 60).toBeLessThan(38)
    expect(midSeconds).toBeGreaterThan(lowSeconds)
  })

  it('is unknown until enough was seen', () => {
    expect(watchTrend(7, (minute) => 300 * MB + 20 * MB * minute).state.trend).toBe('unknown')
  })

  it('sees no growth in a sawtooth, fast or slow', () => {
    for (const period of [0.3, 1.5, 4, 7, 10]) {
      const random = noise(7)
      const saw = (minute: number) => 200 * MB + 150 * MB * ((minute / period) % 1) + 4 * MB * random()
      const { verdicts } = watchTrend(240, saw)
      expect(verdicts.filter((verdict) => 'to' in verdict && verdict.to === 'growing')).toEqual([])
    }
  })

  it('finds a slow leak under a slow sawtooth', () => {
    const random = noise(3)
    const saw = (minute: number) =>
      200 * MB + 220 * MB * ((minute / 7) % 1) + 5 * MB * minute + 4 * MB * random()
    const { verdicts } = watchTrend(70, saw, { limitBytes: 2 * GB })
    const found = verdicts.find((verdict) => 'to' in verdict && verdict.to === 'growing')
    expect(found?.atMs).toBeLessThan(65 * MINUTE)
  })

  it('calls one jump a step, and a start that flattens no growth', () => {
    const jump = watchTrend(40, (minute) => (minute < 32 ? 300 : 420) * MB)
    expect(jump.verdicts.some((verdict) => 'to' in verdict && verdict.to === 'growing')).toBe(false)
    const start = watchTrend(60, (minute) => (400 - 300 * Math.exp(-minute / 5)) * MB)
    expect(start.verdicts.some((verdict) => 'to' in verdict && verdict.to === 'growing')).toBe(false)
    expect(start.state.trend).toBe('stable')
  })

  it('says once that the limit is near, and once that it is not any more', () => {
    const limitBytes = GB
    const { verdicts } = watchTrend(90, (minute) => (minute < 42 ? 500 + 10 * minute : 920) * MB, {
      limitBytes,
    })
    expect(verdicts.filter(({ kind }) => kind === 'limit_near')).toHaveLength(1)
    expect(verdicts.filter(({ kind }) => kind === 'limit_far')).toHaveLength(1)
    const near = verdicts.find(({ kind }) => kind === 'limit_near')!
    expect(near.atMs).toBeGreaterThan(30 * MINUTE)
    expect(near.atMs).toBeLessThan(42 * MINUTE)
  })

  it('has no time to a limit that is not known, nor for what does not grow', () => {
    expect(watchTrend(20, (minute) => 300 * MB + 20 * MB * minute).state.timeToLimit).toBeUndefined()
    expect(watchTrend(20, () => 300 * MB, { limitBytes: GB }).state.timeToLimit).toBeUndefined()
  })

  it('finds a leak through gaps', () => {
    const gappy = (minute: number) => (minute % 15 > 11 ? undefined : (300 + 10 * minute) * MB)
    expect(watchTrend(60, gappy, { limitBytes: 2 * GB }).state.trend).toBe('growing')
  })

  it('looks once a minute and changes nothing while nothing is read', () => {
    const slots = createSlots()
    for (let s = 0; s < 1_200; s += 10) slots.add(s * 1_000, 300 * MB)
    const input = { slots, bytes: 300 * MB, roomBytes: GB }
    const [state] = judgeTrend(FRESH_TREND, input, CONFIG.trend, 1_200_000)
    expect(judgeTrend(state, input, CONFIG.trend, 1_200_000 + LOOK_EVERY_MS - 1)[0]).toBe(state)
    for (const later of [2, 10, 600]) {
      expect(judgeTrend(state, input, CONFIG.trend, 1_200_000 + later * 60_000)).toEqual([state, []])
    }
  })

  it('judges by shape: whatever is added to all values changes nothing without a limit', () => {
    const series = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 200 }), fc.nat(1_000))
    fc.assert(
      fc.property(series, fc.integer({ min: 0, max: 4 }), ([rate, height, seed], offset) => {
        const at = (base: number) => {
          const random = noise(seed)
          return watchTrend(
            25,
            (minute) => (base + rate * minute + height * ((minute / 0.7) % 1) + Math.round(random())) * MB,
          ).state.trend
        }
        expect(at(100 + 512 * offset)).toBe(at(100))
      }),
      { numRuns: 20 },
    )
  })

  it('never says growing of what only falls, nor shrinking of what only rises', () => {
    const falls = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 20, maxLength: 40 })
    fc.assert(
      fc.property(falls, (steps) => {
        let sum = 0
        const sums = steps.map((step) => (sum += step))
        const rising = (minute: number) => (2_000 + sums[Math.min(sums.length - 1, Math.floor(minute))]!) * MB
        const up = watchTrend(steps.length, rising)
        const down = watchTrend(steps.length, (minute) => 5_000 * MB - rising(minute))
        expect(up.verdicts.some((verdict) => 'to' in verdict && verdict.to === 'shrinking')).toBe(false)
        expect(down.verdicts.some((verdict) => 'to' in verdict && verdict.to === 'growing')).toBe(false)
      }),
      { numRuns: 50 },
    )
  })
})
