import { parseDuration } from '../../src/platform/duration.ts'
import { type BinaryExpr, type Expr, parsePromql, type SelectorExpr, selectorsIn, walk } from './promql.ts'
import type { AlertRule, RecordingRule } from './rule-files.ts'
import { COMPARISONS, isMatched, type Labels, resultLabels, SET_OPERATORS, TARGET } from './rule-labels.ts'
import { type RuleWorld, valuesOf } from './rule-world.ts'

/** What is wrong with a rule, in one line each. */
type Check<Rule> = (rule: Rule, world: RuleWorld) => readonly string[]

export interface AlertOfRoom extends AlertRule {
  readonly room: string
}

/** A range needs two samples although scrapes are lost, 15 s apart. */
const SHORTEST_RANGE_MS = 60_000
const SHORTEST_FOR_MS = 30_000
const GROWTH = ['rate', 'increase']
/** All of them are in Prometheus 2.42. */
const FUNCTIONS = [
  'absent',
  'changes',
  'histogram_quantile',
  'increase',
  'last_over_time',
  'predict_linear',
  'rate',
  'time',
  'vector',
]
/** An alert that they choose for flaps whenever the order changes. */
const FLAPPING = ['topk', 'bottomk', 'limitk', 'limit_ratio', 'quantile']

/** What holds for every expression. The names are those of pint's checks where it has them. */
export const EXPRESSION_CHECKS: Readonly<Record<string, Check<{ readonly expr: string }>>> = {
  series: ({ expr }, { metrics }) =>
    selectorsIn(parsePromql(expr)).flatMap(({ metric, matchers }) => {
      const known = metrics.get(metric)
      if (known === undefined) return [`there is no ${metric}`]
      const labels = [...TARGET, ...known.labels]
      return matchers.flatMap(({ label, operator, value }) => {
        if (!labels.includes(label)) return [`${metric} has no ${label}`]
        const values = operator.includes('~') ? value.split('|') : [value]
        const allowed = valuesOf(metric, label) ?? values
        return values
          .filter((one) => !allowed.includes(one))
          .map((one) => `${metric} is never ${label}="${one}"`)
      })
    }),

  selector: ({ expr }, { metrics }) =>
    selectorsIn(parsePromql(expr)).flatMap(({ metric, matchers: [first] }) => {
      const job = metrics.get(metric)?.job
      const isJob = first?.label === 'job' && first.operator === '=' && first.value === job
      return job === undefined || isJob ? [] : [`${metric} does not begin with job="${job}"`]
    }),

  counter: ({ expr }, { metrics }) =>
    [...walk(parsePromql(expr))].flatMap(([one, above]) => {
      if (one.kind !== 'selector') return []
      const caller = above.at(-1)
      const isGrowth = caller?.kind === 'call' && GROWTH.includes(caller.name)
      const isCounter = metrics.get(one.metric)?.type === 'counter'
      if (isGrowth === isCounter) return []
      return [isCounter ? `${one.metric} counts, and is read as it is` : `${one.metric} does not count`]
    }),

  rate: ({ expr }) =>
    selectorsIn(parsePromql(expr)).flatMap(({ metric, range }) =>
      range === undefined || (parseDuration(range) ?? 0) >= SHORTEST_RANGE_MS
        ? []
        : [`${range} of ${metric} may hold less than two samples`],
    ),

  features: ({ expr }) =>
    [...walk(parsePromql(expr))].flatMap(([one]) => {
      if (one.kind === 'subquery') return ['a subquery']
      return one.kind === 'call' && !FUNCTIONS.includes(one.name) ? [one.name] : []
    }),

  regexp: ({ expr }) =>
    selectorsIn(parsePromql(expr)).flatMap(({ metric, matchers }) =>
      matchers.flatMap(({ label, operator, value }) => {
        if (!operator.includes('~')) return []
        if (!/[.*+?|()[\]{}\\]/.test(value)) return [`${metric}{${label}} needs no pattern`]
        if (/^\^|\$$/.test(value)) return [`${metric}{${label}} is anchored as it is`]
        return /^\.[*+]$/.test(value) ? [`${metric}{${label}} is matched by everything`] : []
      }),
    ),

  nan: ({ expr }) =>
    [...walk(parsePromql(expr))].flatMap(([one, above]) =>
      one.kind === 'binary' && one.operator === '/' && above.some(({ kind }) => kind === 'aggregate')
        ? ['a division by zero spoils the whole aggregation']
        : [],
    ),

  /** Two targets may have an agent of the same id. */
  aggregate: ({ expr }) =>
    [...walk(parsePromql(expr))].flatMap(([one]) => {
      if (one.kind === 'aggregate') {
        const { keyword = 'by', labels = [] } = one.grouping ?? {}
        const isOfAll = selectorsIn(one).every(({ metric }) => metric === 'ALERTS')
        const lost = TARGET.filter((label) => labels.includes(label) === (keyword === 'without'))
        return lost.length > 0 && !isOfAll ? [`${one.operator} mixes ${lost.join(' and ')}`] : []
      }
      if (one.kind !== 'binary' || one.matching === undefined) return []
      const lost = TARGET.filter((label) => !isMatched(label, one.matching))
      return lost.length > 0 ? [`${one.operator} compares across ${lost.join(' and ')}`] : []
    }),

  impossible: ({ expr }, world) =>
    [...walk(parsePromql(expr))].flatMap(([one]) => {
      if (one.kind === 'selector') return contradictions(one)
      if (one.kind === 'aggregate') {
        const [argument] = one.args.filter(({ kind }) => kind !== 'number' && kind !== 'string')
        const has = argument && labelsOf(argument, world).has
        return missing(one.grouping?.labels ?? [], has, one.operator)
      }
      return one.kind === 'binary' ? impossibleOperator(one, world) : []
    }),

  vector_matching: ({ expr }, world) =>
    [...walk(parsePromql(expr))].flatMap(([one]) => (one.kind === 'binary' ? mismatches(one, world) : [])),
}

