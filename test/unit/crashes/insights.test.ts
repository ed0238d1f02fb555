import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crashTrend, healthScore, type LiveState } from '../../../src/crashes/health-score.ts'
import { crashStats, insightsOf, relatedCrashes, SEVERITIES } from '../../../src/crashes/insights.ts'
import { CRASH_CAUSES, type CrashCause, type CrashRecord } from '../../../src/crashes/model.ts'
import { findPatterns } from '../../../src/crashes/patterns.ts'
import { crashRecord, verdictOf } from '../../support/crash-records.ts'

const DAY = 86_400_000
const NOW = 100 * DAY
const ONE: LiveState = { agents: 1, criticalAgents: 0, oomImminentAgents: 0 }
let count = 0

function crash(cause: CrashCause, agoMs: number, more: Partial<CrashRecord> = {}): CrashRecord {
  return crashRecord({ id: `c${++count}`, atMs: NOW - agoMs, verdict: verdictOf(cause), ...more })
}

const anyCrash = fc
  .record({
    cause: fc.constantFrom(...CRASH_CAUSES),
    ago: fc.integer({ min: 0, max: 20 * DAY }),
    agent: fc.constantFrom('a', 'b', 'c', 'd'),
  })
  .map(({ cause, ago, agent }) => crash(cause, ago, { agent }))
const anyLive = fc.record({
  agents: fc.nat(1_000),
  criticalAgents: fc.nat(50),
  oomImminentAgents: fc.nat(50),
})

describe('the health score (R19)', () => {
  it('is 100 without crashes, and lower after one by what it was', () => {
    expect(healthScore([], ONE, NOW)).toBe(100)
    expect(Math.round(healthScore([crash('oom_cgroup', 0)], ONE, NOW))).toBe(71)
    expect(Math.round(healthScore([crash('error', 0)], ONE, NOW))).toBe(84)
  })

  it('heals by itself: ten old OOMs do not keep it down (E13)', () => {
    const ten = Array.from({ length: 10 }, () => crash('oom_cgroup', 0))
    const at = (days: number) => Math.round(healthScore(ten, ONE, NOW + days * DAY))
    expect(at(0)).toBe(3)
    expect(at(3)).toBeGreaterThan(60)
    expect(at(6)).toBeGreaterThan(90)
    expect(at(8)).toBe(100)
  })

  it('counts agents that are ill now', () => {
    expect(Math.round(healthScore([], { ...ONE, oomImminentAgents: 1 }, NOW))).toBe(71)
    expect(Math.round(healthScore([], { agents: 100, criticalAgents: 1, oomImminentAgents: 0 }, NOW))).toBe(
      98,
    )
  })

  it('is within its bounds, worse for every crash and better with every hour', () => {
    fc.assert(
      fc.property(fc.array(anyCrash, { maxLength: 60 }), anyCrash, anyLive, (crashes, one, live) => {
        const score = healthScore(crashes, live, NOW)
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(100)
        expect(healthScore([...crashes, one], live, NOW)).toBeLessThanOrEqual(score)
        expect(healthScore(crashes, live, NOW + 3_600_000)).toBeGreaterThanOrEqual(score)
      }),
    )
  })
})

describe('the trend of crashes (R20)', () => {
  const days = (last: number, before: number) => [
    ...Array.from({ length: last }, (_, i) => crash('error', i * 60_000)),
    ...Array.from({ length: before }, (_, i) => crash('error', DAY + i * 60_000 + 1)),
  ]
  it.each([
    [0, 0, 'stable'],
    [1, 0, 'stable'],
    [3, 0, 'stable'],
    [4, 0, 'degrading'],
    [0, 4, 'improving'],
    [6, 5, 'stable'],
    [20, 10, 'degrading'],
    [900, 1_000, 'improving'],
    [990, 1_000, 'stable'],
  ])('%i in the last day after %i in the day before is %s', (last, before, expected) => {
    expect(crashTrend(days(last, before), NOW)).toBe(expected)
  })
})

