import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Trend } from '../../../src/memory/model.ts'
import { createSlots } from '../../../src/memory/slots.ts'
import { FRESH_TREND, judgeTrend, type TrendState } from '../../../src/memory/trend.ts'
import { CONFIG } from './shapes.ts'

const FOLDER = join(import.meta.dirname, '../../fixtures/memory')
/** As if each had one gigabyte. */
const LIMIT = 2 ** 30

interface Head {
  readonly name: string
  readonly growing: 'leaks' | 'does not leak'
  readonly mbPerMinute: number
}
type Row = readonly [
  second: number,
  anonKib: number,
  rssKib: number,
  heapKib: number | null,
  incarnation?: number,
]

function read(file: string): { head: Head; rows: readonly Row[] } {
  const [head = '', ...rows] = readFileSync(join(FOLDER, file), 'utf8').trim().split('\n')
  return { head: JSON.parse(head) as Head, rows: rows.map((row) => JSON.parse(row) as Row) }
}

type Basis = 'heap' | 'anon'

/** Every trend that was said, as the daemon would follow this number, and the rates while it said `growing`. */
function trendsOf(rows: readonly Row[], basis: Basis): { said: readonly Trend[]; rates: readonly number[] } {
  let slots = createSlots()
  let state: TrendState = FRESH_TREND
  let incarnation = 1
  const said: Trend[] = []
  const rates: number[] = []
  for (const [second, anonKib, , heapKib, life = 1] of rows) {
    if (life !== incarnation) {
      slots = createSlots()
      state = FRESH_TREND
      incarnation = life
    }
    const kib = basis === 'heap' ? heapKib : anonKib
    const bytes = kib === null ? undefined : kib * 1_024
    slots.add(second * 1_000, bytes)
    if (bytes === undefined) continue
    const [next, verdicts] = judgeTrend(
      state,
      { slots, bytes, roomBytes: LIMIT - bytes },
      CONFIG.trend,
      second * 1_000,
    )
    if (next !== state && next.trend === 'growing') rates.push((next.growthBytesPerSecond ?? 0) * 60)
    state = next
    for (const verdict of verdicts) if (verdict.kind === 'trend_changed') said.push(verdict.to)
  }
  return { said, rates }
}

describe('recorded real programs', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl'))

  it('are of every language', () => {
    for (const language of ['node-', 'python-', 'c-']) {
      expect(files.some((file) => file.startsWith(language))).toBe(true)
    }
  })

  const recordings = files.map((file) => ({ file, ...read(file) }))
  const leaking = recordings.filter(({ head }) => head.growing === 'leaks')

  it.each(leaking)('$head.name: found', ({ head, rows }) => {
    expect(rows.length).toBeGreaterThan(600)
    // V8 lets garbage lie for minutes: from outside the leak of node is not to be seen within this time.
    const { said, rates } = trendsOf(rows, head.name.startsWith('node-') ? 'heap' : 'anon')
    expect(said).toContain('growing')
    const rate = rates.toSorted((a, b) => a - b)[rates.length >> 1]! / 2 ** 20
    expect(rate).toBeGreaterThan(head.mbPerMinute / 2)
    expect(rate).toBeLessThan(head.mbPerMinute * 2)
  })

  it.each(recordings.filter((one) => !leaking.includes(one)))('$head.name: no alarm', ({ rows }) => {
    expect(rows.length).toBeGreaterThan(600)
    for (const basis of ['heap', 'anon'] as const) expect(trendsOf(rows, basis).said).not.toContain('growing')
  })
})
