import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AlertInput,
  type AlertState,
  forNewIncarnation,
  judgeAlerts,
  type MemoryAlert,
  NO_ALERTS,
} from '../../../src/memory/alerts.ts'
import { gaugesOf, tightest } from '../../../src/memory/basis.ts'
import { BAD_LEVELS, LEVELS, type Level } from '../../../src/memory/model.ts'
import { CONFIG, MB, MINUTE } from './shapes.ts'

const gaugeAt = (mb: number) =>
  tightest(gaugesOf({ workingSetBytes: mb * MB, limitBytes: 1_000 * MB }, CONFIG))
const at = (level: Level, more: Partial<AlertInput> = {}): AlertInput => ({
  ...{ level, gauge: gaugeAt({ healthy: 300, warning: 850, critical: 920, oom_imminent: 980 }[level]) },
  ...{
    growthBytesPerSecond: undefined,
    timeToLimit: undefined,
    limitNear: 'far',
    bytes: 850 * MB,
    limit: 'own',
  },
  ...more,
})

function watch(
  steps: readonly (readonly [seconds: number, input: AlertInput])[],
  from: AlertState = NO_ALERTS,
) {
  let state = from
  const alerts: MemoryAlert[] = []
  for (const [seconds, input] of steps) {
    const [next, raised] = judgeAlerts(state, input, CONFIG, seconds * 1_000)
    state = next
    alerts.push(...raised)
  }
  return { state, alerts, types: alerts.map(({ type }) => type) }
}
const each = (from: number, to: number, input: AlertInput) =>
  Array.from({ length: to - from }, (_, i) => [from + i, input] as const)

