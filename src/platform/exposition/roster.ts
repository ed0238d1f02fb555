import type { Series } from './series.ts'

/** The series of one family in one scrape, none twice. */
export interface Roster {
  readonly series: readonly Series[]
  /** False when the series is there already: the first sample wins, Prometheus would refuse or overwrite. */
  add(series: Series): boolean
}

/**
 * An empty roster. Most scrapes write the same series in the same order as the one `before`, which is known to
 * hold none twice: as long as they do, comparing replaces the set that finds duplicates, a third of all cost.
 */
export function createRoster(before: readonly Series[]): Roster {
  const series: Series[] = []
  let seen: Set<string> | undefined
  return {
    series,
    add(one) {
      if (seen === undefined) {
        const same = before[series.length]
        if (same === one || same?.labelText === one.labelText) {
          series.push(same)
          return true
        }
        seen = new Set(series.map(({ labelText }) => labelText))
      }
      const size = seen.size
      if (seen.add(one.labelText).size === size) return false
      series.push(one)
      return true
    },
  }
}
