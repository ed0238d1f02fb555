import type { Entry, Series } from './table.ts'

/** Fingerprint, 1 while it fires, start, end, and when it was heard: wall clock, clock of the boot, number of the boot. */
type StoredSeries = readonly [string, 0 | 1, number, number | null, number, number, number]

/**
 * An entry as text. Most of it is its series, and all of them are written whenever one is heard: as lists, with the
 * boots named once, they take a third of what their names would.
 */
export function encodeEntry(entry: Entry): string {
  const boots: string[] = []
  function bootOf(id: string): number {
    const known = boots.indexOf(id)
    return known === -1 ? boots.push(id) - 1 : known
  }
  const series = entry.series.map(({ fingerprint, status, startsAtMs, endsAtMs, heardAt }): StoredSeries => {
    const { wallMs, bootMs, bootId } = heardAt
    const fires = status === 'firing' ? 1 : 0
    return [fingerprint, fires, startsAtMs, endsAtMs ?? null, wallMs, bootMs, bootOf(bootId)]
  })
  return JSON.stringify({ ...entry, series, boots })
}

/** @throws SyntaxError for what is no JSON */
export function decodeEntry(text: string): Entry {
  const { boots, series, ...rest } = JSON.parse(text) as Omit<Entry, 'series'> & {
    readonly boots: readonly string[]
    readonly series: readonly StoredSeries[]
  }
  return { ...rest, series: series.map((one) => seriesOf(one, boots)) }
}

function seriesOf(
  [fingerprint, fires, startsAtMs, endsAtMs, wallMs, bootMs, boot]: StoredSeries,
  boots: readonly string[],
): Series {
  return {
    fingerprint,
    status: fires === 1 ? 'firing' : 'resolved',
    startsAtMs,
    endsAtMs: endsAtMs ?? undefined,
    heardAt: { bootId: boots[boot] ?? '', bootMs, wallMs },
  }
}
