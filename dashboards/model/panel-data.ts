import type { FieldConfigSource, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus'
import type { SeriesLabels } from './answers.ts'
import { type Shown, show } from './display.ts'
import { type Answers, type Field, type Frame, framesOf, lengthOf, TIME } from './frames.ts'
import { type Look, lookOf, nameOf } from './looks.ts'
import { transform } from './transform.ts'

/** What a panel has to draw. */
export type PanelData =
  | { readonly kind: 'nothing'; readonly text: string }
  | TableData
  | { readonly kind: 'values'; readonly values: readonly NamedValue[] }
  | { readonly kind: 'series'; readonly series: readonly NamedSeries[] }

export interface TableData {
  readonly kind: 'table'
  readonly columns: readonly Column[]
  /** A cell for each column, hidden ones too; in the order of the panel's `sortBy`. */
  readonly rows: readonly (readonly Shown[])[]
}

export interface Column {
  /** The name of the field: links and overrides call it so. */
  readonly name: string
  readonly title: string
  readonly look: Look
  readonly isHidden: boolean
}

/** One number of a stat or a bar gauge: the last one that there is. */
export interface NamedValue extends Shown {
  readonly name: string
  readonly refId: string | undefined
  readonly labels: SeriesLabels
  readonly look: Look
}

/** One line of a graph or a row of a state timeline. */
export interface NamedSeries {
  readonly name: string
  readonly refId: string | undefined
  readonly labels: SeriesLabels
  readonly look: Look
  /** In ms. Where there is nothing for longer than a step, an undefined value stands once: the line is interrupted. */
  readonly times: readonly number[]
  readonly values: readonly (number | undefined)[]
  /** Text and colour of any value on this line, for axes, tooltips and timelines. */
  show(value: number | undefined): Shown
}

export interface Shot {
  /** The end of the shown time, ms since the epoch. */
  readonly now: number
  /** `step` of the range queries, in ms: a longer gap interrupts a line. Undefined: never. */
  readonly stepMs?: number
}

/**
 * What Grafana would show of these answers: frames, transformations, overrides, mappings, thresholds and units. Knows
 * nothing of pixels.
 *
 * @param answers the `data` of each query's answer by its refId; a query without one is left out
 */
export function panelData(panel: Panel, answers: Answers, shot: Shot): PanelData {
  const targets = (panel.targets ?? []) as Dataquery[]
  const frames = transform(framesOf(targets, answers), panel.transformations ?? [])
  const filled = frames.filter((frame) => lengthOf(frame) > 0)
  if (filled.length === 0) return { kind: 'nothing', text: panel.fieldConfig?.defaults.noValue ?? 'No data' }
  const fields = filled.flatMap((frame) =>
    frame.fields.filter(({ type }) => type === 'number').map((field) => ({ frame, field })),
  )
  switch (panel.type) {
    case 'table':
      return tableOf(panel, filled[0]!, shot)
    case 'stat':
    case 'bargauge':
      return { kind: 'values', values: fields.map(({ frame, field }) => lastOf(panel, frame, field, shot)) }
    default:
      return { kind: 'series', series: fields.map(({ frame, field }) => lineOf(panel, frame, field, shot)) }
  }
}

/** The columns that a table has after the transformations. */
function columnsOf(source: FieldConfigSource | undefined, frame: Frame): Column[] {
  return frame.fields.map((field) => {
    const look = lookOf(source, field, frame)
    return {
      name: field.name,
      title: look.displayName ?? nameOf(field),
      look,
      isHidden: look.custom['hidden'] === true,
    }
  })
}

function tableOf({ fieldConfig, options }: Panel, frame: Frame, { now }: Shot): TableData {
  const columns = columnsOf(fieldConfig, frame)
  const rows = Array.from({ length: lengthOf(frame) }, (_, at) =>
    frame.fields.map((field, column) => show(field.values[at], field, columns[column]!.look, now)),
  )
  const { sortBy = [] } = (options ?? {}) as { sortBy?: { displayName: string; desc?: boolean }[] }
  return { kind: 'table', columns, rows: rows.toSorted(orderOf(columns, sortBy)) }
}

/** By titles; nothing is less than everything. */
function orderOf(columns: readonly Column[], sortBy: readonly { displayName: string; desc?: boolean }[]) {
  const keys = sortBy.flatMap(({ displayName, desc }) => {
    const at = columns.findIndex(({ title }) => title === displayName)
    return at === -1 ? [] : [{ at, sign: desc === true ? -1 : 1 }]
  })
  return (one: readonly Shown[], other: readonly Shown[]): number => {
    for (const { at, sign } of keys) {
      const order = compare(one[at]!.value, other[at]!.value)
      if (order !== 0) return sign * order
    }
    return 0
  }
}

function compare(one: Shown['value'], other: Shown['value']): number {
  if (typeof one === 'string' && typeof other === 'string') return one.localeCompare(other, 'en')
  const [left, right] = [Number(one ?? -Infinity), Number(other ?? -Infinity)]
  return left === right ? 0 : left < right ? -1 : 1
}

function lastOf({ fieldConfig }: Panel, frame: Frame, field: Field, { now }: Shot): NamedValue {
  const look = lookOf(fieldConfig, field, frame)
  const last = field.values.findLast((value) => value !== undefined && !Number.isNaN(value))
  return {
    ...show(last, field, look, now),
    name: look.displayName ?? nameOf(field),
    refId: frame.refId,
    labels: field.labels ?? {},
    look,
  }
}

function lineOf({ fieldConfig }: Panel, frame: Frame, field: Field, { now, stepMs }: Shot): NamedSeries {
  const look = lookOf(fieldConfig, field, frame)
  const times = frame.fields.find(({ name }) => name === TIME)!.values as readonly number[]
  const points = times.flatMap((time, at): (readonly [number, number | undefined])[] => {
    const before = times[at - 1]
    const gap = stepMs !== undefined && before !== undefined && time - before > stepMs
    const point = [time, field.values[at] as number] as const
    return gap ? [[before + stepMs, undefined], point] : [point]
  })
  return {
    name: look.displayName ?? nameOf(field),
    refId: frame.refId,
    labels: field.labels ?? {},
    look,
    times: points.map(([time]) => time),
    values: points.map(([, value]) => value),
    show: (value) => show(value, field, look, now),
  }
}