describe('statistics (R16, R17, R18)', () => {
  it('are about each agent: the time between two crashes is never that between two agents', () => {
    const records = [
      crash('error', 4_000, { agent: 'a' }),
      crash('error', 3_000, { agent: 'b' }),
      crash('oom_cgroup', 2_000, { agent: 'a' }),
      crash('error', 0, { agent: 'a' }),
    ]
    const stats = crashStats(records, NOW)
    expect(stats).toMatchObject({
      totalCrashes: 4,
      crashesByAgent: { a: 3, b: 1 },
      crashesByCause: { error: 3, oom_cgroup: 1 },
      avgTimeBetweenCrashesMs: 2_000,
      mostCrashProne: { agent: 'a', count: 3 },
    })
    expect(stats.recentCrashes.map(({ agent }) => agent)).toEqual(['a', 'a', 'b', 'a'])
  })

  it('say nothing where there is nothing', () => {
    expect(crashStats([], NOW)).toMatchObject({
      totalCrashes: 0,
      avgTimeBetweenCrashesMs: undefined,
      mostCrashProne: undefined,
    })
  })

  it('relate earlier crashes of the agent and of the cause within a week, newest first, at most five', () => {
    const of = crash('segfault', 0, { id: 'it', agent: 'a' })
    const records = [
      of,
      crash('error', 1_000, { id: 'same-agent', agent: 'a' }),
      crash('segfault', 2_000, { id: 'same-cause', agent: 'b' }),
      crash('error', 3_000, { id: 'neither', agent: 'b' }),
      crash('segfault', 8 * DAY, { id: 'too-old', agent: 'a' }),
      crash('segfault', -1_000, { id: 'later', agent: 'a' }),
      ...Array.from({ length: 5 }, (_, i) => crash('segfault', 10_000 + i, { id: `more-${i}` })),
    ]
    expect(relatedCrashes(of, records)).toEqual(['same-agent', 'same-cause', 'more-0', 'more-1', 'more-2'])
    const unknown = crash('unknown', 0, { agent: 'x' })
    expect(relatedCrashes(unknown, [unknown, crash('unknown', 5, { agent: 'y' })])).toEqual([])
  })
})

describe('patterns (R18)', () => {
  it('are a cause that comes again, an agent in a loop, and several agents at once', () => {
    const memory = (peakBytes: number) =>
      ({ lastBytes: 1, peakBytes, averageBytes: 1, trend: 'stable' }) as const
    const records = [
      crash('heap_limit', 3 * DAY, { agent: 'h', memory: memory(100) }),
      crash('heap_limit', 2 * DAY, { agent: 'h', memory: memory(300) }),
      crash('heap_limit', 1 * DAY, { agent: 'g' }),
      ...[0, 60_000, 120_000].map((ago) => crash('error', 5 * DAY + ago, { agent: 'loop' })),
      ...['x', 'y', 'z'].map((agent, i) => crash('oom_host', i * 1_000, { agent })),
    ]
    expect(
      findPatterns(records)
        .map(({ pattern }) => pattern)
        .sort(),
    ).toEqual(['crash_loop', 'error_pattern', 'heap_limit_pattern', 'oom_host_pattern', 'together'])
    expect(findPatterns(records).find(({ pattern }) => pattern === 'heap_limit_pattern')).toMatchObject({
      ...{ occurrences: 3, avgMemoryAtCrash: 200, affectedAgents: ['g', 'h'], commonCause: 'heap_limit' },
    })
  })

  it('are none in two, nor in what is only unknown', () => {
    expect(findPatterns([crash('error', 0), crash('error', DAY)])).toEqual([])
    expect(findPatterns([0, 1, 2].map((days) => crash('unknown', days * DAY)))).toEqual([])
  })
})

describe('insights (R27)', () => {
  it('say that there was nothing', () => {
    expect(insightsOf([], ONE, NOW)).toMatchObject({
      ...{ healthScore: 100, issues: [], recommendations: [], trend: 'stable' },
      summary: 'Healthy: No crashes recorded.',
    })
  })

  it('put the most pressing first (E19), and what is old is no issue any more', () => {
    const records = [
      crash('error', 1_000, { recommendations: ['Look.'] }),
      crash('oom_cgroup', 2_000, { recommendations: ['Raise the limit.'] }),
      crash('segfault', 3 * DAY),
    ]
    const { issues, recommendations, summary } = insightsOf(records, { ...ONE, oomImminentAgents: 1 }, NOW)
    expect(issues.map(({ severity }) => severity)).toEqual(['critical', 'critical', 'medium'])
    expect(issues[1]?.message).toBe('oom_cgroup ×1 in 24 hours: a.')
    expect(recommendations).toEqual(['Resize or end them now.', 'Raise the limit.', 'Look.'])
    expect(summary).toContain('2 crashes in 24 hours, 3 in 7 days')
  })

  it('are always in order and never repeat a recommendation', () => {
    fc.assert(
      fc.property(fc.array(anyCrash, { maxLength: 40 }), anyLive, (crashes, live) => {
        const { issues, recommendations } = insightsOf(crashes, live, NOW)
        const ranks = issues.map(({ severity }) => SEVERITIES.indexOf(severity))
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))
        expect(new Set(recommendations).size).toBe(recommendations.length)
      }),
    )
  })
})
