import type { AnsweredSeries } from '../../../dashboards/model/answers.ts'
import type { StoredSeries } from '../remote-write.ts'

/** How long the history is into which a minute is stretched. */
export const HISTORY_SECONDS = 7 * 24 * 3_600
/** Of so many scrapes in a row one that is missing in a series is no end of it. */
const MOST_MISSED = 2
/** What never changes needs no more: Prometheus looks back five minutes, and a bar needs two samples within five. */
const LEAST_EVERY_SECONDS = { gauge: 290, counter: 145 }

/** Samples so many seconds apart as long as they are not older. */
export type Density = readonly (readonly [ageSeconds: number, everySeconds: number])[]

/** What was recorded within a short time. */
export interface Recorded {
  readonly series: readonly AnsweredSeries[]
  /** Ms since the epoch. */
  readonly from: number
  readonly to: number
}

/**
 * What was recorded within a minute as if it had taken a week, with the same end: the last seconds pass as they did,
 * and the further away, the slower, so that every range up to the end shows something that happens. Counters go
 * on in between; gauges stay; times of events are moved to when they happen now.
 *
 * @param isDense names of what is needed at every sample although it does not change: a rate has nothing otherwise
 */
export function stretched(
  { series, from, to }: Recorded,
  density: Density,
  isDense: (metric: string) => boolean,
): StoredSeries[] {
  const { recordedAge, playedAge } = ages((to - from) / 1_000)
  const scrapes = scrapesOf(series)
  return series.flatMap((one): StoredSeries[] => {
    const metric = one.labels['__name__'] ?? ''
    const isCounter = /_(total|bucket|count|sum)$/.test(metric)
    const isTime = /_timestamp_seconds$|_time_seconds$|^ALERTS_FOR_STATE$/.test(metric)
    const changes = isDense(metric) || one.values.some((value) => value !== one.values[0])
    const valueAt = readerOf(one, scrapes, isCounter ? 'goes on' : 'stays')
    const times: number[] = []
    const values: number[] = []
    for (const age of agesOf(
      changes ? density : [[density.at(-1)![0], LEAST_EVERY_SECONDS[isCounter ? 'counter' : 'gauge']]],
    )) {
      const value = valueAt(to - recordedAge(age) * 1_000)
      if (value === undefined) continue
      times.push(to - age * 1_000)
      values.push(isTime ? to / 1_000 - playedAge(to / 1_000 - value) : value)
    }
    return times.length === 0 ? [] : [{ labels: one.labels, times, values }]
  })
}

/** How old what is played so long before the end was when it was recorded, and the other way round; in seconds. */
function ages(recordedSeconds: number) {
  // The constant with which the logarithm covers the whole history and is as fast as life at its end.
  let [least, most] = [1e-3, recordedSeconds]
  for (let n = 0; n < 60; n++) {
    const scale = (least + most) / 2
    if (scale * Math.log1p(HISTORY_SECONDS / scale) < recordedSeconds) least = scale
    else most = scale
  }
  return {
    recordedAge: (age: number) => least * Math.log1p(age / least),
    // What was before all that was recorded is as long before the history: further back a second would be years.
    playedAge: (age: number) =>
      age <= recordedSeconds ? least * Math.expm1(age / least) : HISTORY_SECONDS + age - recordedSeconds,
  }
}

/** Oldest first. All are aligned to the end. */
function agesOf(density: Density): number[] {
  const found: number[] = []
  let age = 0
  for (const [upTo, every] of density) {
    for (; age <= upTo; age += every) found.push(age)
  }
  return found.reverse()
}

/** When the exporter was scraped, by the series that was there most often. A machine that is busy misses some. */
function scrapesOf(series: readonly AnsweredSeries[]): readonly number[] {
  return series.reduce<readonly number[]>(
    (most, { times }) => (times.length > most.length ? times : most),
    [],
  )
}

/** Answers for ascending times only. */
function readerOf(
  { times, values }: AnsweredSeries,
  scrapes: readonly number[],
  between: 'goes on' | 'stays',
) {
  let next = 0
  let scraped = 0
  return (at: number): number | undefined => {
    while (next < times.length && times[next]! <= at) next++
    while (scraped < scrapes.length && scrapes[scraped]! <= at) scraped++
    const [time, value] = [times[next - 1], values[next - 1]]
    if (time === undefined || value === undefined) return undefined
    // It was not there when the exporter was scraped: it has ended, or was away.
    if ((scrapes[scraped - 1 - MOST_MISSED] ?? time) > time) return undefined
    const later = values[next]
    // A counter that is less later began anew.
    if (between === 'stays' || later === undefined || later < value) return value
    return value + ((later - value) * (at - time)) / (times[next]! - time)
  }
}
