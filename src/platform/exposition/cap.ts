import { linesPerSeries } from './merge.ts'
import type { Series } from './series.ts'
import type { FamilySamples, HistogramValue, Snapshot } from './snapshot.ts'

/** Sort key of an agent: those with the highest number are left out first, e.g. the ordinal of registration. */
export type Newness = (agent: string) => number

export interface Capped {
  readonly snapshot: Snapshot
  /** Sample lines that were left out. */
  readonly dropped: number
}

/**
 * Leaves out whole newest agents, in every family including `agent_info`, until at most `maxSeries` sample
 * lines are left. Half an agent would make every rule that compares two of its series lie. Families without an
 * `agent` label are never dropped, even when they alone exceed the cap. Yields between families.
 */
export function* cap(
  snapshot: Snapshot,
  maxSeries: number,
  newestFirst: Newness,
): Generator<void, Capped, void> {
  if (snapshot.size <= maxSeries) return { snapshot, dropped: 0 }
  const lines = new Map<string, number>()
  for (const { family, series } of snapshot.families) {
    const each = linesPerSeries(family)
    for (const { agent } of series) {
      if (agent !== undefined) lines.set(agent, (lines.get(agent) ?? 0) + each)
    }
    yield
  }

  const leftOut = new Set<string>()
  let size = snapshot.size
  for (const agent of sortNewestFirst([...lines.keys()], newestFirst)) {
    if (size <= maxSeries) break
    leftOut.add(agent)
    size -= lines.get(agent)!
  }

  const families: FamilySamples[] = []
  for (const samples of snapshot.families) {
    const kept = without(samples, leftOut)
    if (kept.series.length > 0) families.push(kept)
    yield
  }
  return { snapshot: { families, size }, dropped: snapshot.size - size }
}

/** An agent the order does not know counts as the newest; equal ones by name, so that a scrape repeats. */
function sortNewestFirst(agents: string[], newestFirst: Newness): string[] {
  const keys = new Map(agents.map((agent) => [agent, newestFirst(agent)]))
  const key = (agent: string) => {
    const known = keys.get(agent)
    return known === undefined || Number.isNaN(known) ? Infinity : known
  }
  const byName = (a: string, b: string) => (a < b ? 1 : -1)
  return agents.sort((a, b) => (key(a) === key(b) ? byName(a, b) : key(b) - key(a)))
}

function without(samples: FamilySamples, leftOut: ReadonlySet<string>): FamilySamples {
  const series: Series[] = []
  const values: number[] = []
  const histograms: HistogramValue[] = []
  for (const [i, one] of samples.series.entries()) {
    if (one.agent !== undefined && leftOut.has(one.agent)) continue
    series.push(one)
    if (samples.family.type === 'histogram') histograms.push(samples.histograms[i]!)
    else values.push(samples.values[i]!)
  }
  return { family: samples.family, series, values, histograms }
}
