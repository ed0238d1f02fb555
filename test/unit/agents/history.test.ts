import { describe, expect, it } from 'vitest'
import { createHistory } from '../../../src/agents/history.ts'
import { emptyReading } from '../../../src/agents/reading.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

function fill(forMs: number, jitterMs = 0) {
  const history = createHistory()
  const reading = emptyReading()
  for (let at = 0; at <= forMs; at += SECOND) {
    reading.rssBytes = at / SECOND
    history.add(at + (at % 3) * jitterMs, reading)
  }
  return history
}

/** How many points lie in each distance to their predecessor, in seconds. */
function steps(times: readonly number[]): Record<number, number> {
  const count: Record<number, number> = {}
  for (const [i, at] of times.slice(1).entries()) {
    const step = Math.round((at - times[i]!) / SECOND)
    count[step] = (count[step] ?? 0) + 1
  }
  return count
}

describe('history of an agent', () => {
  it('keeps 1 s for 10 min, 10 s for 30 min and 60 s for 2 h', () => {
    const end = 5 * HOUR
    const times = fill(end)
      .points()
      .map((point) => point.atMs)
    expect(times.at(-1)).toBe(end)
    expect(times[0]).toBeGreaterThanOrEqual(end - 2 * HOUR)
    expect(times[0]).toBeLessThanOrEqual(end - 2 * HOUR + MINUTE)
    const found = steps(times)
    expect(found[1]).toBeGreaterThanOrEqual(599)
    expect(found[10]).toBeGreaterThanOrEqual(119)
    expect(found[60]).toBeGreaterThanOrEqual(89)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(new Set(times).size).toBe(times.length)
  })

  it('stays below 32 KiB however long an agent lives, and is small for one that just started', () => {
    expect(fill(6 * HOUR).bytes).toBeLessThanOrEqual(32 * 1_024)
    expect(fill(10 * SECOND).bytes).toBeLessThanOrEqual(2_048)
  })

  it('is not thrown off its steps by timers that come a little early or late', () => {
    const points = fill(20 * MINUTE, 40).points()
    expect(points.filter((point) => point.atMs > 10 * MINUTE).length).toBeGreaterThanOrEqual(595)
  })

  it('gives back what was read, absent where it was not, from a time on', () => {
    const history = createHistory()
    history.add(0, { ...emptyReading(), rssBytes: 4_096, cpuUserSeconds: 1, cpuSystemSeconds: 0.5 })
    history.add(SECOND, { ...emptyReading(), rssBytes: undefined, cpuUserSeconds: 2 })
    expect(history.points(500)).toEqual([
      {
        atMs: SECOND,
        rssBytes: undefined,
        rssAnonBytes: undefined,
        workingSetBytes: undefined,
        swapBytes: undefined,
        memoryCurrentBytes: undefined,
        cpuSeconds: undefined,
      },
    ])
    expect(history.points()[0]).toMatchObject({ rssBytes: 4_096, cpuSeconds: 1.5 })
  })

  it('keeps every sample of a slower clock', () => {
    const history = createHistory()
    for (let at = 0; at < HOUR; at += 15 * SECOND) history.add(at, emptyReading())
    expect(steps(history.points().map((point) => point.atMs))).toEqual({ 15: 239 })
  })
})
