import { openMetricsName } from './catalogue.ts'
import type { Family } from './family.ts'
import { createInk, type Ink } from './ink.ts'
import { formatBound, formatValue } from './number.ts'
import { lineStartOf } from './series.ts'
import type { FamilySamples, Snapshot } from './snapshot.ts'

/** `text` is Prometheus text 0.0.4, `openmetrics` is OpenMetrics 1.0.0. */
export type Format = 'text' | 'openmetrics'

/** Bytes between two yields: a tenth of a millisecond. */
const STEP_BYTES = 16 * 1024

/**
 * Prints a snapshot into `ink` and yields every few lines; the caller decides when to go on, so that a large
 * scrape never blocks the loop.
 *
 * The two formats differ only in what they must: OpenMetrics names a counter's family without `_total`, has
 * `# UNIT`, escapes quotes in HELP and ends in `# EOF`. Names, labels, types and values of the samples are the
 * same. No timestamps, no `_created` (Prometheus 2 stores it as one more series). A family without samples
 * prints nothing at all: HELP and TYPE alone would say nothing that the documentation does not say better.
 */
export function* render(snapshot: Snapshot, format: Format, ink: Ink): Generator<void, void, void> {
  let next = ink.length + STEP_BYTES
  for (const samples of snapshot.families) {
    const { family, series, values } = samples
    ink.text(headOf(family, format))
    const histogram = family.type === 'histogram' ? histogramLines(samples) : undefined
    for (let i = 0; i < series.length; i++) {
      if (histogram !== undefined) ink.text(histogram(i))
      else {
        ink.copy(lineStartOf(series[i]!))
        ink.value(values[i]!)
      }
      if (ink.length >= next) {
        yield
        next = ink.length + STEP_BYTES
      }
    }
  }
  if (format === 'openmetrics') ink.text('# EOF\n')
}

/** The whole text at once, for `--once` and small snapshots. */
export function renderText(snapshot: Snapshot, format: Format): string {
  const ink = createInk()
  for (const _ of render(snapshot, format, ink));
  return ink.bytes().toString()
}

function histogramLines({ family, series, histograms }: FamilySamples): (i: number) => string {
  const bounds = [...(family.buckets ?? []).map(formatBound), '+Inf']
  return (i) => {
    const { labelText } = series[i]!
    const { counts, sum, count } = histograms[i]!
    const open = `${family.name}_bucket{${labelText}${labelText === '' ? '' : ','}le="`
    const labels = labelText === '' ? '' : `{${labelText}}`
    let text = ''
    let below = 0
    for (const [b, bound] of bounds.entries()) {
      below += counts[b] ?? 0
      text += `${open}${bound}"} ${b < counts.length ? below : count}\n`
    }
    return `${text}${family.name}_sum${labels} ${formatValue(sum)}\n${family.name}_count${labels} ${count}\n`
  }
}

const heads: Readonly<Record<Format, WeakMap<Family, string>>> = {
  text: new WeakMap(),
  openmetrics: new WeakMap(),
}

function headOf(family: Family, format: Format): string {
  let head = heads[format].get(family)
  if (head === undefined) {
    head = format === 'text' ? textHead(family) : openMetricsHead(family)
    heads[format].set(family, head)
  }
  return head
}

function textHead({ name, type, help }: Family): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`
}

function openMetricsHead(family: Family): string {
  const name = openMetricsName(family)
  const unit = family.unit === undefined ? '' : `# UNIT ${name} ${family.unit}\n`
  return `# HELP ${name} ${escapeHelp(family.help).replaceAll('"', '\\"')}\n# TYPE ${name} ${family.type}\n${unit}`
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
