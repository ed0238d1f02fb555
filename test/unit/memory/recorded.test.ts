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

/** Every trend that was said, as the daemon would follow anonymous memory. */
function trendsOf(rows: readonly Row[]): { said: readonly Trend[]; state: TrendState } {
  let slots = createSlots()
  let state: TrendState = FRESH_TREND
  let incarnation = 1
  const said: Trend[] = []
  for (const [second, anonKib, , , life = 1] of rows) {
    if (life !== incarnation) {
      slots = createSlots()
      state = FRESH_TREND
      incarnation = life
    }
    const bytes = anonKib * 1_024
    slots.add(second * 1_000, bytes)
    const [next, verdicts] = judgeTrend(
      state,
      { slots, bytes, roomBytes: LIMIT - bytes },
      CONFIG.trend,
      second * 1_000,
    )
    state = next
    for (const verdict of verdicts) if (verdict.kind === 'trend_changed') said.push(verdict.to)
  }
  return { said, state }
}

describe('recorded real programs', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.jsonl'))

  it('are of every language', () => {
    for (const language of ['node-', 'python-', 'c-']) {
      expect(files.some((file) => file.startsWith(language))).toBe(true)
    }
  })

  it.each(files)('%s', (file) => {
    const { head, rows } = read(file)
    expect(rows.length).toBeGreaterThan(600)
    const { said, state } = trendsOf(rows)
    expect([head.name, said.includes('growing')]).toEqual([head.name, head.growing === 'leaks'])
    if (head.growing !== 'leaks') return
    const rate = (state.growthBytesPerSecond ?? 0) * 60
    expect(rate / 2 ** 20).toBeGreaterThan(head.mbPerMinute / 2)
  })
})
