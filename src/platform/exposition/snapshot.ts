import type { Catalogue } from './catalogue.ts'
import type { Family } from './family.ts'
import { createRoster, type Roster } from './roster.ts'
import { bindSeries, type Series } from './series.ts'

export { bindSeries, type Series } from './series.ts'

/** Cumulative state of one histogram series: `counts[i]` observations ≤ `buckets[i]`, not cumulative. */
export interface HistogramValue {
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/**
 * Takes the samples of one scrape. Only families of the catalogue are accepted (anything else throws, which
 * fails that collector and its test). `undefined` means "not read" and leaves the sample out: absent, never 0.
 */
export interface SnapshotBuilder {
  set<Label extends string>(
    family: Family<Label>,
    labels: Readonly<Record<Label, string>>,
    value: number | undefined,
  ): void
  /** The fast way for values that are written at every scrape: labels were escaped by `bindSeries` before. */
  put(series: Series, value: number | undefined): void
  histogram<Label extends string>(
    family: Family<Label>,
    labels: Readonly<Record<Label, string>>,
    value: HistogramValue,
  ): void
}

/** Samples of one family. `series[i]` has `values[i]`, or `histograms[i]` when the family is a histogram. */
export interface FamilySamples {
  readonly family: Family
  readonly series: readonly Series[]
  readonly values: readonly number[]
  readonly histograms: readonly HistogramValue[]
}

/** What one scrape knows, immutable: families in the catalogue's order, none empty, no series twice. */
export interface Snapshot {
  readonly families: readonly FamilySamples[]
  /** Sample lines that both formats print. */
  readonly size: number
}

/** Why a sample was left out although somebody wrote it. */
export type Refusal = 'duplicate' | 'not_a_counter' | 'not_a_histogram'

/** What one collector wrote: families by place in the catalogue, and what was left out. */
export interface Part {
  readonly families: readonly (FamilySamples | undefined)[]
  readonly refused: Readonly<Record<Refusal, number>>
}

/** Takes what one collector writes, apart from all others, until `finish`. */
export interface PartBuilder extends SnapshotBuilder {
  /** The part; whoever writes afterwards gets an error. */
  finish(): Part
}

interface Page {
  readonly family: Family
  readonly roster: Roster
  readonly values: number[]
  readonly histograms: HistogramValue[]
}

/**
 * An empty part. A counter that is NaN or negative and a histogram whose numbers contradict each other are
 * left out and counted (OpenMetrics prohibits them); gauges may be NaN or infinite.
 * @param previous the collector's part before this one; it makes writing the same series again cheaper
 */
export function createPart(catalogue: Catalogue, previous?: Part): PartBuilder {
  const opened: (Page | undefined)[] = []
  const refused = { duplicate: 0, not_a_counter: 0, not_a_histogram: 0 }
  const pages = new Map<Family, Page>()
  let finished = false
  return {
    put,
    set(family, labels, value) {
      if (value === undefined) pageOf(family)
      else put(bindSeries(family, labels), value)
    },
    histogram(family, labels, value) {
      const page = pageOf(family)
      if (family.type !== 'histogram') throw new Error(`${family.name} is a ${family.type}`)
      if (!isConsistent(value, family.buckets?.length)) refused.not_a_histogram++
      else if (add(page, bindSeries(family, labels))) {
        // Copied: the room goes on counting in its own, and the part may be printed up to a second later.
        page.histograms.push({ counts: [...value.counts], sum: value.sum, count: value.count })
      }
    },
    finish() {
      finished = true
      pages.clear()
      const families = opened.map((page) => page && samplesOf(page))
      return { families, refused }
    },
  }

  function put(series: Series, value: number | undefined): void {
    const page = pageOf(series.family)
    if (value === undefined) return
    const { type } = series.family
    if (type === 'histogram') throw new Error(`${series.family.name} is a histogram`)
    if (type === 'counter' && !(value >= 0)) refused.not_a_counter++
    else if (add(page, series)) page.values.push(value)
  }

  function add({ roster }: Page, series: Series): boolean {
    if (roster.add(series)) return true
    refused.duplicate++
    return false
  }

  function pageOf(family: Family): Page {
    const known = pages.get(family)
    if (known !== undefined) return known
    if (finished) throw new Error(`${family.name} was written after the end of the collection`)
    const place = catalogue.indexOf(family)
    if (place === undefined) throw new Error(`${family.name} is not in the metric catalogue`)
    const canonical = catalogue.families[place]!
    const page = pages.get(canonical) ?? openPage(canonical, place)
    pages.set(canonical, page).set(family, page)
    return page
  }

  function openPage(family: Family, place: number): Page {
    const roster = createRoster(previous?.families[place]?.series ?? [])
    const page: Page = { family, roster, values: [], histograms: [] }
    opened[place] = page
    return page
  }
}

/** Without the roster, which remembers the part before. */
function samplesOf({ family, roster, values, histograms }: Page): FamilySamples {
  return { family, series: roster.finish(), values, histograms }
}

function isConsistent(value: HistogramValue, buckets: number | undefined): boolean {
  let inBuckets = 0
  for (const count of value.counts) {
    if (!(count >= 0)) return false
    inBuckets += count
  }
  const isComplete = value.counts.length === buckets && !Number.isNaN(value.sum)
  return isComplete && value.count >= inBuckets && value.count < Infinity
}
