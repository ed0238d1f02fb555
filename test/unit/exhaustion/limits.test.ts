import { describe, expect, it } from 'vitest'
import { BUILTIN_PROFILES } from '../../../src/config/exhaustion-section.ts'
import { checkProfile, parseBudget } from '../../../src/exhaustion/budget.ts'
import { extended, limitsOf, thresholdsOf } from '../../../src/exhaustion/limits.ts'

const CONFIG = { thresholds: {}, profiles: BUILTIN_PROFILES, roles: { deployer: 'production' } }
const NOBODY = { role: undefined, profile: undefined, budget: {} }

describe('limits of an agent', () => {
  it('are built in where nobody wrote one, and have no money, clock or rate limit then', () => {
    const limits = limitsOf(CONFIG, NOBODY)
    expect(thresholdsOf(limits)).toEqual({
      maxFilesAccessed: 100,
      maxApiCalls: 50,
      maxSubtasksSpawned: 20,
      maxTokensConsumed: 100_000,
      maxTimeWithoutDeliverableMs: 300_000,
    })
    for (const { origin } of Object.values(limits)) expect(origin).toBe('builtin')
  })

  it('come from the profile that was chosen, else from the one of the role (A34, D18)', () => {
    const production = limitsOf(CONFIG, { ...NOBODY, role: 'deployer' })
    expect(production.subtasks).toEqual({ max: 5, origin: 'profile' })
    const exploratory = limitsOf(CONFIG, { ...NOBODY, role: 'deployer', profile: 'exploratory' })
    expect(exploratory.files).toEqual({ max: 500, origin: 'profile' })
    expect(exploratory.subtasks).toEqual({ max: 20, origin: 'builtin' })
  })

  it('are never raised by a role, which an agent gives itself, only by a profile that a person chose', () => {
    const config = { ...CONFIG, thresholds: { maxApiCalls: 7, maxFilesAccessed: 200 } }
    const production = limitsOf(config, { ...NOBODY, role: 'deployer' })
    expect(production.api_calls).toEqual({ max: 7, origin: 'config' })
    expect(production.files).toEqual({ max: 50, origin: 'profile' })
    const chosen = limitsOf(config, { ...NOBODY, role: 'deployer', profile: 'production' })
    expect(chosen.api_calls).toEqual({ max: 20, origin: 'profile' })
  })

  it('put what is written for the agent before its profile and the profile before the configuration', () => {
    const config = { ...CONFIG, thresholds: { maxApiCalls: 7, maxTokensConsumed: 9, maxCostUsd: 1 } }
    const limits = limitsOf(config, { ...NOBODY, profile: 'production', budget: { maxTokensConsumed: 3 } })
    expect(limits.api_calls).toEqual({ max: 20, origin: 'profile' })
    expect(limits.tokens).toEqual({ max: 3, origin: 'registration' })
    expect(limits.cost_usd).toEqual({ max: 1, origin: 'config' })
  })

  it('find nothing under the names every object has', () => {
    for (const word of ['constructor', '__proto__', 'toString']) {
      expect(limitsOf(CONFIG, { ...NOBODY, role: word, profile: undefined })).toEqual(
        limitsOf(CONFIG, NOBODY),
      )
      expect(limitsOf(CONFIG, { ...NOBODY, profile: word })).toEqual(limitsOf(CONFIG, NOBODY))
      expect(checkProfile(word, CONFIG.profiles)).toHaveLength(1)
    }
  })

  it('are raised by what a resume grants, and only where there is a limit', () => {
    const limits = extended(limitsOf(CONFIG, NOBODY), { maxApiCalls: 10, maxCostUsd: 5 })
    expect(limits.api_calls).toEqual({ max: 60, origin: 'builtin' })
    expect(limits.cost_usd).toBeUndefined()
  })
})

describe('a budget that somebody gives (A02)', () => {
  it('takes names of thresholds and of resources, numbers as text, and times as durations', () => {
    expect(
      parseBudget({
        tokens: '50000',
        maxApiCalls: 3,
        cost_usd: '0.5',
        wall_clock: '1h30m',
        maxTimeWithoutDeliverableMs: 1_000,
        token_rate: 9,
      }),
    ).toEqual({
      budget: {
        maxTokensConsumed: 50_000,
        maxApiCalls: 3,
        maxCostUsd: 0.5,
        maxWallClockMs: 5_400_000,
        maxTimeWithoutDeliverableMs: 1_000,
        maxTokensPerMinute: 9,
      },
      problems: [],
    })
  })

  it('refuses what is not an amount, each with its place', () => {
    const { problems } = parseBudget({
      tokens: 0,
      files: -3,
      subtasks: 1.5,
      cost_usd: 'much',
      wall_clock: '5 minutes',
      time_without_deliverable: 99,
      api_calls: '0x10',
      token_rate: '',
    })
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      '/budget/tokens must be greater than 0',
      '/budget/files must be greater than 0',
      '/budget/subtasks must be a whole number',
      '/budget/cost_usd must be a number',
      '/budget/wall_clock must be whole milliseconds or a duration such as 500ms, 60s or 5m',
      '/budget/time_without_deliverable must be at least 100ms',
      '/budget/api_calls must be a number',
      '/budget/token_rate must be a number',
    ])
  })

  it('says which name was probably meant', () => {
    expect(parseBudget({ tokns: 5 }).problems[0]?.message).toContain('did you mean tokens?')
    expect(parseBudget({ maxApiCall: 5 }).problems[0]?.message).toContain('did you mean maxApiCalls?')
    expect(checkProfile('prodcution', BUILTIN_PROFILES)[0]?.message).toContain('did you mean production?')
    expect(parseBudget({ constructor: 5 } as never).problems).toHaveLength(1)
  })

  it('refuses one limit under both of its names', () => {
    expect(parseBudget({ tokens: 5, maxTokensConsumed: 6 }).problems).toHaveLength(1)
  })
})
