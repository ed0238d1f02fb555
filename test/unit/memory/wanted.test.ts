import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Gauge } from '../../../src/memory/basis.ts'
import { isReached, type MemoryActionsConfig, nextSize, wantedAt } from '../../../src/memory/wanted.ts'
import { GB, MB } from './shapes.ts'

const CONFIG: MemoryActionsConfig = {
  ...{ critical: 'none', oomImminent: 'none', pauseDeadlineMs: 600_000, afterPause: 'none' },
  ...{ resizeFactor: 1.5, maxMemoryBytes: 4 * GB },
}
const gauge = (more: Partial<Gauge> = {}): Gauge => ({
  ...{ basis: 'working_set', bytes: 980 * MB, limitBytes: GB },
  thresholds: { warning: 0.8 * GB, critical: 0.9 * GB, oom_imminent: 0.95 * GB },
  ...more,
})

describe('what is wanted at a level', () => {
  it.each([
    ['critical', 'none', 'critical', 'pause'],
    ['oom_imminent', 'none', 'critical', 'pause'],
    ['oom_imminent', 'terminate', 'oom_imminent', 'terminate'],
  ] as const)('at %s, where %s is meant for the worst', (level, oomImminent, meant, action) => {
    expect(wantedAt(level, { ...CONFIG, critical: 'pause', oomImminent })).toEqual({ action, level: meant })
  })

  it('is nothing at a warning, and nothing by default', () => {
    const all = { ...CONFIG, critical: 'pause', oomImminent: 'terminate' } as const
    expect([wantedAt('warning', all), wantedAt('healthy', all)]).toEqual([undefined, undefined])
    expect(wantedAt('oom_imminent', CONFIG)).toBeUndefined()
    expect(wantedAt('critical', { ...CONFIG, oomImminent: 'pause' })).toBeUndefined()
  })

  it('needs a number that is over the threshold now', () => {
    const wanted = { action: 'pause', level: 'oom_imminent' } as const
    expect(isReached(gauge(), wanted)).toBe(true)
    expect(isReached(gauge({ bytes: 960 * MB }), wanted)).toBe(false)
    expect(isReached(undefined, wanted)).toBe(false)
  })
})

describe('the next limit of a container', () => {
  it('is so many times the present one, never beyond the cap, in whole mebibytes', () => {
    expect(nextSize(gauge(), GB, CONFIG)).toBe(1.5 * GB)
    expect(nextSize(gauge({ limitBytes: 3 * GB }), 3 * GB, CONFIG)).toBe(4 * GB)
    expect(nextSize(gauge({ limitBytes: 100 * MB + 1 }), 100 * MB + 1, CONFIG)).toBe(151 * MB)
  })

  it.each([
    ['of its runtime', gauge({ basis: 'heap', limitBytes: GB }), GB],
    ['of a group above it, or of the host', gauge({ limitBytes: 0.5 * GB }), GB],
  ])('is none where the limit %s is the nearest', (_, near, own) => {
    expect(nextSize(near, own, CONFIG)).toContain('another limit')
  })

  it('is none without a limit, without a cap, and at the cap', () => {
    expect(nextSize(gauge(), undefined, CONFIG)).toContain('no limit of its own')
    expect(nextSize(gauge(), GB, { ...CONFIG, maxMemoryBytes: undefined })).toContain('not set')
    expect(nextSize(gauge({ limitBytes: 4 * GB }), 4 * GB, CONFIG)).toContain('has reached')
  })

  it('always grows, and never beyond the cap', () => {
    const bytes = fc.integer({ min: 6 * MB, max: 64 * GB })
    fc.assert(
      fc.property(bytes, bytes, fc.double({ min: 1.01, max: 4, noNaN: true }), (own, cap, resizeFactor) => {
        const size = nextSize(gauge({ limitBytes: own }), own, { resizeFactor, maxMemoryBytes: cap })
        if (typeof size === 'string') expect(own).toBeGreaterThanOrEqual(cap)
        else expect(size > own && size <= cap).toBe(true)
      }),
    )
  })
})
