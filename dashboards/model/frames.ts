import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import { type Answer, type AnsweredSeries, type SeriesLabels, seriesOf } from './answers.ts'

/** Absent where a row has nothing in a column. */
export type Value = number | string | undefined

/** A column, or the values of a series. */
export interface Field {
  readonly name: string
  readonly type: 'time' | 'string' | 'number'
  readonly values: readonly Value[]
  readonly labels?: SeriesLabels
  /** The legend of a series: it is called by it unless a `displayName` says otherwise. */
  readonly legend?: string
}

export interface Frame {
  readonly refId: string | undefined
  readonly fields: readonly Field[]
}

export const TIME = 'Time'
const VALUE = 'Value'

/** The queries of a panel that are asked, with their answers; one without an answer is left out. */
export type Answers = Readonly<Record<string, Answer>>

/**
 * What the data source makes of the answers. Queries with `format: table` become a frame each, with a column per label;
 * every other series becomes a frame of its own. A query that finds nothing still has a frame, and so still counts when
 * columns get their names.
 * @see grafana: promlib/querydata/response.go `parseResponse`; grafana-prometheus: result_transformer.ts
 * `transformDFToTable`
 */
export function framesOf(targets: readonly Dataquery[], answers: Answers): Frame[] {
  const asked = targets.flatMap((target): Asked[] => {
    const { hide, refId = '' } = target
    const answer = hide === true ? undefined : answers[refId]
    return answer === undefined ? [] : [{ ...target, refId, found: seriesOf(answer) }]
  })
  const tables = asked.filter(({ format }) => format === 'table')
  const series = asked.filter(({ format }) => format !== 'table')
  return [
    ...series.flatMap((one) => one.found.map((found) => seriesFrame(one, found))),
    ...tables.map(({ refId, found }) =>
      tableFrame(refId, found, tables.length > 1 ? `${VALUE} #${refId}` : VALUE),
    ),
  ]
}

interface Asked extends Dataquery {
  readonly refId: string
  readonly found: readonly AnsweredSeries[]
}

function seriesFrame({ refId, legendFormat, expr }: Asked, { labels, times, values }: AnsweredSeries): Frame {
  return {
    refId,
    fields: [
      { name: TIME, type: 'time', values: times },
      { name: VALUE, type: 'number', values, labels, legend: legendOf(legendFormat, labels, expr) },
    ],
  }
}

/** Labels that a series has not are left out of its legend. */
function legendOf(format: string | undefined, labels: SeriesLabels, expr: string): string {
  if (format && format !== '__auto') {
    return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => labels[label] ?? '')
  }
  const { __name__: metric = '', ...rest } = labels
  const pairs = Object.entries(rest).map(([label, value]) => `${label}="${value}"`)
  const text = pairs.length === 0 ? metric : `${metric}{${pairs.join(', ')}}`
  return text === '' ? expr : text
}

/** Time, the labels that any of the rows has, and the value. Of no rows nothing is known of the labels. */
function tableFrame(refId: string, rows: readonly AnsweredSeries[], valueName: string): Frame {
  const samples = rows.flatMap(({ labels, times, values }) =>
    times.map((time, at) => ({ labels, time, value: values[at]! })),
  )
  const names = [...new Set(rows.flatMap(({ labels }) => Object.keys(labels).sort()))]
  const empty = rows.length === 0 && valueName === VALUE
  return {
    refId,
    fields: empty
      ? []
      : [
          { name: TIME, type: 'time', values: samples.map(({ time }) => time) },
          ...names.map(
            (name): Field => ({
              name,
              type: 'string',
              values: samples.map(({ labels }) => labels[name] ?? ''),
            }),
          ),
          { name: valueName, type: 'number', values: samples.map(({ value }) => value) },
        ],
  }
}

export function lengthOf({ fields }: Frame): number {
  return fields[0]?.values.length ?? 0
}