describe('memory alerts', () => {
  it('R07 has five types', () => {
    const near = at('healthy', { limitNear: 'near' })
    const { types } = watch([
      [0, near],
      [1, at('warning')],
      [2, at('critical')],
      [3, at('oom_imminent')],
      [200, at('healthy')],
    ])
    expect(types).toEqual(['trend_warning', 'warning', 'critical', 'oom_imminent', 'recovered'])
  })

  it('R08 lets a worse level pass the cool-down at once', () => {
    expect(watch([...each(0, 10, at('warning')), [10, at('oom_imminent')]]).types).toEqual([
      'warning',
      'oom_imminent',
    ])
  })

  it('R08 cools down per type: a level that comes back soon is told when the time has passed, if it is still so', () => {
    const flapping = Array.from(
      { length: 50 },
      (_, i) => [i, at(i % 2 === 0 ? 'warning' : 'healthy')] as const,
    )
    expect(watch(flapping).types).toEqual(['warning', 'recovered'])
    const { types } = watch([...flapping, ...each(50, 70, at('warning'))])
    expect(types).toEqual(['warning', 'recovered', 'warning'])
  })

  it('says nothing on the way down until all is well', () => {
    const down = [
      ...each(0, 5, at('oom_imminent')),
      ...each(5, 90, at('critical')),
      ...each(90, 99, at('warning')),
    ]
    const { types } = watch([...down, [99, at('healthy')]])
    expect(types).toEqual(['oom_imminent', 'recovered'])
  })

  it('tells an escalation after a partial recovery only when it is worse than what was told', () => {
    const steps = [
      ...each(0, 5, at('critical')),
      ...each(5, 90, at('warning')),
      ...each(90, 95, at('critical')),
    ]
    expect(watch(steps).types).toEqual(['critical'])
    expect(watch([...steps, [95, at('oom_imminent')]]).types).toEqual(['critical', 'oom_imminent'])
  })

  it('says again what stays bad, the worse the sooner', () => {
    expect(watch(each(0, 3_600, at('oom_imminent'))).types).toHaveLength(12)
    expect(watch(each(0, 3_600, at('critical'))).types).toHaveLength(4)
    expect(watch(each(0, 3_600, at('warning'))).types).toHaveLength(1)
  })

  it('says again also what stays bad but is no longer as bad, and then every escalation anew', () => {
    const down = [...each(0, 5, at('critical')), ...each(5, 3_700, at('warning'))]
    expect(watch(down).types).toEqual(['critical', 'warning'])
    expect(watch([...down, [3_700, at('critical')]]).types).toEqual(['critical', 'warning', 'critical'])
  })

  it('has no recovery without an alert', () => {
    expect(watch(each(0, 300, at('healthy'))).types).toEqual([])
  })

  it('warns of a trend that only shares the host once it is not small', () => {
    const near = { limitNear: 'near', limit: 'host' } as const
    expect(watch([[0, at('healthy', { ...near, bytes: 17 * MB })]]).types).toEqual([])
    expect(watch([[0, at('healthy', { ...near, bytes: 170 * MB })]]).types).toEqual(['trend_warning'])
    expect(watch([[0, at('healthy', { ...near, bytes: 17 * MB, limit: 'own' })]]).types).toEqual([
      'trend_warning',
    ])
  })

  it('lets a crash loop cool down like one trouble', () => {
    const first = watch([[0, at('critical')]])
    const second = watch([[20, at('critical')]], forNewIncarnation(first.state))
    expect(second.types).toEqual([])
    expect(watch([[20, at('oom_imminent')]], forNewIncarnation(first.state)).types).toEqual(['oom_imminent'])
    expect(watch([[80, at('critical')]], second.state).types).toEqual(['critical'])
  })

  it('R09 names the number and the next step', () => {
    const growing = {
      growthBytesPerSecond: (12 * MB) / 60,
      timeToLimit: { lowSeconds: 600, midSeconds: 1_200 },
    }
    const { alerts } = watch([
      [0, at('warning', growing)],
      [1, at('critical', growing)],
      [2, at('oom_imminent', growing)],
    ])
    const [warning, critical, imminent] = alerts
    expect(warning?.message).toBe(
      'Memory is above its warning threshold: working set 850 MiB of 1000 MiB (85 %), threshold 800 MiB.',
    )
    expect(warning?.recommendation).toContain('12.0 MiB a minute')
    expect(critical?.recommendation).toContain('80.0 MiB are left, enough for 10 min')
    expect(imminent?.recommendation).toMatch(/Raise its limit or end it now.*20\.0 MiB are left/)
    expect(warning?.thresholdBytes).toBeCloseTo(800 * MB)
    const [trend] = watch([[0, at('healthy', { ...growing, limitNear: 'near' })]]).alerts
    expect(trend?.message).toBe(
      'Memory grows steadily by 12.0 MiB a minute. At the peaks it reaches its limit of 1000 MiB in 10 min, in the middle in 20 min.',
    )
    expect(trend?.recommendation).toContain('heap profile')
    const texts = alerts.flatMap(({ message, recommendation }) => [message, recommendation]).join()
    expect(texts).not.toMatch(/undefined|NaN|Infinity/)
  })
})

describe('properties of the alerts', () => {
  const levels = fc.array(fc.constantFrom(...LEVELS), { maxLength: 60 })

  it('never leaves a level untold for longer than its cool-down', () => {
    fc.assert(
      fc.property(levels, fc.constantFrom(...BAD_LEVELS), (before, level) => {
        const steps = before.map((one, i) => [i, at(one)] as const)
        const { state } = watch([...steps, ...each(before.length, before.length + 62, at(level))])
        expect(LEVELS.indexOf(state.told)).toBeGreaterThanOrEqual(LEVELS.indexOf(level))
      }),
    )
  })

  it('never sends one type twice within its cool-down, unless it got worse', () => {
    fc.assert(
      fc.property(levels, (all) => {
        let state = NO_ALERTS
        const sent = new Map<string, number>()
        for (const [i, level] of all.entries()) {
          const [next, raised] = judgeAlerts(state, at(level), CONFIG, i * 5_000)
          for (const { type } of raised) {
            const last = sent.get(type)
            const escalated = state.told !== 'healthy' && type === level
            if (last !== undefined && !escalated) expect(i * 5_000 - last).toBeGreaterThanOrEqual(MINUTE)
            sent.set(type, i * 5_000)
          }
          state = next
        }
      }),
    )
  })
})
