import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, type Milliseconds, parseDuration } from '../../../src/platform/duration.ts'

describe('durations', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1m1s', 61_000],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '5', 'm', '-5m', '5 m', '5min', '1s1m', '1.5h', '5M', '99999999999999999999d'])(
    '%j is none',
    (text) => expect(parseDuration(text)).toBeUndefined(),
  )

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (ms) => {
        expect(parseDuration(formatDuration(ms as Milliseconds))).toBe(ms)
      }),
    )
  })
})
