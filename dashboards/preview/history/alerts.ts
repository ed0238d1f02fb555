import { parseDuration } from '../../../src/platform/duration.ts'
import { alertFiles } from '../../../test/support/rule-files.ts'
import { type Answer, seriesOf } from '../../model/answers.ts'
import type { RecordedSeries } from './recording.ts'

/** Answers a range query, as a rule is judged: at every step. */
export type AskRange = (expr: string) => Promise<Answer>

/**
 * What Prometheus would have stored of the shipped rules about this history: pending, firing, and since when.
 * @see prometheus: rules/alerting.go, `AlertingRule.Eval`
 */
export async function judgedAlerts(
  ask: AskRange,
  { stepSeconds, endSeconds }: Pick<Holding, 'stepSeconds' | 'endSeconds'>,
): Promise<RecordedSeries[]> {
  const rules = alertFiles.flatMap((file) => file.rules)
  const stored: RecordedSeries[] = []
  for (const rule of rules) {
    const lasts = {
      holdsFor: secondsOf(rule.for),
      keeps: secondsOf(rule.keep_firing_for),
      stepSeconds,
      endSeconds,
    }
    for (const { labels, times } of seriesOf(await ask(rule.expr))) {
      const { __name__: _, ...own } = labels
      const told = { ...own, ...rule.labels, alertname: rule.alert }
      stored.push(
        ...storedBy(
          times.map((ms) => ms / 1_000),
          told,
          lasts,
        ),
      )
    }
  }
  return stored
}

interface Holding {
  readonly holdsFor: number
  readonly keeps: number
  readonly stepSeconds: number
  /** Nothing is known after it. */
  readonly endSeconds: number
}

/** @param times when the expression had a value, a multiple of the step apart */
export function storedBy(
  times: readonly number[],
  labels: Readonly<Record<string, string>>,
  { holdsFor, keeps, stepSeconds, endSeconds }: Holding,
): RecordedSeries[] {
  const stored = (metric: string, more: object): RecordedSeries => ({
    metric,
    labels: { ...labels, ...more },
    samples: [],
  })
  const pending = stored('ALERTS', { alertstate: 'pending' })
  const firing = stored('ALERTS', { alertstate: 'firing' })
  const since = stored('ALERTS_FOR_STATE', {})
  let begin: number | undefined
  times.forEach((at, index) => {
    begin ??= at
    const isFiring = at - begin >= holdsFor
    const next = times[index + 1] ?? endSeconds + stepSeconds
    // Once it fires it goes on for a while after the last value, unless the expression comes back before.
    const goesOn = isFiring ? Math.min(next - stepSeconds, at + keeps) : at
    for (let moment = at; moment <= goesOn; moment += stepSeconds) {
      ;(isFiring ? firing : pending).samples.push([moment, 1])
      since.samples.push([moment, begin])
    }
    if (next - stepSeconds > goesOn) begin = undefined
  })
  return [pending, firing, since].filter(({ samples }) => samples.length > 0)
}

function secondsOf(text: string | undefined): number {
  return (parseDuration(text ?? '0s') ?? 0) / 1_000
}
