import type { Series } from './series.ts'

/** The series of one family in one scrape, none twice. */
export interface Roster {
  /** False when the series is there already: the first sample wins, Prometheus would refuse or overwrite. */
  add(series: Series): boolean
  /** All that were added. */
  finish(): readonly Series[]
}

/**
 * An empty roster. Most scrapes write the same series in the same order as the one `before`, which is known to
 * hold none twice: as long as they do, comparing replaces the set that finds duplicates (a third of the cost of
 * a scrape), and the same array serves again.
 */
export function createRoster(before: readonly Series[]): Roster {
  let same = 0
  let changed: { readonly series: Series[]; readonly seen: Set<string> } | undefined
  return {
    add(one) {
      if (changed === undefined) {
        const expected = before[same]
        if (expected === one || expected?.labelText === one.labelText) {
          same++
          return true
        }
        const series = before.slice(0, same)
        changed = { series, seen: new Set(series.map(({ labelText }) => labelText)) }
      }
      const { series, seen } = changed
      const size = seen.size
      if (seen.add(one.labelText).size === size) return false
      series.push(one)
      return true
    },
    finish: () => changed?.series ?? (same === before.length ? before : before.slice(0, same)),
  }
}
