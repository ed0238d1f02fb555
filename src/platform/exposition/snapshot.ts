import type { Family } from './family.ts'

/** A family with its label values filled in and escaped once; rooms keep it as long as the agent lives. */
export interface Series {
  readonly family: Family
  /** Escaped label text without braces, e.g. `agent="a",mode="user"`; empty without labels. */
  readonly labelText: string
  /** Value of the `agent` label, for the series cap; undefined for fleet and self families. */
  readonly agent: string | undefined
}

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
  /** The fast way for values that are written at every scrape: labels were escaped by `series` before. */
  put(series: Series, value: number | undefined): void
  histogram<Label extends string>(
    family: Family<Label>,
    labels: Readonly<Record<Label, string>>,
    value: HistogramValue,
  ): void
}
