import type { Dashboard, Panel, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Answers, type Frame, framesOf } from '../../../dashboards/model/frames.ts'
import { nameOf } from '../../../dashboards/model/looks.ts'
import { panelData, type TableData } from '../../../dashboards/model/panel-data.ts'
import { type Organization, transform } from '../../../dashboards/model/transform.ts'
import { panelsOf, textsOf } from './boards.ts'
import type { BoardRule } from './finding.ts'
import { parses } from './read.ts'
import { labelsOfResult } from './series.ts'
import {
  allValues,
  answersFor,
  closedValues,
  FOLLOWS,
  NOTHING,
  NOW_MS,
  ONE_AT_A_TIME,
  queriesOf,
} from './synthetic.ts'

/** A column or a series that an override, a link or an order speaks of is there: judged by the model of Grafana. */
export const TABLE_RULES: readonly BoardRule[] = [
  panelRule('one-table', (panel) => {
    if (panel.type !== 'table') return []
    const count = framesIn(panel).length
    return count === 1 ? [] : [`${count} tables, of which one is shown`]
  }),
  panelRule('organized-columns', (panel) => {
    if (panel.type !== 'table') return []
    const { excludeByName = {}, indexByName = {}, renameByName = {} } = organizationOf(panel)
    const names = namesIn(mergedOf(panel))
    const placed = new Set([...Object.keys(excludeByName), ...Object.keys(indexByName)])
    return [
      ...[...placed, ...Object.keys(renameByName)]
        .filter((name) => !names.has(name))
        .map((name) => `no column ${name}`),
      ...[...names].filter((name) => !placed.has(name)).map((name) => `${name} has no place`),
      ...(tableOf(panel)?.columns ?? [])
        .filter(({ look, isHidden }) => !isHidden && !look.displayName)
        .map(({ name }) => `${name} has no title`),
    ]
  }),
  panelRule('overridden-fields', (panel) =>
    (panel.fieldConfig?.overrides ?? []).flatMap(({ matcher: { id, options } }) => {
      const frames = framesIn(panel)
      const pattern = id === 'byRegexp' ? new RegExp(String(options).replace(/^\/|\/$/g, '')) : undefined
      const fits =
        id === 'byFrameRefID'
          ? frames.some(({ refId }) => refId === options)
          : [...namesIn(frames)].some((name) => pattern?.test(name) ?? name === options)
      return fits ? [] : [`an override of nothing: ${options}`]
    }),
  ),
  panelRule('sorted-column', (panel) => {
    const { sortBy = [] } = panel.options as { sortBy?: { displayName: string }[] }
    const titles = tableOf(panel)?.columns.flatMap(({ title, isHidden }) => (isHidden ? [] : [title]))
    if (titles === undefined) return []
    return [
      ...sortBy.flatMap(({ displayName }) => (titles.includes(displayName) ? [] : [`by ${displayName}`])),
      ...(sortBy.length === 0 ? ['by nothing'] : []),
      ...titles.filter((title, at) => titles.indexOf(title) !== at).map((title) => `two columns ${title}`),
    ]
  }),
  panelRule('linked-fields', (panel) => {
    const named = (pattern: RegExp): string[] => [
      ...new Set(
        textsOf(panel.fieldConfig).flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name!)),
      ),
    ]
    const fields = named(/\$\{__data\.fields\.([^}:]+)/g)
    const labels = named(/\$\{__field\.labels\.([^}:]+)/g)
    const columns = new Set(tableOf(panel)?.columns.map(({ name }) => name))
    const sets = queriesOf(panel).flatMap(({ expr }) => (parses(expr) ? [labelsOfResult(expr).has] : []))
    return [
      ...fields.filter((name) => !columns.has(name)).map((name) => `no column ${name}`),
      ...labels
        .filter((name) => panel.type === 'table' || !sets.every((has) => has.has(name)))
        .map((name) => `no label ${name}`),
    ]
  }),
  panelRule('filled-rows', (panel) => {
    const table = tableOf(panel)
    if (table === undefined) return []
    const gaps = table.columns.flatMap(({ title }, at) =>
      table.rows.some((row) => row[at]!.value === undefined || row[at]!.value === '') ? [title] : [],
    )
    const numbers = mergedOf(panel).flatMap(({ fields }) => fields.filter(({ type }) => type === 'number'))
    const mixed = numbers.some(({ values }) => values.some((value, row) => value !== numbers[0]!.values[row]))
    const queries = queriesOf(panel)
    const lost = queries.flatMap(({ refId }) => {
      const rest = tableOf(panel, { ...answersFor(panel), [refId]: NOTHING })
      const rows = rest?.rows.length ?? 0
      return queries.length > 1 && rows !== table.rows.length
        ? [`${rows} rows when ${refId} finds nothing`]
        : []
    })
    return [
      ...unequal(queries.map(({ expr }) => expr)),
      ...gaps.map((title) => `rows are not merged: ${title}`),
      ...(mixed ? ['a row has values of several things'] : []),
      ...lost,
    ]
  }),
  panelRule('plain-cells', (panel) => {
    const table = tableOf(panel)
    return (table?.columns ?? []).flatMap(({ name, title, look }, at) => {
      const changed = table!.rows.find((row) => {
        const { value, text } = row[at]!
        return typeof value === 'string' && text !== value && look.mappings === undefined
      })
      return [
        ...(changed === undefined ? [] : [`${title}: ${changed[at]!.value} is written ${changed[at]!.text}`]),
        ...(name !== 'Time' && !look.custom['hidden'] && look.noValue === panel.fieldConfig?.defaults.noValue
          ? [`${title}: an empty cell says what an empty panel says`]
          : []),
      ]
    })
  }),
  panelRule('mapped-values', (panel) => [
    ...(panel.fieldConfig?.overrides ?? []).flatMap(({ matcher, properties }) =>
      properties.flatMap(({ id, value }) =>
        id === 'mappings' ? faultsOfMapping(panel, String(matcher.options), value as ValueMapping[]) : [],
      ),
    ),
    ...keysOf(panel.fieldConfig?.defaults.mappings ?? [])
      .filter((key) => Number.isNaN(Number(key)))
      .map((key) => `${key} is no number`),
  ]),
]

