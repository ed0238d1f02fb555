/**
 * Whether somebody who came for the metrics at regular times has stopped to. Who never came says nothing: there may be
 * no Prometheus, or it has not come yet.
 */
export interface ScrapeRhythm {
  /** A scrape was answered. @param atMs monotonic */
  scraped(atMs: number): void
  /** @param nowMs monotonic */
  hasStopped(nowMs: number): boolean
}

/** Fewer say nothing of what is usual. */
const FEWEST_GAPS = 3
const MOST_GAPS = 15
/** Scrapes get lost one at a time; five in a row do not. */
const MISSED = 5
/** Prometheus is restarted and reads its log in about this long. */
const LEAST_MS = 120_000

export function createScrapeRhythm(): ScrapeRhythm {
  const gaps: number[] = []
  let lastMs: number | undefined
  return {
    scraped(atMs) {
      if (lastMs !== undefined) gaps.push(atMs - lastMs)
      if (gaps.length > MOST_GAPS) gaps.shift()
      lastMs = atMs
    },
    hasStopped(nowMs) {
      if (lastMs === undefined || gaps.length < FEWEST_GAPS) return false
      const usualMs = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)]!
      return nowMs - lastMs > Math.max(MISSED * usualMs, LEAST_MS)
    },
  }
}
