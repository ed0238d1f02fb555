import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CpuPoint, isOverByOwnMeasure, type Measured } from '../../../src/alertmanager/agreement.ts'

const HELD_MS = 1_000_000
const MIN_HOLD_MS = 60_000
const SECOND = 1_000

/** One sample a second since the pause. */
function samples(toMs: number, cpuOf: (ms: number) => number | undefined = () => 12.5): CpuPoint[] {
  const points: CpuPoint[] = []
  for (let atMs = HELD_MS + 300; atMs <= toMs; atMs += SECOND) points.push({ atMs, cpuSeconds: cpuOf(atMs) })
  return points
}

function isOver(more: Partial<Measured> = {}, afterMs = 2 * MIN_HOLD_MS, alertname = 'AgentTokenRateHigh') {
  const nowMs = HELD_MS + afterMs
  const measured: Measured = {
    ...{ runtime: 'process', heldAtMs: HELD_MS, minHoldMs: MIN_HOLD_MS, lastUseAtMs: HELD_MS - 500 },
    ...{ cpu: samples(nowMs), sampleMs: SECOND, memory: 'healthy', budget: 'normal' },
    scraping: 'not_stopped',
    ...more,
  }
  return isOverByOwnMeasure(alertname, measured, nowMs)
}

describe('our own measurement of what an alert was about', () => {
  it('agrees when nothing was used for as long as the hold must last', () => {
    expect(isOver()).toBe(true)
    expect(isOver({ lastUseAtMs: undefined })).toBe(true)
    expect(isOver({}, MIN_HOLD_MS + 2 * SECOND)).toBe(true)
  })

  it('does not agree too soon', () => {
    expect(isOver({}, MIN_HOLD_MS - 1)).toBe(false)
    expect(isOver({ minHoldMs: 0 }, 4_000)).toBe(false)
  })

  it('does not agree while use is reported; what was under way at the pause may come in late', () => {
    expect(isOver({ lastUseAtMs: HELD_MS + 2 * MIN_HOLD_MS - SECOND })).toBe(false)
    expect(isOver({ minHoldMs: 5_000, lastUseAtMs: HELD_MS + 4_000 }, 8_000)).toBe(true)
    expect(isOver({ minHoldMs: 5_000, lastUseAtMs: HELD_MS + 6_000 }, 8_000)).toBe(false)
    expect(isOver({ lastUseAtMs: HELD_MS + 30 * SECOND })).toBe(true)
  })

  it('does not agree while CPU is used', () => {
    const nowMs = HELD_MS + 2 * MIN_HOLD_MS
    expect(isOver({ cpu: samples(nowMs, (ms) => ms / 20_000) })).toBe(false)
    expect(isOver({ cpu: samples(nowMs, (ms) => ms / 200_000) })).toBe(true)
  })

  it('says nothing without fresh samples over all of the time', () => {
    const nowMs = HELD_MS + 2 * MIN_HOLD_MS
    expect(isOver({ cpu: [] })).toBeUndefined()
    expect(isOver({ cpu: samples(nowMs, () => undefined) })).toBeUndefined()
    expect(isOver({ cpu: samples(nowMs - 10 * SECOND) })).toBeUndefined()
    expect(isOver({ cpu: samples(nowMs).slice(-20) })).toBeUndefined()
  })

  it('of an agent without processes is its own word, when it ever gave one', () => {
    expect(isOver({ runtime: 'cooperative', cpu: [] })).toBe(true)
    expect(isOver({ runtime: 'cooperative', cpu: [], lastUseAtMs: undefined })).toBeUndefined()
  })

  it('asks the memory room about alerts of memory', () => {
    expect(isOver({ memory: 'worse' }, 2 * MIN_HOLD_MS, 'AgentMemoryCritical')).toBe(false)
    expect(isOver({ memory: undefined }, 2 * MIN_HOLD_MS, 'AgentMemoryCritical')).toBeUndefined()
    expect(isOver({}, 2 * MIN_HOLD_MS, 'AgentMemoryCritical')).toBe(true)
    expect(isOver({ memory: 'worse' })).toBe(true)
  })

  it('asks the budgets about alerts of budgets', () => {
    expect(isOver({ budget: 'worse' }, 2 * MIN_HOLD_MS, 'AgentBudgetExceeded')).toBe(false)
    expect(isOver({ budget: undefined }, 2 * MIN_HOLD_MS, 'AgentBudgetExceeded')).toBeUndefined()
  })

  it('says nothing when whoever scraped us has stopped: what resolves then was not measured', () => {
    expect(isOver({ scraping: 'stopped' })).toBeUndefined()
  })

  it('never agrees without a sample of the time in question', () => {
    const points = fc.array(
      fc.record({ atMs: fc.integer({ min: 0, max: HELD_MS - 1 }), cpuSeconds: fc.double({ noNaN: true }) }),
    )
    fc.assert(
      fc.property(points, fc.integer({ min: 0, max: 1e7 }), (cpu, afterMs) => {
        expect(isOver({ cpu }, afterMs)).not.toBe(true)
      }),
    )
  })
})
