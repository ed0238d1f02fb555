import type { Catalogue } from './catalogue.ts'
import type { Family } from './family.ts'
import { createRoster } from './roster.ts'
import type { Series } from './series.ts'
import type { FamilySamples, HistogramValue, Part, Snapshot } from './snapshot.ts'

/** What came out of a merge; `duplicates` are series that two collectors wrote. */
export interface Merged {
  readonly snapshot: Snapshot
  readonly duplicates: number
}

/**
 * Joins the parts of the collectors family by family: OpenMetrics forbids interleaving, and of a series that
 * two collectors wrote the first is kept. Yields between families so that the caller can let the loop breathe.
 * @param previous the snapshot before this one; it makes joining the same series again cheaper
 */
export function* mergeParts(
  catalogue: Catalogue,
  parts: readonly Part[],
  previous?: Snapshot,
): Generator<void, Merged, void> {
  const before = new Map(previous?.families.map(({ family, series }) => [family, series]))
  const families: FamilySamples[] = []
  let size = 0
  let duplicates = 0
  for (const [place, family] of catalogue.families.entries()) {
    const written = parts.map((part) => part.families[place]).filter((samples) => samples !== undefined)
    const filled = written.filter((samples) => samples.series.length > 0)
    if (filled.length === 0) continue
    const samples = filled.length === 1 ? filled[0]! : join(family, filled, before.get(family) ?? [])
    duplicates += filled.reduce((sum, { series }) => sum + series.length, 0) - samples.series.length
    families.push(samples)
    size += samples.series.length * linesPerSeries(family)
    yield
  }
  return { snapshot: { families, size }, duplicates }
}

/** Sample lines of one series: a histogram prints its buckets, `+Inf`, `_sum` and `_count`. */
export function linesPerSeries(family: Family): number {
  return family.buckets === undefined ? 1 : family.buckets.length + 3
}

function join(family: Family, written: readonly FamilySamples[], before: readonly Series[]): FamilySamples {
  const roster = createRoster(before)
  const values: number[] = []
  const histograms: HistogramValue[] = []
  for (const samples of written) {
    for (const [i, series] of samples.series.entries()) {
      if (!roster.add(series)) continue
      if (family.type === 'histogram') histograms.push(samples.histograms[i]!)
      else values.push(samples.values[i]!)
    }
  }
  return { family, series: roster.finish(), values, histograms }
}
