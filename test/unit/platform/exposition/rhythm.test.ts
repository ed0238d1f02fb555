import { describe, expect, it } from 'vitest'
import { createScrapeRhythm } from '../../../../src/platform/exposition/rhythm.ts'

function rhythm(everyMs: number, times: number, fromMs = 0) {
  const one = createScrapeRhythm()
  for (let i = 0; i < times; i++) one.scraped(fromMs + i * everyMs)
  return { ...one, lastMs: fromMs + (times - 1) * everyMs }
}

describe('the rhythm of scrapes', () => {
  it('says nothing of who never came, or a few times only', () => {
    expect(createScrapeRhythm().hasStopped(1e9)).toBe(false)
    expect(rhythm(15_000, 3).hasStopped(1e9)).toBe(false)
  })

  it('has stopped after two minutes at usual intervals', () => {
    const { hasStopped, lastMs } = rhythm(15_000, 10)
    expect(hasStopped(lastMs + 120_000)).toBe(false)
    expect(hasStopped(lastMs + 120_001)).toBe(true)
  })

  it('has stopped after five intervals that are longer', () => {
    const { hasStopped, lastMs } = rhythm(60_000, 10)
    expect(hasStopped(lastMs + 300_000)).toBe(false)
    expect(hasStopped(lastMs + 300_001)).toBe(true)
  })

  it('knows what is usual in spite of one long absence, and goes on with it', () => {
    const one = rhythm(15_000, 10)
    const backMs = one.lastMs + 3_600_000
    one.scraped(backMs)
    expect(one.hasStopped(backMs)).toBe(false)
    expect(one.hasStopped(backMs + 120_001)).toBe(true)
  })
})
