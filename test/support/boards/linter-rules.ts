import type { Dashboard, Panel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { panelsOf, type Target, targetsOf } from './boards.ts'
import type { BoardRule } from './finding.ts'
import { parses, RATE_INTERVAL, selectorsOf } from './read.ts'
import { isUnit } from './units.ts'

const DESCRIBED = ['stat', 'singlestat', 'graph', 'table', 'timeseries', 'gauge']
const ON_DATASOURCE = ['singlestat', 'graph', 'table', 'timeseries']
const QUERIED = ['stat', 'gauge', 'singlestat', 'table', 'timeseries', 'state-timeline']
const FUNCTIONS = ['label_names', 'label_values', 'metrics', 'query_result']

/** The rules of grafana/dashboard-linter for classic boards, by their names there. PromQL itself is left to promtool. */
export const LINTER_RULES: readonly BoardRule[] = [
  boardRule('template-datasource-rule', (board) => {
    const sources = variables(board).filter(({ type }) => type === 'datasource')
    if (sources.length === 0) return ['no variable for the data source']
    return sources.flatMap(({ name, query, label }) => [
      ...(sources.length > 1 || name === 'datasource' || name === `${query}_datasource`
        ? []
        : [`${name}: name`]),
      ...(/^(Data source|Prometheus data source)$/.test(label ?? '') ? [] : [`${name}: label ${label}`]),
    ])
  }),
  boardRule('template-job-rule', (board) => targetVariable(board, 'job', 'Job')),
  boardRule('template-instance-rule', (board) => targetVariable(board, 'instance', 'Instance')),
  boardRule('template-label-promql-rule', (board) =>
    queryVariables(board).flatMap((variable) => {
      const [, name, argument] = /^([a-z_]+)\((.+)\)$/.exec(queryOf(variable)) ?? []
      if (!FUNCTIONS.includes(name ?? '')) return [`${variable.name}: ${queryOf(variable)}`]
      return parses(argument!.replace(/,\s*\w+$/, '')) ? [] : [`${variable.name}: ${argument}`]
    }),
  ),
  boardRule('template-on-time-change-reload-rule', (board) =>
    queryVariables(board).flatMap(({ name, refresh }) => (refresh === 2 ? [] : [name])),
  ),
  panelRule('panel-datasource-rule', ON_DATASOURCE, ({ datasource }, board) => {
    const sources = variables(board).filter(({ type }) => type === 'datasource')
    return sources.some(({ name }) => refersTo(datasource?.uid, name))
  }),
  panelRule('panel-title-description-rule', DESCRIBED, ({ title, description }) =>
    Boolean(title && description),
  ),
  panelRule('panel-units-rule', DESCRIBED, ({ fieldConfig, type, options }) => {
    const mapped = (fieldConfig?.defaults.mappings ?? []).length > 0
    const ofText =
      type === 'stat' && Boolean((options as { reduceOptions?: { fields?: string } }).reduceOptions?.fields)
    const units = [
      fieldConfig?.defaults.unit,
      ...(fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
        properties.flatMap(({ id, value }) => (id === 'unit' ? [value as string] : [])),
      ),
    ].filter((unit) => unit !== undefined)
    return mapped || ofText || (units.length > 0 && units.every(isUnit))
  }),
  panelRule('panel-no-targets-rule', DESCRIBED, ({ targets }) => (targets ?? []).length > 0),
  targetRule('target-promql-rule', ({ expr }) => (parses(expr) ? [] : [expr])),
  targetRule('target-rate-interval-rule', ({ expr }) =>
    selectorsOf(expr).flatMap(({ metric, range, caller }) => {
      if (caller === 'rate' || caller === 'irate') return range === RATE_INTERVAL ? [] : [metric]
      return range === RATE_INTERVAL && caller === undefined ? [metric] : []
    }),
  ),
  targetRule('target-job-rule', (target) => matcherOf(target, 'job')),
  targetRule('target-instance-rule', (target) => matcherOf(target, 'instance')),
  targetRule('target-counter-agg-rule', ({ expr }) =>
    selectorsOf(expr).flatMap(({ metric, caller, range }) =>
      !metric.endsWith('_total') || (range && ['rate', 'irate', 'increase'].includes(caller ?? ''))
        ? []
        : [metric],
    ),
  ),
  targetRule('target-logql-rule', ({ datasource }) =>
    datasource?.type === 'loki' ? ['nothing here parses LogQL'] : [],
  ),
  targetRule('target-logql-auto-rule', ({ datasource, expr }) =>
    datasource?.type === 'loki' && !expr.includes('$__auto') ? [expr] : [],
  ),
  boardRule('uneditable-dashboard', ({ editable }) => (editable === false ? [] : ['editable'])),
]

function variables(board: Dashboard): VariableModel[] {
  return board.templating.list ?? []
}

function queryVariables(board: Dashboard): VariableModel[] {
  return variables(board).filter(({ type }) => type === 'query')
}

export function queryOf({ query }: VariableModel): string {
  return typeof query === 'string' ? query : String(query?.['query'])
}

function targetVariable(board: Dashboard, name: string, label: string): string[] {
  const variable = variables(board).find((one) => one.name === name)
  if (variable === undefined) return [`no variable ${name}`]
  const right =
    variable.type === 'query' &&
    ['datasource', 'prometheus_datasource'].some((source) => refersTo(variable.datasource?.uid, source)) &&
    variable.label === label &&
    variable.multi === true &&
    variable.allValue === '.+'
  return right ? [] : [name]
}

function refersTo(uid: string | undefined, name: string): boolean {
  return uid === `$${name}` || uid === `\${${name}}`
}

function matcherOf({ expr }: Target, label: string): string[] {
  return selectorsOf(expr).flatMap(({ metric, matchers }) =>
    matchers.some((one) => one.label === label && one.operator === '=~' && one.value === `$${label}`)
      ? []
      : [metric],
  )
}

function boardRule(name: string, check: (board: Dashboard) => string[]): BoardRule {
  return { name, check }
}

function panelRule(
  name: string,
  types: readonly string[],
  isRight: (panel: Panel, board: Dashboard) => boolean,
): BoardRule {
  const check = (board: Dashboard): string[] =>
    panelsOf(board).flatMap((panel) =>
      !types.includes(panel.type) || isRight(panel, board) ? [] : [panel.title ?? 'no title'],
    )
  return { name, check }
}

function targetRule(name: string, faults: (target: Target) => string[]): BoardRule {
  const check = (board: Dashboard): string[] =>
    targetsOf(board).flatMap((target) =>
      QUERIED.includes(target.panel.type) || target.panel.type === 'bargauge'
        ? faults(target).map((fault) => `${target.where}: ${fault}`)
        : [],
    )
  return { name, check }
}
