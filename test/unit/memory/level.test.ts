import { describe, expect, it } from 'vitest'
import { gaugesOf, tightest } from '../../../src/memory/basis.ts'
import { FRESH_LEVEL, judgeLevel, type LevelState, type LevelVerdict } from '../../../src/memory/level.ts'
import type { MemorySample } from '../../../src/memory/model.ts'
import { CONFIG, GB, MB } from './shapes.ts'

/** Samples of one second each. */
function watch(samples: readonly MemorySample[], from: LevelState = FRESH_LEVEL, fromMs = 0) {
  let state = from
  const verdicts: LevelVerdict[] = []
  for (const [i, sample] of samples.entries()) {
    const [next, said] = judgeLevel(state, sample, CONFIG, fromMs + i * 1_000)
    state = next
    verdicts.push(...said)
  }
  return { state, verdicts, levels: verdicts.map(({ to }) => to) }
}
const times = (n: number, sample: MemorySample) => Array.from({ length: n }, () => sample)
const rss = (mb: number): MemorySample => ({ rssBytes: mb * MB })
const group = (mb: number, limitMb = 1_000): MemorySample => ({
  workingSetBytes: mb * MB,
  anonBytes: mb * MB,
  limitBytes: limitMb * MB,
})

describe('memory levels', () => {
  it('R06 has three byte thresholds for an agent without a limit', () => {
    expect(watch(times(5, rss(511))).levels).toEqual([])
    expect(watch(times(5, rss(512))).levels).toEqual(['warning'])
    expect(watch(times(5, rss(1_024))).levels).toEqual(['critical'])
    expect(watch(times(5, rss(1_536))).levels).toEqual(['oom_imminent'])
  })

  it('goes by shares of the tightest limit when there is one', () => {
    expect(watch(times(5, group(799))).levels).toEqual([])
    expect(watch(times(5, group(800))).levels).toEqual(['warning'])
    expect(watch(times(5, group(900))).levels).toEqual(['critical'])
    expect(watch(times(5, group(7_000, 16_000))).levels).toEqual([])
    const heap = { ...group(300, 8_000), heapUsedBytes: 1.96 * GB, heapLimitBytes: 2 * GB }
    const { state } = watch(times(5, heap))
    expect([state.level, state.basis]).toEqual(['oom_imminent', 'heap'])
  })

  it('knows what the host has left', () => {
    const big = { ...rss(500), hostAvailableBytes: 100 * MB }
    const small = { ...rss(50), hostAvailableBytes: 100 * MB }
    expect(watch(times(5, big)).state.level).toBe('critical')
    expect(watch(times(5, small)).state.level).toBe('healthy')
    const within = { ...group(500, 8_000), hostAvailableBytes: 40 * MB }
    expect(watch(times(5, within)).state.level).toBe('oom_imminent')
  })

  it('shows thresholds on the basis of what is judged', () => {
    const gauge = tightest(gaugesOf(group(850), CONFIG))!
    expect(gauge.basis).toBe('working_set')
    expect(gauge.limitBytes).toBe(1_000 * MB)
    expect(gauge.thresholds.critical).toBeCloseTo(900 * MB)
  })

  it('waits for a second opinion on a warning, and for none when the kernel is about to act', () => {
    expect(watch([group(100), group(820), group(100), group(820), group(100)]).levels).toEqual([])
    expect(watch([group(100), group(960)]).levels).toEqual(['oom_imminent'])
  })

  it('says one thing of a value that trembles around its threshold', () => {
    const trembling = Array.from({ length: 600 }, (_, i) => rss(i % 7 < 4 ? 513 : 511))
    expect(watch(trembling).levels).toEqual(['warning'])
  })

  it('falls once it has been well below for a minute, to where it really is', () => {
    const high = watch(times(5, group(960)))
    expect(watch(times(60, group(850)), high.state, 5_000).levels).toEqual([])
    const later = watch(times(62, group(850)), high.state, 5_000)
    expect(later.levels).toEqual(['warning'])
    expect(watch(times(62, group(100)), high.state, 5_000).levels).toEqual(['healthy'])
    expect(watch(times(300, group(765)), later.state, 70_000).levels).toEqual([])
  })

  it('changes nothing when nothing was read', () => {
    const high = watch(times(5, group(960)))
    for (const nothing of [{}, { limitBytes: GB }, { hostAvailableBytes: GB }, { swapBytes: 5 }]) {
      const after = watch(times(300, nothing), high.state, 5_000)
      expect(after.state).toBe(high.state)
    }
  })

  it('does not fall while what raised it is not read', () => {
    const high = watch(times(5, { ...group(300), heapUsedBytes: 990 * MB, heapLimitBytes: 1_000 * MB }))
    expect(high.state.basis).toBe('heap')
    expect(watch(times(200, group(300)), high.state, 5_000).levels).toEqual([])
    const low = { ...group(300), heapUsedBytes: 100 * MB, heapLimitBytes: 1_000 * MB }
    expect(watch(times(62, low), high.state, 205_000).levels).toEqual(['healthy'])
  })

  it('takes an agent that is looked at once a minute for watched', () => {
    let state = FRESH_LEVEL
    for (let minute = 0; minute < 3; minute++) {
      state = judgeLevel(state, group(850), { ...CONFIG, intervalMs: 60_000 }, minute * 60_000)[0]
    }
    expect(state.level).toBe('warning')
  })

  it('begins to count again after a silence', () => {
    const high = watch(times(5, group(960)))
    const [once] = judgeLevel(high.state, group(100), CONFIG, 6_000)
    expect(judgeLevel(once, group(100), CONFIG, 600_000)[0].level).toBe('oom_imminent')
  })

  it('takes pressure as a second signal, never as the only one', () => {
    const stalling = (mb: number, share: number) =>
      Array.from({ length: 40 }, (_, s) => ({ ...group(mb), stalledSeconds: 7 + s * share }))
    expect(watch(stalling(850, 0)).state.level).toBe('warning')
    expect(watch(stalling(850, 0.2)).state.level).toBe('critical')
    expect(watch(stalling(910, 0.5)).state.level).toBe('oom_imminent')
    expect(watch(stalling(300, 0.9)).state.level).toBe('healthy')
    const restarted = [...stalling(850, 0), { ...group(850), stalledSeconds: 0 }]
    expect(watch(restarted).state.level).toBe('warning')
  })
})
