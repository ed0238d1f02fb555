import {
  BarGaugeDisplayMode,
  BarGaugeValueMode,
  TableCellDisplayMode,
  TableCellHeight,
} from '@grafana/grafana-foundation-sdk/common'
import type { DynamicConfigValue, ThresholdsConfig } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/table'
import { type Colour, inColours } from '../colours.ts'
import type { DataLink } from '../links.ts'
import type { Label } from '../promql.ts'
import { describe, format, made, type PanelPlan, type PanelText, plan, type ValueFormat } from './panel.ts'
import { refIdOf, tabular } from './target.ts'

/** A column made of a label. */
export interface LabelColumn {
  readonly label: Label
  readonly title: string
  /** In pixels. Without it no column is narrower than 150, and what has no room must be scrolled to. */
  readonly width?: number
  readonly colours?: Readonly<Record<string, Colour>>
  readonly links?: readonly DataLink[]
}

/** A column made of the value of a query. */
export interface ValueColumn {
  readonly expr: string
  readonly title: string
  readonly unit: string
  readonly decimals?: number
  readonly width?: number
  readonly thresholds?: ThresholdsConfig
  /** A bar up to this value. */
  readonly barTo?: number
}

export interface TableSpec extends PanelText, Pick<ValueFormat, 'noValue'> {
  /**
   * Queries that only bring labels, before the values. All queries must have the labels `keys` in common and each
   * other label at most once: rows are merged by what all have.
   */
  readonly facts?: readonly string[]
  readonly labels: readonly LabelColumn[]
  readonly values: readonly ValueColumn[]
  /** Labels that links need and people do not. */
  readonly hidden?: readonly Label[]
  /** The title of the column to sort by; largest first. */
  readonly sortBy: string
  /** The title of one that is more important, from A to Z: `critical` before `warning`. */
  readonly sortFirstBy?: string
  /** A funnel beside every title, which needs room. */
  readonly filterable?: true
}

/** A row for each thing, its labels and some of its values. */
export function table(spec: TableSpec): PanelPlan {
  const facts = spec.facts ?? []
  const queries = [...facts, ...spec.values.map(({ expr }) => expr)]
  const valueName = (index: number): string => (queries.length === 1 ? 'Value' : `Value #${refIdOf(index)}`)
  const valueNames = spec.values.map((_, index) => valueName(facts.length + index))
  const shown = [...spec.labels.map(({ label }) => label), ...valueNames, ...(spec.hidden ?? [])]
  const excluded = ['Time', ...facts.map((_, index) => valueName(index))]

  const builder = format(describe(new PanelBuilder(), spec), { unit: 'none', noValue: spec.noValue })
    .targets(queries.map((expr, index) => tabular(expr, index)))
    .transformations([
      ...(queries.length > 1 ? [{ id: 'merge', options: {} }] : []),
      {
        id: 'organize',
        options: {
          excludeByName: Object.fromEntries(excluded.map((name) => [name, true])),
          indexByName: Object.fromEntries(shown.map((name, index) => [name, index])),
          renameByName: {},
        },
      },
    ])
    .cellHeight(TableCellHeight.Sm)
    .sortBy([
      ...(spec.sortFirstBy === undefined ? [] : [made({ displayName: spec.sortFirstBy, desc: false })]),
      made({ displayName: spec.sortBy, desc: true }),
    ])
    .filterable(spec.filterable === true)
    .footer(made({ show: false, reducer: [], enablePagination: true }))
  for (const column of spec.labels) builder.overrideByName(column.label, labelLook(column))
  spec.values.forEach((column, index) => {
    builder.overrideByName(valueNames[index]!, valueLook(column))
  })
  for (const label of spec.hidden ?? []) {
    builder.overrideByName(label, [AS_TEXT, { id: 'custom.hidden', value: true }])
  }
  return plan(spec, builder, undefined)
}

/** Without it the agent `007` is called 7, and links carry what is shown. */
const AS_TEXT: DynamicConfigValue = { id: 'unit', value: 'string' }
/** Without it an empty cell says what the whole panel says when it is empty. */
const EMPTY: DynamicConfigValue = { id: 'noValue', value: '–' }

function labelLook({ title, width, colours, links }: LabelColumn): DynamicConfigValue[] {
  return [
    { id: 'displayName', value: title },
    AS_TEXT,
    EMPTY,
    ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
    ...(links === undefined ? [] : [{ id: 'links', value: links }]),
    ...(colours === undefined
      ? []
      : [
          { id: 'mappings', value: inColours(colours) },
          { id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText } },
        ]),
  ]
}

function valueLook({ title, unit, decimals, width, thresholds, barTo }: ValueColumn): DynamicConfigValue[] {
  const bar = {
    type: TableCellDisplayMode.Gauge,
    mode: BarGaugeDisplayMode.Basic,
    valueDisplayMode: BarGaugeValueMode.Text,
  }
  return [
    { id: 'displayName', value: title },
    { id: 'unit', value: unit },
    EMPTY,
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
    ...(width === undefined ? [] : [{ id: 'custom.width', value: width }]),
    ...(thresholds === undefined ? [] : [{ id: 'thresholds', value: thresholds }]),
    ...(barTo === undefined
      ? []
      : [
          { id: 'min', value: 0 },
          { id: 'max', value: barTo },
          { id: 'custom.cellOptions', value: bar },
        ]),
    ...(thresholds === undefined || barTo !== undefined
      ? []
      : [{ id: 'custom.cellOptions', value: { type: TableCellDisplayMode.ColorText } }]),
  ]
}
