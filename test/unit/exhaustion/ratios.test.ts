import { describe, expect, it } from 'vitest'
import { ratiosOf, usedOf } from '../../../src/exhaustion/ratios.ts'
import { limitsFor, NO_TOTALS, usageOf } from './shapes.ts'

const TYPES = ['input', 'output', 'cache_write'] as const

describe('what was used', () => {
  it('adds up files of every operation and the tokens that count', () => {
    const totals = {
      ...NO_TOTALS,
      ...{ filesRead: 1, filesWritten: 2, filesModified: 4 },
      tokens: { input: 1, output: 10, cache_read: 100, cache_write: 1_000, unspecified: 10_000 },
    }
    const used = usedOf(usageOf({ totals, tokensLastMinute: { input: 5, cache_read: 9 } }), TYPES)
    expect(used).toMatchObject({ files: 7, tokens: 11_011, token_rate: 5 })
  })

  it('is compared only where there is a limit and the use is known', () => {
    const used = usedOf(usageOf({ wallClockMs: Number.NaN, sinceDeliverableMs: 50 }), TYPES)
    expect(ratiosOf(used, limitsFor(['wall_clock', 'time_without_deliverable']))).toEqual({
      time_without_deliverable: 0.5,
    })
  })
})