/** What holds for every alert. */
export const ALERT_CHECKS: Readonly<Record<string, Check<AlertOfRoom>>> = {
  name: ({ alert }) => (/^Agent[A-Z]\w+$/.test(alert) ? [] : [`${alert} does not begin with Agent`]),

  comparison: ({ expr, annotations }) =>
    annotations['class'] === 'always' || filters(parsePromql(expr)) ? [] : ['fires for whatever there is'],

  for: (rule) =>
    (['for', 'keep_firing_for'] as const).flatMap((field) => {
      const time = rule[field]
      return time === undefined || (parseDuration(time) ?? 0) >= SHORTEST_FOR_MS
        ? []
        : [`${field} is shorter than two scrapes: ${time}`]
    }),

  label: ({ labels, room }) => [
    ...(['critical', 'warning', 'info', 'none'].includes(labels['severity'] ?? '') ? [] : ['severity']),
    ...(labels['room'] === room ? [] : ['room']),
    ...Object.keys(labels).filter((name) => !['severity', 'room'].includes(name)),
  ],

  annotation: ({ annotations }) => [
    ...Object.entries(ANNOTATIONS).flatMap(([name, pattern]) =>
      pattern.test(annotations[name] ?? '') ? [] : [name],
    ),
    ...Object.keys(annotations).filter((name) => ANNOTATIONS[name] === undefined),
  ],

  link: ({ alert, annotations }, { runbooks }) => {
    const anchor = /^docs\/runbooks\.md#(\w+)$/.exec(annotations['runbook_url'] ?? '')?.[1]
    const variables = (annotations['dashboard_url'] ?? '').split('?')[1]?.split('&') ?? []
    return [
      ...(anchor === alert.toLowerCase() ? [] : ['the runbook of another alert']),
      ...(runbooks.has(anchor ?? '') ? [] : [`no section ${anchor} in the runbooks`]),
      ...variables.filter((one) => !/^var-(\w+)=\{\{ \$labels\.\1 \| urlquery \}\}$/.test(one)),
    ]
  },

  /** A label that the expression drops is printed as nothing. */
  template: ({ expr, labels, annotations }, world) => {
    const { has } = labelsOf(parsePromql(expr), world)
    const used = Object.values(annotations).flatMap((text) => text.match(/(?<=\$labels\.)\w+/g) ?? [])
    return [
      ...[...new Set(used)].filter((label) => !has.has(label)).map((label) => `no label ${label}`),
      ...Object.entries(labels).flatMap(([name, text]) => (text.includes('{{') ? [`${name} changes`] : [])),
      ...(annotations['summary']?.includes('$value') ? ['the summary changes with the value'] : []),
    ]
  },

  fragile: (rule) =>
    [...walk(parsePromql(rule.expr))].flatMap(([one]) => {
      if (one.kind === 'aggregate' && FLAPPING.includes(one.operator)) return [`${one.operator} flaps`]
      const isRatio = one.kind === 'binary' && one.operator === '/' && one.right.kind !== 'number'
      return isRatio && rule.for === undefined ? ['a ratio without for'] : []
    }),
}

const ANNOTATIONS: Readonly<Record<string, RegExp>> = {
  class: /^(level|event|absence|always)$/,
  summary: /^\S.*[^.\s]$/,
  description: /\S[.}\w]$/,
  runbook_url: /\S/,
  dashboard_url: /^http:\/\/localhost:3000\/d\/agent-exporter-(agent|fleet)(\?|$)/,
}

/** Rules that say the same, or are called the same. */
export function duplicates(rules: readonly (AlertRule | RecordingRule)[]): readonly string[] {
  const seen = new Map<string, string>()
  return rules.flatMap((rule) => {
    const name = 'alert' in rule ? rule.alert : rule.record
    return [`the name ${name}`, rule.expr.replace(/\s+/g, '')].flatMap((key) => {
      const other = seen.get(key)
      seen.set(key, name)
      return other === undefined ? [] : [`${name} repeats ${other}`]
    })
  })
}

