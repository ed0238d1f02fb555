import { describe, expect, it } from 'vitest'
import { createSlots, LONGEST_GAP_MS } from '../../../src/memory/slots.ts'
import { averageBytes, markWater, NO_WATERMARKS } from '../../../src/memory/watermarks.ts'
import { filled, MB, MINUTE } from './shapes.ts'

describe('the recent past of one series', () => {
  it('keeps the lowest and the highest of every ten seconds', () => {
    const slots = createSlots()
    for (const [s, mb] of [5, 9, 7].entries()) slots.add(s * 1_000, mb * MB)
    slots.add(12_000, 20 * MB)
    const { low, high, endMs } = slots.envelope()!
    expect([...low]).toEqual([5 * MB, 20 * MB])
    expect([...high]).toEqual([9 * MB, 20 * MB])
    expect(endMs).toBe(20_000)
  })

  it('leaves a gap where nothing was read, never a 0', () => {
    const slots = createSlots()
    slots.add(0, 10 * MB)
    slots.add(10_000, undefined)
    slots.add(20_000, Number.NaN)
    slots.add(30_000, 10 * MB)
    expect([...slots.envelope()!.low]).toEqual([10 * MB, Number.NaN, Number.NaN, 10 * MB])
  })

  it('begins anew after a gap in which anything may have happened', () => {
    const slots = createSlots()
    slots.add(0, 10 * MB)
    slots.add(LONGEST_GAP_MS - 10_000, 20 * MB)
    expect(slots.envelope()!.low.length).toBeGreaterThan(1)
    slots.add(2 * LONGEST_GAP_MS + 10_000, 30 * MB)
    expect([...slots.envelope()!.low]).toEqual([30 * MB])
  })

  it('holds two hours and 6 KB, however long it is written', () => {
    const slots = filled(Array.from({ length: 5_000 }, (_, i) => i * 256))
    const { low, endMs } = slots.envelope()!
    expect(low).toHaveLength(720)
    expect(low[719]).toBe(4_999 * 256)
    expect(low[0]).toBe(4_280 * 256)
    expect(endMs).toBe(50_000_000)
    expect(slots.bytes).toBe(5_760)
    expect(filled([1, 2, 3]).bytes).toBeLessThan(400)
  })

  it('survives growing while it is full', () => {
    const { low } = filled(Array.from({ length: 200 }, (_, i) => i * 256)).envelope(20 * MINUTE)!
    expect([...low]).toEqual(Array.from({ length: 120 }, (_, i) => (i + 80) * 256))
  })
})

describe('watermarks and average', () => {
  it('R04 keeps the highest and lowest that were read', () => {
    let marks = NO_WATERMARKS
    for (const bytes of [undefined, 5, 9, undefined, 3, Number.NaN]) marks = markWater(marks, bytes)
    expect(marks).toEqual({ highBytes: 9, lowBytes: 3 })
    expect(markWater(marks, 4)).toBe(marks)
  })

  it('R05 averages what was read, not what was missing', () => {
    expect(averageBytes(filled([100, undefined, undefined, 300]).envelope()!)).toBe(200)
    expect(createSlots().envelope()).toBeUndefined()
  })
})
