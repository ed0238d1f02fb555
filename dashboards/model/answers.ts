/** Labels of a series, `__name__` among them where the query keeps it. */
export type SeriesLabels = Readonly<Record<string, string>>
/** Seconds since the epoch, and the value as text: `+Inf`, `-Inf` and `NaN` are values too. */
export type Sample = readonly [seconds: number, value: string]

/** What Prometheus answers to a query: the `data` of `api/v1/query` or `api/v1/query_range`. */
export type Answer =
  | {
      readonly resultType: 'vector'
      readonly result: readonly { readonly metric: SeriesLabels; readonly value: Sample }[]
    }
  | {
      readonly resultType: 'matrix'
      readonly result: readonly { readonly metric: SeriesLabels; readonly values: readonly Sample[] }[]
    }
  | { readonly resultType: 'scalar' | 'string'; readonly result: Sample }

/** A series of an answer, whatever its type: an instant has one sample. */
export interface AnsweredSeries {
  readonly labels: SeriesLabels
  readonly times: readonly number[]
  readonly values: readonly number[]
}

/** The series of an answer; times in ms. */
export function seriesOf(answer: Answer): AnsweredSeries[] {
  switch (answer.resultType) {
    case 'vector':
      return answer.result.map(({ metric, value }) => series(metric, [value]))
    case 'matrix':
      return answer.result.map(({ metric, values }) => series(metric, values))
    case 'scalar':
    case 'string':
      return [series({}, [answer.result])]
  }
}

function series(labels: SeriesLabels, samples: readonly Sample[]): AnsweredSeries {
  return {
    labels,
    times: samples.map(([seconds]) => seconds * 1000),
    values: samples.map(([, value]) => numberOf(value)),
  }
}

function numberOf(text: string): number {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return Number.parseFloat(text)
}
