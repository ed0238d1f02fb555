import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createReplay, type ReplayLine } from '../../../src/replay/replay.ts'
import type { TraceRow } from '../../../src/replay/trace.ts'
import { CONFIG } from '../memory/shapes.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures')
const MIB = 2 ** 20
const GIB = 2 ** 30

const row = (
  seconds: number,
  rssBytes: number | undefined,
  more: Partial<TraceRow['sample']> = {},
): TraceRow => ({
  seconds,
  sample: { rssBytes, heapUsedBytes: undefined, limitBytes: undefined, ...more },
  incarnation: undefined,
})

function linesOf(rows: Iterable<TraceRow>, limitBytes?: number): ReplayLine[] {
  const replay = createReplay(CONFIG, limitBytes)
  return [...rows].flatMap((one) => replay.step(one)?.line ?? [])
}

const seconds = (count: number, step = 1): number[] => Array.from({ length: count }, (_, i) => i * step)

describe('replay', () => {
  it('tells the first row, every minute of the trace, and nothing else of a calm agent', () => {
    expect(linesOf(seconds(181).map((t) => row(t, 100 * MIB))).map(({ t }) => t)).toEqual([0, 60, 120, 180])
  })

  it('tells every change of the level with its alert, and the recovery', () => {
    const bytes = (t: number): number => (t >= 30 && t < 100 ? 950 * MIB : 100 * MIB)
    const lines = linesOf(
      seconds(300).map((t) => row(t, bytes(t))),
      GIB,
    )
    const changes = lines.filter(({ level, alerts }, i) => level !== lines[i - 1]?.level || alerts.length > 0)
    expect(changes.map(({ level, alerts }) => [level, alerts])).toEqual([
      ['healthy', []],
      ['critical', ['critical']],
      ['healthy', ['recovered']],
    ])
  })

  it('tells growth and when the limit is reached, and nulls while it cannot be told', () => {
    const lines = linesOf(
      seconds(1_800).map((t) => row(t, 100 * MIB + t * MIB * 0.25)),
      GIB,
    )
    expect(lines[0]).toEqual({
      ...{ t: 0, level: 'healthy', trend: 'unknown' },
      ...{ growthBytesPerSecond: null, limitReachedSeconds: null, alerts: [] },
    })
    const growing = lines.find(({ trend }) => trend === 'growing')!
    expect(growing.growthBytesPerSecond! / MIB).toBeCloseTo(0.25, 1)
    const left = (924 - growing.t * 0.25) / 0.25
    expect(growing.limitReachedSeconds! / left).toBeCloseTo(1, 1)
  })

  it('goes on as before when nothing was read', () => {
    const rows = seconds(120).map((t) => row(t, t > 10 && t < 110 ? undefined : 980 * MIB))
    const lines = linesOf(rows, GIB)
    expect(lines.map(({ level }) => level)).not.toContain('healthy')
    const replay = createReplay(CONFIG, GIB)
    for (const one of rows) replay.step(one)
    expect(replay.summary()).toMatchObject({ rows: 120, failedReads: 99, peakRssBytes: 980 * MIB })
  })

  it('keeps the last limit that was read, and the given one where the trace has none', () => {
    const rows = seconds(20).map((t) => row(t, 98 * MIB, { limitBytes: t === 0 ? 100 * MIB : undefined }))
    expect(linesOf(rows, GIB).at(-1)!.level).toBe('oom_imminent')
    expect(
      linesOf(
        rows.map(({ seconds: t }) => row(t, 98 * MIB)),
        GIB,
      ).at(-1)!.level,
    ).toBe('healthy')
  })

  it('begins anew with another incarnation, and its alerts still cool down', () => {
    const rows = seconds(20).map((t) => ({ ...row(t, 1_000 * MIB), incarnation: t < 10 ? 'one' : 'two' }))
    const lines = linesOf(rows, GIB)
    expect(lines.flatMap(({ alerts }) => alerts)).toEqual(['oom_imminent'])
    const replay = createReplay(CONFIG, GIB)
    for (const one of rows) replay.step(one)
    expect(replay.summary()).toMatchObject({ restarts: 1, seconds: 19 })
  })

  it('judges traces that were recorded once a minute, too', () => {
    const hours = seconds(240, 60)
    const warned = linesOf(
      hours.map((t) => row(t, t < 3_600 ? 100 * MIB : 850 * MIB)),
      GIB,
    )
    expect(warned.at(-1)!.level).toBe('warning')
    const grown = linesOf(
      hours.map((t) => row(t, 100 * MIB + (t / 60) * 4 * MIB)),
      2 * GIB,
    )
    expect(grown.map(({ trend }) => trend)).toContain('growing')
  })
})

type Recorded = readonly [
  second: number,
  anonKib: number,
  rssKib: number,
  heapKib: number | null,
  incarnation?: number,
]

describe('recorded real programs replayed', () => {
  const recordings = readdirSync(join(FIXTURES, 'memory')).filter((file) => file.endsWith('.jsonl'))

  it.each(recordings)('%s', async (file) => {
    const [, ...rows] = readFileSync(join(FIXTURES, 'memory', file), 'utf8')
      .trim()
      .split('\n')
    const trace = rows.map((text): TraceRow => {
      const [at, , rssKib, heapKib, life = 1] = JSON.parse(text) as Recorded
      const heapUsedBytes = heapKib === null ? undefined : heapKib * 1_024
      return { ...row(at, rssKib * 1_024, { heapUsedBytes }), incarnation: String(life) }
    })
    const lines = linesOf(trace, GIB).map((line) => `${JSON.stringify(line)}\n`)
    await expect(lines.join('')).toMatchFileSnapshot(join(FIXTURES, 'golden/replay', file))
    const isLeaking = file.includes('leaks')
    expect(lines.some((line) => line.includes('"trend":"growing"'))).toBe(isLeaking)
  })
})
