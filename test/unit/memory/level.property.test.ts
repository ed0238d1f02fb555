import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRESH_LEVEL, judgeLevel } from '../../../src/memory/level.ts'
import { LEVELS, type MemorySample } from '../../../src/memory/model.ts'
import { CONFIG, MB } from './shapes.ts'

const LIMIT = 1_000
const sample = (mb: number | undefined): MemorySample =>
  mb === undefined ? {} : { workingSetBytes: mb * MB, limitBytes: LIMIT * MB }
/** Bytes, or a failed read; with the milliseconds since the sample before. */
const step = fc.tuple(
  fc.option(fc.integer({ min: 0, max: LIMIT }), { nil: undefined, freq: 5 }),
  fc.constantFrom(100, 1_000, 5_000, 30_000),
)
const series = fc.array(step, { minLength: 1, maxLength: 80 })

function levelsOf(steps: readonly (readonly [number | undefined, number])[]): number[] {
  let state = FRESH_LEVEL
  let atMs = 0
  return steps.map(([mb, elapsedMs]) => {
    atMs += elapsedMs
    state = judgeLevel(state, sample(mb), CONFIG, atMs)[0]
    return LEVELS.indexOf(state.level)
  })
}

describe('properties of the memory level', () => {
  it('is never lower for more memory', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 0, max: 300 }), (steps, more) => {
        const low = levelsOf(steps)
        const high = levelsOf(steps.map(([mb, ms]) => [mb === undefined ? mb : mb + more, ms]))
        for (const [i, level] of low.entries()) expect(high[i]).toBeGreaterThanOrEqual(level)
      }),
    )
  })

  it('is what it was before after a failed read, and says nothing', () => {
    fc.assert(
      fc.property(series, (steps) => {
        let state = FRESH_LEVEL
        let atMs = 0
        for (const [mb, elapsedMs] of steps) {
          atMs += elapsedMs
          const [next, verdicts] = judgeLevel(state, sample(mb), CONFIG, atMs)
          if (mb === undefined) expect([next, verdicts]).toEqual([state, []])
          if (mb === undefined) expect(next).toBe(state)
          expect(verdicts).toHaveLength(next.level === state.level ? 0 : 1)
          state = next
        }
      }),
    )
  })

  it('stays where it is within the band of a threshold, whatever the order', () => {
    const within = fc.array(fc.integer({ min: 761, max: 899 }), { maxLength: 200 })
    fc.assert(
      fc.property(within, (values) => {
        const entered = Array.from({ length: 6 }, () => [850, 1_000] as const)
        const levels = levelsOf([...entered, ...values.map((mb) => [mb, 1_000] as const)]).slice(6)
        for (const level of levels) expect(LEVELS[level]).toBe('warning')
      }),
    )
  })

  it('is imminent at the first sample that reaches it', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 951, max: LIMIT }), (steps, mb) => {
        expect(levelsOf([...steps, [mb, 1]]).at(-1)).toBe(3)
      }),
    )
  })
})
