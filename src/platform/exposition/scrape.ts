import type { Clock } from '../clock.ts'
import type { Collector } from '../feature.ts'
import { cap, type Newness } from './cap.ts'
import type { Catalogue } from './catalogue.ts'
import { createCollection, type Outcome } from './collection.ts'
import { gauge } from './family.ts'
import { mergeParts } from './merge.ts'
import { type Selection, selectCollectors } from './selection.ts'
import { createSlices, type Slices } from './slices.ts'
import { createPart, type Part, type Refusal, type Snapshot } from './snapshot.ts'

const collectorSuccess = gauge('agent_scrape_collector_success', {
  labels: ['collector'],
  help: 'Whether the collector delivered its metrics to this scrape (1), or failed, missed the deadline or could not reach all it should (0).',
})
const collectorDuration = gauge('agent_scrape_collector_duration_seconds', {
  unit: 'seconds',
  labels: ['collector'],
  help: 'How long the collector took; a collection that another scrape began less than 1 s ago is shared.',
})

/** What the scraper itself says about each collector; belongs into the catalogue. */
export const scrapeFamilies = [collectorSuccess, collectorDuration] as const

/** Two Prometheis that scrape at the same time share one collection; nothing printed is older than this. */
const SHARED_FOR_MS = 1000

/** Prometheus' own default scrape timeout, for callers that do not say. */
const DEFAULT_TIMEOUT_MS = 10_000

export interface ScraperOptions {
  readonly catalogue: Catalogue
  /** The enabled ones. Their names must differ. */
  readonly collectors: readonly Collector[]
  readonly clock: Clock
  /** Cap of sample lines; above it whole newest agents are left out. */
  readonly maxSeries?: () => number
  /** Which agents the cap leaves out first: those with the highest number. */
  readonly newestFirst?: Newness
  readonly slices?: Slices
  readonly onError?: (collector: string, error: unknown) => void
  /** Sample lines that the cap left out of one scrape. */
  readonly onDropped?: (series: number) => void
  /** Samples that were left out because they would make the scrape invalid. */
  readonly onRefused?: (reason: Refusal, samples: number) => void
}

export interface ScrapeRequest extends Selection {
  /** When the collectors must be done, in milliseconds from now. */
  readonly timeoutMs?: number
}

export interface Scraper {
  readonly collectors: readonly string[]
  /**
   * Collects what the selected collectors know, all in parallel and under one deadline. A collector that
   * throws, hangs or is late costs its own families only; it is then not started again until it settles.
   * @throws Problem AE_BAD_COLLECTOR for a selection that makes no sense
   */
  scrape(request?: ScrapeRequest): Promise<Snapshot>
}

export function createScraper(options: ScraperOptions): Scraper {
  const { catalogue, clock, maxSeries = () => Number.POSITIVE_INFINITY, newestFirst = () => 0 } = options
  const { onError = () => {}, onDropped = () => {}, onRefused = () => {} } = options
  const slices = options.slices ?? createSlices()
  const collections = new Map(
    options.collectors.map((collector) => [
      collector.name,
      createCollection({ collector, catalogue, clock, slices, ttlMs: SHARED_FOR_MS, onError }),
    ]),
  )
  const all = options.collectors.map(({ name }) => name)
  const twice = all.find((name, index) => all.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`Two collectors have the same name: ${twice}`)
  const names = [...collections.keys()]
  let previous: Snapshot | undefined

  return {
    collectors: names,
    async scrape({ timeoutMs = DEFAULT_TIMEOUT_MS, ...selection } = {}) {
      const selected = selectCollectors(names, selection)
      const nowMs = clock.monotonic()
      const outcomes = await Promise.all(
        selected.map(async (name) => [name, await collections.get(name)!.read(timeoutMs, nowMs)] as const),
      )
      return await assemble(outcomes)
    },
  }

  async function assemble(outcomes: readonly (readonly [string, Outcome])[]): Promise<Snapshot> {
    const parts = outcomes.flatMap(([, { part }]) => part ?? [])
    const merged = await slices.drive(mergeParts(catalogue, [...parts, reportOn(outcomes)], previous))
    previous = merged.snapshot
    count(parts, merged.duplicates)
    const { snapshot, dropped } = await slices.drive(cap(merged.snapshot, maxSeries(), newestFirst))
    if (dropped > 0) onDropped(dropped)
    return snapshot
  }

  function reportOn(outcomes: readonly (readonly [string, Outcome])[]): Part {
    const part = createPart(catalogue)
    for (const [collector, outcome] of outcomes) {
      part.set(collectorSuccess, { collector }, outcome.complete ? 1 : 0)
      part.set(collectorDuration, { collector }, outcome.seconds)
    }
    return part.finish()
  }

  function count(parts: readonly Part[], duplicates: number): void {
    if (duplicates > 0) onRefused('duplicate', duplicates)
    for (const part of parts) {
      for (const reason of ['duplicate', 'not_a_counter', 'not_a_histogram'] as const) {
        if (part.refused[reason] > 0) onRefused(reason, part.refused[reason])
      }
    }
  }
}
