import { endOf, type Heard, opened, type Scene, seriesOf } from './scene.ts'
import { type Entry, isOldEnd, type Series, withSeries } from './table.ts'

/** An alert is told to have ended: whether it is the end of what we know, and of all of it. */
export function hearResolved(scene: Scene): Heard {
  const { alert, known, now } = scene
  const endsAtMs = endOf(alert, now)
  const told: Series = { ...seriesOf(alert, now), endsAtMs }
  if (known === undefined) {
    // Kept, so that its own firing, should it come after it, is known to be over.
    const entry: Entry = { ...opened(scene, undefined), state: 'closed', endsAtMs, series: [told] }
    return { entry, outcome: 'unmatched', verdicts: [] }
  }
  const series = known.series.find(({ fingerprint }) => fingerprint === alert.fingerprint)
  if (series?.status === 'firing' && isOldEnd(alert, series)) {
    return { entry: known, outcome: 'late', verdicts: [] }
  }
  const latest = series?.status === 'resolved' ? Math.max(series.endsAtMs ?? 0, endsAtMs) : endsAtMs
  const next: Entry = { ...known, ...withSeries(known, { ...told, endsAtMs: latest }), echoAt: undefined }
  if (known.state === 'closed') {
    const entry: Entry = { ...next, endsAtMs: Math.max(known.endsAtMs ?? 0, latest) }
    return { entry, outcome: 'repeated', verdicts: [] }
  }
  if (series === undefined) return { entry: next, outcome: 'unmatched', verdicts: [] }
  if (next.series.some(({ status }) => status === 'firing')) {
    return { entry: next, outcome: 'resolved', verdicts: [] }
  }
  const ends = next.series.map((one) => one.endsAtMs ?? 0)
  const entry: Entry = { ...next, state: 'closed', since: now, endsAtMs: Math.max(...ends) }
  return { entry, outcome: 'resolved', verdicts: [{ kind: 'closed', entry }] }
}
