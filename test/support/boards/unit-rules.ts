import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Look, lookOf } from '../../../dashboards/model/looks.ts'
import type { BinaryExpr, Expr } from '../promql.ts'
import { panelsOf } from './boards.ts'
import type { BoardRule } from './finding.ts'
import { parses, RANGE_SECONDS, treeOf } from './read.ts'
import { queriesOf } from './synthetic.ts'

/** What is measured, as powers of units: bytes per second are `{ B: 1, s: -1 }`, a share is `{}`, a count has `n`. */
type Measure = Readonly<Record<string, number>>

const SHARE: Measure = {}
const COUNT: Measure = { n: 1 }
const POINT: Measure = { point: 1 }
/** Of a metric whose unit is a label. */
const VARIOUS: Measure = { various: 1 }

const SUFFIXES: readonly (readonly [RegExp, Measure])[] = [
  [/^agent_budget_(used|limit)$/, VARIOUS],
  [/_timestamp_seconds$|^process_start_time_seconds$|^ALERTS_FOR_STATE$/, POINT],
  [/_bytes_per_second$/, { B: 1, s: -1 }],
  [/_bytes$/, { B: 1 }],
  [/_seconds$/, { s: 1 }],
  [/_ratio$/, SHARE],
  [/_usd$/, { usd: 1 }],
  [/_tokens(_consumed)?$/, { tok: 1 }],
  [/_cores$/, { core: 1 }],
]

/** By the measure as `textOf` writes it. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  B: ['bytes'],
  'B s-1': ['binBps'],
  s: ['s', 'dtdurations'],
  ms: ['dateTimeFromNow'],
  // Also seconds of work per second.
  '': ['percentunit', 'suffix:cores'],
  'core-1': ['percentunit'],
  core: ['suffix:cores', 'none', 'short'],
  usd: ['currencyUSD'],
  'n-1 usd': ['currencyUSD'],
  tok: ['short'],
  's-1 tok': ['suffix:tok/s'],
  n: ['none', 'short', 'bool_yes_no'],
  'n s-1': ['ops'],
  'core-1 n': ['none'],
}
/** Where values of several kinds are in one panel, the name says of what. */
const WORDS: Readonly<Record<string, RegExp>> = {
  s: /^seconds /,
  '': /^cores$/i,
  'n s-1': / per second/,
  usd: /dollars/,
}

/** The unit of each query is one of what it measures. */
export const UNIT_RULES: readonly BoardRule[] = [
  {
    name: 'units-of-queries',
    check: (board: Dashboard) =>
      panelsOf(board).flatMap((panel) =>
        queriesOf(panel).flatMap(({ refId, expr, legendFormat }) => {
          const { unit, displayName = legendFormat ?? '' } = (parses(expr) && lookAt(panel, refId)) || {}
          if (unit === undefined) return []
          const measured = textOf(measureOf(treeOf(expr)))
          const isSaid = ['none', 'short'].includes(unit) && WORDS[measured]?.test(displayName)
          const isRight = measured === 'various' || isSaid || UNITS[measured]?.includes(unit)
          return isRight ? [] : [`${panel.title} ${refId}: ${measured} in ${unit}`]
        }),
      ),
  },
]

/** undefined: the value is not shown, a word stands for it. */
function lookAt(panel: Panel, refId: string): Look | undefined {
  const { fieldConfig, transformations, options, type, targets } = panel
  const isTable = type === 'table'
  const name = isTable && (targets ?? []).length > 1 ? `Value #${refId}` : 'Value'
  const { excludeByName } = (transformations ?? []).find(({ id }) => id === 'organize')?.options ?? {}
  const isName = (options as { textMode?: string }).textMode === 'name'
  if (excludeByName?.[name] || isName || (fieldConfig?.defaults.mappings ?? []).length > 0) return undefined
  const frame = { refId: isTable ? undefined : refId, fields: [] }
  return lookOf(fieldConfig, { name, type: 'number', values: [] }, frame)
}

/** Lengths of time that money or tokens are counted per. */
const TIMES: readonly number[] = [60, 3_600, 86_400]

function measureOf(expr: Expr): Measure {
  switch (expr.kind) {
    case 'number':
      return TIMES.includes(expr.value) || expr.value === RANGE_SECONDS ? { s: 1 } : SHARE
    case 'string':
      return COUNT
    case 'selector':
      return measureOfMetric(expr.metric)
    case 'subquery':
    case 'negated':
      return measureOf(expr.of)
    case 'call': {
      if (expr.name === 'time') return POINT
      if (expr.name === 'changes') return COUNT
      const of = measureOf(expr.args.at(-1) ?? { kind: 'number', value: 0 })
      // The quantile of a rate is that of what was observed.
      if (expr.name === 'histogram_quantile') return product(of, { s: 1 }, 1)
      return expr.name === 'rate' ? product(of, { s: 1 }, -1) : of
    }
    case 'aggregate':
      return expr.operator === 'count' ? COUNT : measureOf(expr.args.at(-1)!)
    case 'binary':
      return ofBinary(expr)
  }
}

function ofBinary({ operator, isBool, left: one, right: other }: BinaryExpr): Measure {
  const [left, right] = [measureOf(one), measureOf(other)]
  const isScale = other.kind === 'number' && !('s' in right)
  switch (operator) {
    case '*':
      return left === POINT && isScale ? { ms: 1 } : product(left, right, 1)
    case '/':
      return product(left, right, -1)
    case '-':
    case '+':
      if (left === POINT && right === POINT) return { s: 1 }
      return isScale || textOf(left) === textOf(right) ? left : product(left, { mixed: 1 }, 1)
    default:
      return isBool ? COUNT : left
  }
}

function measureOfMetric(metric: string): Measure {
  if (metric.endsWith('_count')) return COUNT
  const base = metric.replace(/_(total|bucket|sum)$/, '')
  return SUFFIXES.find(([pattern]) => pattern.test(base))?.[1] ?? COUNT
}

function product(left: Measure, right: Measure, power: 1 | -1): Measure {
  const units = [...new Set([...Object.keys(left), ...Object.keys(right)])]
  const powers = units.map((unit) => [unit, (left[unit] ?? 0) + power * (right[unit] ?? 0)] as const)
  return Object.fromEntries(powers.filter(([, sum]) => sum !== 0))
}

function textOf(measure: Measure): string {
  return Object.entries(measure)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([unit, power]) => (power === 1 ? unit : `${unit}${power}`))
    .join(' ')
}
