import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findTroughs } from '../../../src/memory/cycle.ts'
import { blockFloors } from '../../../src/memory/floor.ts'
import { mannKendall } from '../../../src/memory/mann-kendall.ts'
import { senSlope } from '../../../src/memory/sen.ts'
import { lineResidual, staircaseResidual } from '../../../src/memory/staircase.ts'
import { filled, MB, MINUTE } from './shapes.ts'

const values = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 2, maxLength: 30 })
const at = (bytes: readonly number[]) => ({ atMs: bytes.map((_, i) => i * 1_000), bytes })

describe('Mann-Kendall', () => {
  it('gives the scores of the published tables', () => {
    // S = 10, Var = 5·4·15/18 = 16.667: 9 / 4.0825.
    expect(mannKendall([1, 2, 3, 4, 5])).toBeCloseTo(2.2045, 4)
    // Two tied pairs: S = 4, so 3 / √Var; Var = (5·4·15 − 2·18)/18 = 14.667.
    expect(mannKendall([1, 1, 2, 2, 1.5])).toBeCloseTo(3 / Math.sqrt(264 / 18), 4)
    expect(mannKendall([7, 7, 7])).toBe(0)
    expect(mannKendall([1])).toBe(0)
  })

  it('turns its sign with the series and does not see its scale', () => {
    fc.assert(
      fc.property(values, (series) => {
        const z = mannKendall(series)
        expect(mannKendall(series.toReversed())).toBeCloseTo(-z)
        expect(mannKendall(series.map((value) => value * 3 + 5))).toBeCloseTo(z)
      }),
    )
  })
})

describe('Sen', () => {
  it('is the slope of a line whatever a third of its points do', () => {
    const line = Array.from({ length: 15 }, (_, i) => 100 + 4 * i)
    const odd = line.map((value, i) => (i % 4 === 0 ? value + 900 : value))
    expect(senSlope(at(line))?.slope).toBeCloseTo(0.004)
    expect(senSlope(at(odd))?.slope).toBeCloseTo(0.004)
  })

  it('lies between its bounds, and follows the scale', () => {
    fc.assert(
      fc.property(values, (series) => {
        const { slope, lower, upper } = senSlope(at(series))!
        expect(lower).toBeLessThanOrEqual(slope)
        expect(upper).toBeGreaterThanOrEqual(slope)
        expect(senSlope(at(series.map((value) => 2 * value)))!.slope).toBeCloseTo(2 * slope)
      }),
    )
  })

  it('says nothing of a single point', () => {
    expect(senSlope({ atMs: [0], bytes: [1] })).toBeUndefined()
    expect(senSlope({ atMs: [5, 5], bytes: [1, 2] })).toBeUndefined()
  })
})

describe('floors and cycles', () => {
  const sawtooth = (slots: number, period: number, height: number, perSlot = 0) =>
    Array.from({ length: slots }, (_, i) => 100 * MB + perSlot * i + (height * (i % period)) / period)

  it('finds the floor under a fast sawtooth', () => {
    const floors = blockFloors(filled(sawtooth(180, 6, 60 * MB)).envelope()!, 2 * MINUTE)
    expect(floors.bytes).toHaveLength(15)
    for (const bytes of floors.bytes) expect(bytes).toBeLessThan(105 * MB)
  })

  it('is the 10 % quantile of what was read in the block', () => {
    const series = [9, 3, 7, 1, 8, 2, undefined, 6, 5, 4, undefined, 10].map((mb) => mb && mb * MB)
    const [floor] = blockFloors(filled(series).envelope()!, 2 * MINUTE).bytes
    expect(floor! / MB).toBeCloseTo(1.9)
  })

  it('leaves out blocks that were hardly read', () => {
    const series = Array.from({ length: 60 }, (_, i) => (i >= 12 && i < 23 ? undefined : 100 * MB))
    expect(blockFloors(filled(series).envelope()!, 2 * MINUTE).bytes).toHaveLength(4)
  })

  it('knows a slow cycle, also while the series grows beyond its height', () => {
    for (const growth of [0, MB]) {
      const found = findTroughs(filled(sawtooth(400, 42, 200 * MB, growth)).envelope()!, 20 * MB)
      expect(found.cycleMs).toBe(42 * 10_000)
      expect(found.points.bytes.length).toBeGreaterThanOrEqual(8)
      expect(found.points.bytes[0]! / MB).toBeCloseTo(100 + (growth / MB) * 42, 0)
    }
  })

  it('calls bursts at odd times no cycle', () => {
    const ends = new Set([20, 31, 90, 99, 170, 300, 310])
    const series = Array.from({ length: 360 }, (_, i) => (ends.has(i) ? 300 * MB : 100 * MB))
    expect(findTroughs(filled(series).envelope()!, 20 * MB).cycleMs).toBeUndefined()
  })

  it('fits stairs better by stairs and a line better by a line', () => {
    const stairs = at([1, 1, 1, 1, 1, 50, 50, 50, 50, 90, 90, 90, 90])
    const line = at([1, 9, 14, 22, 30, 37, 46, 52, 60, 69, 75, 83, 90])
    expect(staircaseResidual(stairs)).toBeLessThan(0.1 * lineResidual(stairs))
    expect(staircaseResidual(line)).toBeGreaterThan(5 * lineResidual(line))
  })
})
