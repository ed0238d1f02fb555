import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { seriesOf } from '../../../dashboards/model/answers.ts'
import { framesOf } from '../../../dashboards/model/frames.ts'
import { lookOf } from '../../../dashboards/model/looks.ts'
import type { Told } from './asking.ts'

/** More lines than this nobody tells apart. */
const MOST_SERIES = 50
/** Prometheus refuses more. */
const MOST_POINTS = 11_000

/** From and to which a value of a unit makes sense. A clock may be a little behind. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  percentunit: [0, 1.001],
  bytes: [0, 1e15],
  s: [0, 1e6],
  dtdurations: [-2, 1e10],
  dateTimeFromNow: [1e12, 1e14],
  currencyUSD: [0, 1e9],
  ops: [0, 1e9],
  bool_yes_no: [0, 1],
  'suffix: cores': [0, 1_000],
  'suffix: tok/s': [0, 1e9],
}
/** Shares that may be more than all of it, by titles of panels and columns. */
const BEYOND_ALL = /budget|limit|share|end|memory|cpu|throttled|waits? for|waiting|stalled|cached|to oom/i
const FAR_BEYOND = 50
/** What begins or ends within the shown time may be a little short of it. */
const LEAST_FILLED = 0.9

/** What is wrong with the answers to the queries of a panel; nothing in them is not wrong by itself. */
export function faultsOf(panel: Panel, told: ReadonlyMap<string, Told>): string[] {
  const targets = (panel.targets ?? []) as Dataquery[]
  const faults = targets.flatMap((target) => faultsOfTarget(target, told.get(target.refId!)))
  const answers = Object.fromEntries([...told].map(([refId, { answer }]) => [refId, answer]))
  const frames = framesOf(targets, answers)
  const legends = frames.flatMap(({ fields }) => fields.flatMap(({ legend }) => legend ?? []))
  const twice = legends.filter((legend, at) => legends.indexOf(legend) !== at)
  for (const legend of new Set(twice)) faults.push(`two are called "${legend}"`)
  for (const frame of frames) {
    for (const field of frame.fields.filter(({ type }) => type === 'number')) {
      const { unit = 'none', displayName } = lookOf(panel.fieldConfig, field, frame)
      const [least, most] = RANGES[unit] ?? [-1e15, 1e15]
      const upTo =
        unit === 'percentunit' && BEYOND_ALL.test(`${panel.title} ${displayName}`) ? FAR_BEYOND : most
      const wrong = (field.values as number[]).find((value) => value < least || value > upTo)
      if (wrong !== undefined)
        faults.push(`${frame.refId} ${field.legend ?? displayName}: ${wrong} of the unit ${unit}`)
    }
  }
  return faults
}

/** Whether there is anything to show. */
export function hasData({ answer }: Told): boolean {
  return seriesOf(answer).some(({ values }) => values.some((value) => Number.isFinite(value)))
}

/**
 * Whether no query has a series with a value at most of the points: a rate over too little, for one. A query that only
 * keeps what is more than nothing, or asks how long events took, may have as many as it likes.
 */
export function isFullOfHoles({ targets }: Panel, told: ReadonlyMap<string, Told>): boolean {
  const steady = ((targets ?? []) as Dataquery[]).filter(
    ({ expr }) => !/ [><=]+ \d+$|histogram_quantile/.test(expr),
  )
  const isHoly = ({ answer, points }: Told) =>
    seriesOf(answer).every(({ values }) => values.filter(Number.isFinite).length < LEAST_FILLED * points)
  return steady.length > 0 && steady.every(({ refId }) => isHoly(told.get(refId!)!))
}

function faultsOfTarget(
  { refId, expr, legendFormat, instant, format }: Dataquery,
  told: Told | undefined,
): string[] {
  if (told === undefined) return [`${refId} was not asked`]
  const { error, warnings, answer } = told
  if (error !== undefined) return [`${refId} is refused: ${error}`]
  const series = seriesOf(answer)
  const faults = warnings.map((warning) => `${refId}: ${warning}`)
  if (series.length > MOST_SERIES && format !== 'table') faults.push(`${refId} has ${series.length} series`)
  const wanted = [...(legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!)
  for (const { labels, values } of series) {
    const named = () => JSON.stringify(labels)
    if (values.length > MOST_POINTS) faults.push(`${refId} has ${values.length} points`)
    if (values.some((value) => Math.abs(value) === Number.POSITIVE_INFINITY)) {
      faults.push(`${refId} is infinite for ${named()}`)
    }
    // A line has a gap where a quantile is of nothing; a number is shown as "NaN".
    if (values.some(Number.isNaN) && (instant === true || !expr.includes('histogram_quantile'))) {
      faults.push(`${refId} is no number for ${named()}`)
    }
    const missing = wanted.filter((label) => !labels[label])
    if (missing.length > 0) faults.push(`${refId} has no ${missing} in ${named()}`)
  }
  return faults
}
