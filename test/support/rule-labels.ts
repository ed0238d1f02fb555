import type { BinaryExpr, Expr } from './promql.ts'

/** Labels that the series of an expression have. */
export interface Labels {
  readonly has: ReadonlySet<string>
  /** Of those, the ones that all series have with the same value, by that value. */
  readonly pinned: ReadonlyMap<string, string>
  readonly isScalar: boolean
}

/** Labels of a metric without those of its target. */
export type LabelsOfMetric = (metric: string) => readonly string[]

/** What every scrape puts on every series. */
export const TARGET = ['job', 'instance'] as const
export const SET_OPERATORS: readonly string[] = ['and', 'or', 'unless']
export const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>=']
/** They pass series on instead of making new ones. */
const CHOOSING: readonly string[] = ['topk', 'bottomk', 'limitk', 'limit_ratio']

const SCALAR: Labels = { has: new Set(), pinned: new Map(), isScalar: true }

/**
 * The labels that an expression leaves on its result.
 * @see https://prometheus.io/docs/prometheus/2.42/querying/operators/#vector-matching
 */
export function resultLabels(expr: Expr, labelsOf: LabelsOfMetric): Labels {
  const of = (one: Expr): Labels => resultLabels(one, labelsOf)
  switch (expr.kind) {
    case 'number':
    case 'string':
      return SCALAR
    case 'selector':
      return {
        has: new Set([...TARGET, ...labelsOf(expr.metric)]),
        pinned: new Map(
          expr.matchers.flatMap(({ label, operator, value }) =>
            operator === '=' ? [[label, value] as const] : [],
          ),
        ),
        isScalar: false,
      }
    case 'subquery':
    case 'negated':
      return of(expr.of)
    case 'call': {
      if (expr.name === 'time') return SCALAR
      if (expr.name === 'vector') return { ...SCALAR, isScalar: false }
      const argument = expr.args.map(of).find(({ isScalar }) => !isScalar) ?? SCALAR
      if (expr.name === 'absent') return { ...argument, has: new Set(argument.pinned.keys()) }
      return expr.name === 'histogram_quantile' ? keep(argument, (label) => label !== 'le') : argument
    }
    case 'aggregate': {
      const argument = expr.args.map(of).find(({ isScalar }) => !isScalar) ?? SCALAR
      if (CHOOSING.includes(expr.operator)) return argument
      const { keyword = 'by', labels = [] } = expr.grouping ?? {}
      return keep(argument, (label) => labels.includes(label) === (keyword === 'by'))
    }
    case 'binary':
      return ofBinary(expr, of(expr.left), of(expr.right))
  }
}

function ofBinary({ operator, matching }: BinaryExpr, left: Labels, right: Labels): Labels {
  if (left.isScalar) return right
  if (right.isScalar || operator === 'and' || operator === 'unless') return left
  if (operator === 'or') {
    return {
      has: new Set([...left.has, ...right.has]),
      pinned: new Map([...left.pinned].filter(([label, value]) => right.pinned.get(label) === value)),
      isScalar: false,
    }
  }
  const many = matching?.group === 'right' ? right : left
  if (matching?.group !== undefined) return { ...many, has: new Set([...many.has, ...matching.include]) }
  return keep(many, (label) => isMatched(label, matching))
}

/** Whether both sides must agree on it. */
export function isMatched(label: string, matching: BinaryExpr['matching']): boolean {
  return matching === undefined || matching.labels.includes(label) === (matching.keyword === 'on')
}

function keep(labels: Labels, stays: (label: string) => boolean): Labels {
  return {
    has: new Set([...labels.has].filter(stays)),
    pinned: new Map([...labels.pinned].filter(([label]) => stays(label))),
    isScalar: false,
  }
}