/** Values of which one is told for more than another: it would stand in several rows. */
function unequal(expressions: readonly string[]): string[] {
  const keys = expressions
    .filter((expr) => parses(expr) && !ONE_AT_A_TIME.test(expr))
    .map((expr) =>
      [...labelsOfResult(expr).has]
        .filter((label) => FOLLOWS[label] === undefined)
        .sort()
        .join(),
    )
  return [...new Set(keys)].slice(1).map((key) => `${key} beside ${keys[0]}`)
}

/** Every value of a closed list has its word and colour, and no other. */
function faultsOfMapping(panel: Panel, column: string, mappings: readonly ValueMapping[]): string[] {
  const expressions = queriesOf(panel).flatMap(({ expr }) =>
    parses(expr) && labelsOfResult(expr).has.has(column) ? [expr] : [],
  )
  const keys = keysOf(mappings)
  const all = expressions.flatMap((expr) => allValues(expr, column))
  const asked = expressions.flatMap((expr) => closedValues(expr, column) ?? [])
  return [
    ...keys
      .filter((key) => !all.includes(key) && (all.length > 0 || Number.isNaN(Number(key))))
      .map((key) => `${column} is never ${key}`),
    ...asked.filter((value) => !keys.includes(value)).map((value) => `${column} ${value} has no colour`),
  ]
}

function keysOf(mappings: readonly ValueMapping[]): string[] {
  return mappings.flatMap((mapping) => (mapping.type === 'value' ? Object.keys(mapping.options) : []))
}

function organizationOf({ transformations }: Panel): Partial<Organization> {
  return (transformations ?? []).find(({ id }) => id === 'organize')?.options ?? {}
}

/** As they are before columns are left out. */
function mergedOf(panel: Panel): Frame[] {
  const before = (panel.transformations ?? []).filter(({ id }) => id !== 'organize')
  return transform(framesOf(queriesOf(panel), answersFor(panel)), before)
}

function framesIn(panel: Panel, answers: Answers = answersFor(panel)): Frame[] {
  return transform(framesOf(queriesOf(panel), answers), panel.transformations ?? [])
}

function namesIn(frames: readonly Frame[]): ReadonlySet<string> {
  return new Set(frames.flatMap(({ fields }) => fields.flatMap((field) => [field.name, nameOf(field)])))
}

function tableOf(panel: Panel, answers: Answers = answersFor(panel)): TableData | undefined {
  if (panel.type !== 'table') return undefined
  const data = panelData(panel, answers, { now: NOW_MS })
  return data.kind === 'table' ? data : undefined
}

function panelRule(name: string, faults: (panel: Panel) => string[]): BoardRule {
  const check = (board: Dashboard): string[] =>
    panelsOf(board).flatMap((panel) => faults(panel).map((fault) => `${panel.title}: ${fault}`))
  return { name, check }
}
