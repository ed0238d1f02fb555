import { describe, expect, it } from 'vitest'
import {
  freshMemory,
  judgeMemory,
  type MemoryState,
  type MemoryVerdict,
  rebornMemory,
} from '../../../src/memory/judge.ts'
import type { MemorySample } from '../../../src/memory/model.ts'
import { CONFIG, GB, MB } from './shapes.ts'

function watch(
  seconds: number,
  sampleAt: (second: number) => MemorySample,
  from: MemoryState = freshMemory(CONFIG),
  fromS = 0,
) {
  let state = from
  const verdicts: MemoryVerdict[] = []
  for (let s = fromS; s < fromS + seconds; s++) {
    const [next, said] = judgeMemory(state, sampleAt(s - fromS), CONFIG, s * 1_000)
    state = next
    verdicts.push(...said)
  }
  const alerts = verdicts.flatMap((verdict) => (verdict.kind === 'alert' ? [verdict.alert.type] : []))
  return { state, verdicts, alerts }
}
const group = (mb: number): MemorySample => ({
  workingSetBytes: (mb + 50) * MB,
  anonBytes: mb * MB,
  limitBytes: GB,
})

describe('all that is judged of an agent', () => {
  it('warns of a leak long before its level does', () => {
    const { alerts, state } = watch(1_260, (s) => group(200 + (25 * s) / 60))
    expect(alerts).toEqual(['trend_warning'])
    expect([state.level.level, state.trend.trend]).toEqual(['healthy', 'growing'])
    // 1,024 − 50 beside it = 974: (974 − 200) / 25 = 31 min in all, 21 of them over.
    expect(state.trend.timeToLimit!.lowSeconds / 60).toBeGreaterThan(9)
    expect(state.trend.timeToLimit!.lowSeconds / 60).toBeLessThan(11)
  })

  it('R04 keeps the watermarks of what it follows', () => {
    const { state } = watch(60, (s) => group(s === 30 ? 500 : 200 + s))
    expect(state.watermarks).toEqual({ highBytes: 500 * MB, lowBytes: 200 * MB })
  })

  it('changes nothing when nothing was read', () => {
    const { state } = watch(900, (s) => group(200 + s / 10))
    const after = watch(300, () => ({ hostAvailableBytes: GB }), state, 900)
    expect(after.state).toBe(state)
    expect(after.verdicts).toEqual([])
  })

  it('begins the trend anew when a better number comes, but not when one fails for a moment', () => {
    const first = watch(900, (s) => ({ rssBytes: (200 + s / 3) * MB }))
    expect(first.state.trend.trend).toBe('growing')
    const better = watch(5, (s) => ({ rssBytes: (500 + s / 3) * MB, anonBytes: 100 * MB }), first.state, 900)
    expect([better.state.followed?.basis, better.state.trend.trend]).toEqual(['anon', 'unknown'])
    const known = watch(900, () => group(300))
    const flicker = watch(240, (s) => (s < 200 ? { rssBytes: 700 * MB } : group(300)), known.state, 900)
    expect([flicker.state.followed?.basis, flicker.state.trend.trend]).toEqual(['anon', 'stable'])
    expect(flicker.state.watermarks.highBytes).toBe(300 * MB)
  })

  it('gives a better number up when it fails for long', () => {
    const known = watch(60, () => group(300))
    const { state } = watch(400, () => ({ rssBytes: 700 * MB }), known.state, 60)
    expect(state.followed?.basis).toBe('rss')
  })

  it('counts what was swapped out: swapping does not end a leak', () => {
    const swapping = (s: number): MemorySample => ({
      anonBytes: Math.min(400, 200 + s / 3) * MB,
      swapBytes: Math.max(0, s / 3 - 200) * MB,
    })
    expect(watch(1_800, swapping).state.trend.trend).toBe('growing')
  })

  it('knows nothing of the life before, but lets its alerts cool down', () => {
    const { state, alerts } = watch(900, (s) => group(Math.min(900, 200 + s)))
    expect(alerts).toEqual(['warning', 'critical'])
    const reborn = rebornMemory(state, CONFIG)
    expect([reborn.level.level, reborn.trend.trend, reborn.watermarks.highBytes]).toEqual([
      'healthy',
      'unknown',
      undefined,
    ])
    expect(reborn.slots.envelope()).toBeUndefined()
    expect(watch(30, () => group(100), reborn, 901).alerts).toEqual([])
  })

  it('looks sooner near the limit', () => {
    expect(watch(5, () => group(200)).state.pace.sleepMs).toBe(1_000)
    expect(watch(5, () => group(960)).state.pace.sleepMs).toBe(100)
  })
})