function labelsOf(expr: Expr, { metrics }: RuleWorld): Labels {
  return resultLabels(expr, (metric) => metrics.get(metric)?.labels ?? [])
}

/** Whether there are values for which nothing is left. */
function filters(expr: Expr): boolean {
  switch (expr.kind) {
    case 'binary':
      if (COMPARISONS.includes(expr.operator)) return !expr.isBool
      if (expr.operator === 'or') return filters(expr.left) && filters(expr.right)
      return expr.operator === 'unless' || filters(expr.left) || filters(expr.right)
    case 'call':
      return expr.name === 'absent' || expr.args.some(filters)
    case 'aggregate':
      return expr.args.some(filters)
    case 'subquery':
    case 'negated':
      return filters(expr.of)
    default:
      return false
  }
}

function contradictions({ metric, matchers }: SelectorExpr): string[] {
  return matchers.flatMap(({ label, operator, value }) =>
    operator === '=' &&
    matchers.some((other) => other.label === label && !matches(other.operator, other.value, value))
      ? [`${metric} cannot be ${label}="${value}" and something else`]
      : [],
  )
}

function matches(operator: string, value: string, given: string): boolean {
  const isEqual = operator.includes('~') ? new RegExp(`^(?:${value})$`).test(given) : value === given
  return isEqual !== operator.startsWith('!')
}

function missing(labels: readonly string[], has: ReadonlySet<string> | undefined, what: string): string[] {
  return labels.filter((label) => has?.has(label) === false).map((label) => `${what}: there is no ${label}`)
}

function impossibleOperator(one: BinaryExpr, world: RuleWorld): string[] {
  const { operator, matching, left, right } = one
  if (isConstant(left) && isConstant(right) && COMPARISONS.includes(operator)) {
    return ['two numbers are compared']
  }
  if (isGrowth(left) && right.kind === 'number' && right.value === 0 && ['>=', '<'].includes(operator)) {
    return [`growth is always ${operator === '<' ? 'not ' : ''}at least 0`]
  }
  const [l, r] = [labelsOf(left, world), labelsOf(right, world)]
  if (l.isScalar || r.isScalar) return isEmptyRange(one) ? ['no number is in that range'] : []
  const few = matching?.group === 'right' ? l : r
  const clashing = [...l.pinned].filter(
    ([label, value]) => isMatched(label, matching) && (r.pinned.get(label) ?? value) !== value,
  )
  const labels = matching?.labels ?? []
  return [
    ...(matching?.keyword === 'on'
      ? [...missing(labels, l.has, `left of ${operator}`), ...missing(labels, r.has, `right of ${operator}`)]
      : missing(labels, new Set([...l.has, ...r.has]), `both sides of ${operator}`)),
    ...missing(matching?.include ?? [], few.has, `the one side of ${operator}`),
    ...(operator === 'or' ? [] : clashing.map(([label]) => `the sides of ${operator} differ in ${label}`)),
  ]
}

function isConstant(expr: Expr): boolean {
  return expr.kind === 'number' || (expr.kind === 'call' && expr.name === 'vector')
}

function isGrowth(expr: Expr): boolean {
  if (expr.kind === 'aggregate') return expr.args.some(isGrowth)
  return expr.kind === 'call' && GROWTH.includes(expr.name)
}

/** `x > 5 < 3`. */
function isEmptyRange({ operator, left, right }: BinaryExpr): boolean {
  if (left.kind !== 'binary' || left.right.kind !== 'number' || right.kind !== 'number') return false
  const inner = left.right.value
  if (left.operator.startsWith('>') && operator.startsWith('<')) return right.value <= inner
  return left.operator.startsWith('<') && operator.startsWith('>') && right.value >= inner
}

/** Series that find no partner, or several where one is expected: Prometheus then gives nothing, or an error. */
function mismatches(one: BinaryExpr, world: RuleWorld): string[] {
  const { operator, matching } = one
  const [left, right] = [labelsOf(one.left, world), labelsOf(one.right, world)]
  if (left.isScalar || right.isScalar) return []
  const all = [...new Set([...left.has, ...right.has])]
  const alone = all.filter(
    (label) => isMatched(label, matching) && left.has.has(label) !== right.has.has(label),
  )
  const findings =
    matching?.keyword === 'on' ? [] : alone.map((label) => `only one side of ${operator} has ${label}`)
  if (SET_OPERATORS.includes(operator)) return findings
  const several = (side: Labels, name: string): string[] =>
    [...side.has]
      .filter((label) => !isMatched(label, matching) && !side.pinned.has(label))
      .map((label) => `${name} of ${operator} there is one for each ${label}`)
  return [
    ...findings,
    ...(matching?.group === 'left' ? [] : several(left, 'left')),
    ...(matching?.group === 'right' ? [] : several(right, 'right')),
  ]
}
