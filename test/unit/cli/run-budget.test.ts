import { describe, expect, it } from 'vitest'
import { addBudget } from '../../../src/cli/run-budget.ts'

describe('--budget', () => {
  it.each([
    ['tokens=200k', { maxTokensConsumed: 200_000 }],
    ['tokens=1.5M', { maxTokensConsumed: 1_500_000 }],
    ['maxApiCalls=20', { maxApiCalls: 20 }],
    ['cost_usd=2.50', { maxCostUsd: 2.5 }],
    ['wall_clock=1h30m', { maxWallClockMs: 5_400_000 }],
    ['maxWallClockMs=60000', { maxWallClockMs: 60_000 }],
    ['time_without_deliverable=90s', { maxTimeWithoutDeliverableMs: 90_000 }],
    ['token_rate=10k', { maxTokensPerMinute: 10_000 }],
    ['files=1.1k', { maxFilesAccessed: 1_100 }],
  ])('reads %s', (text, limits) => expect(addBudget(text)).toEqual(limits))

  it('adds up, the last word counts', () => {
    expect(addBudget('tokens=5', addBudget('files=3', { maxTokensConsumed: 9 }))).toEqual({
      maxTokensConsumed: 5,
      maxFilesAccessed: 3,
    })
  })

  it.each([
    ['tokns=3', 'did you mean tokens?'],
    ['zzzzzzzz=3', 'known are files'],
    ['tokens', 'not NAME=VALUE'],
    ['tokens=', 'look like 200k'],
    ['tokens=0', 'above 0'],
    ['tokens=-1', 'above 0'],
    ['tokens=1e3', 'look like 200k'],
    ['tokens=0.5', 'look like 200k'],
    ['tokens=Infinity', 'look like 200k'],
    ['wall_clock=60', 'look like 30m'],
    ['wall_clock=', 'look like 30m'],
    ['constructor=1', 'There is no budget'],
  ])('refuses %s', (text, why) => expect(() => addBudget(text)).toThrow(why))
})
