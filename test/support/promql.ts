import { parser } from '@prometheus-io/lezer-promql'

type Node = NonNullable<ReturnType<typeof parser.parse>['topNode']['firstChild']>

export interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

export interface Grouping {
  readonly keyword: 'by' | 'without'
  readonly labels: readonly string[]
}

/** What a vector operator compares the two sides by. */
export interface Matching {
  readonly keyword: 'on' | 'ignoring'
  readonly labels: readonly string[]
  /** Which side may have several partners, and the labels it takes from the other. */
  readonly group: 'left' | 'right' | undefined
  readonly include: readonly string[]
}

export type Expr =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | SelectorExpr
  | { readonly kind: 'subquery'; readonly of: Expr; readonly range: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expr[] }
  | AggregateExpr
  | BinaryExpr
  | { readonly kind: 'negated'; readonly of: Expr }

export interface SelectorExpr {
  readonly kind: 'selector'
  readonly metric: string
  readonly matchers: readonly Matcher[]
  /** As written, undefined for an instant vector. */
  readonly range: string | undefined
}

export interface AggregateExpr {
  readonly kind: 'aggregate'
  readonly operator: string
  readonly grouping: Grouping | undefined
  readonly args: readonly Expr[]
}

export interface BinaryExpr {
  readonly kind: 'binary'
  readonly operator: string
  /** `bool` turns a filter into 0 and 1. */
  readonly isBool: boolean
  readonly matching: Matching | undefined
  readonly left: Expr
  readonly right: Expr
}

/**
 * The tree of an expression, by the grammar that Prometheus' own web interface uses.
 * @throws SyntaxError at the first place that is no PromQL, or that no shipped rule may use
 */
export function parsePromql(text: string): Expr {
  const { topNode } = parser.parse(text)
  topNode.cursor().iterate(({ type, from }) => {
    if (type.isError) throw new SyntaxError(`no PromQL at ${from}: ${text.slice(from, from + 20)}`)
  })
  const node = childrenOf(topNode).find(({ name }) => name !== 'LineComment')
  if (node === undefined) throw new SyntaxError('an empty expression')
  return exprOf(node, text)
}

/** The expression and everything below it, with the path of calls and operators that leads there. */
export function* walk(expr: Expr, above: readonly Expr[] = []): Generator<readonly [Expr, readonly Expr[]]> {
  yield [expr, above]
  for (const below of partsOf(expr)) yield* walk(below, [...above, expr])
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'call':
    case 'aggregate':
      return expr.args
    case 'binary':
      return [expr.left, expr.right]
    case 'subquery':
    case 'negated':
      return [expr.of]
    default:
      return []
  }
}

export function selectorsIn(expr: Expr): readonly SelectorExpr[] {
  return [...walk(expr)].flatMap(([one]) => (one.kind === 'selector' ? [one] : []))
}

function exprOf(node: Node, text: string): Expr {
  const of = (name: string): Node | undefined => childrenOf(node).find((child) => child.name === name)
  const words = (one: Node): string => text.slice(one.from, one.to)
  const below = (one: Node | null | undefined): Expr[] =>
    one === null || one === undefined
      ? []
      : childrenOf(one)
          .filter(({ name }) => EXPRESSIONS.has(name))
          .map((child) => exprOf(child, text))
  switch (node.name) {
    case 'ParenExpr':
      return below(node)[0]!
    case 'NumberDurationLiteral':
      return { kind: 'number', value: Number(words(node).replace(/inf/i, 'Infinity')) }
    case 'StringLiteral':
      return { kind: 'string', value: words(node).slice(1, -1) }
    case 'VectorSelector':
      return {
        kind: 'selector',
        metric: of('Identifier') === undefined ? '' : words(of('Identifier')!),
        matchers: childrenOf(of('LabelMatchers')).map((matcher) => matcherOf(matcher, words)),
        range: undefined,
      }
    case 'MatrixSelector': {
      const [selector] = below(node)
      if (selector?.kind !== 'selector') throw new SyntaxError(`a range of what is no metric: ${words(node)}`)
      return { ...selector, range: words(of('DurationExpr')!) }
    }
    case 'SubqueryExpr':
      return { kind: 'subquery', of: below(node)[0]!, range: words(of('DurationExpr')!) }
    case 'UnaryExpr':
      return { kind: 'negated', of: below(node)[0]! }
    case 'OffsetExpr':
    case 'StepInvariantExpr':
      return below(node)[0]!
    case 'FunctionCall':
      return {
        kind: 'call',
        name: words(of('FunctionIdentifier')!),
        args: below(of('FunctionCallBody')),
      }
    case 'AggregateExpr': {
      const modifier = of('AggregateModifier')
      return {
        kind: 'aggregate',
        operator: words(of('AggregateOp')!),
        grouping: modifier && {
          keyword: modifier.firstChild?.name === 'By' ? 'by' : 'without',
          labels: labelsIn(modifier.lastChild, words),
        },
        args: below(of('FunctionCallBody')),
      }
    }
    case 'BinaryExpr': {
      const [left, right] = below(node)
      const operator = childrenOf(node).find(({ name }) => OPERATORS.has(name))
      if (left === undefined || right === undefined || operator === undefined) break
      return {
        kind: 'binary',
        operator: words(operator).toLowerCase(),
        isBool: of('BoolModifier') !== undefined,
        matching: matchingOf(of('MatchingModifierClause'), words),
        left,
        right,
      }
    }
  }
  throw new SyntaxError(`${node.name} is not used in shipped rules: ${words(node)}`)
}

const EXPRESSIONS = new Set(
  `AggregateExpr AnchoredExpr BinaryExpr FunctionCall MatrixSelector NumberDurationLiteral OffsetExpr ParenExpr
  SmoothedExpr StepInvariantExpr StringLiteral SubqueryExpr UnaryExpr VectorSelector`.split(/\s+/),
)
const OPERATORS = new Set('Pow Mul Div Mod Atan2 Add Sub Eql Gte Gtr Lte Lss Neq And Unless Or'.split(' '))

function matchingOf(clause: Node | undefined, words: (node: Node) => string): Matching | undefined {
  if (clause === undefined) return undefined
  const [keyword, labels, group, include] = childrenOf(clause)
  return {
    keyword: keyword?.name === 'On' ? 'on' : 'ignoring',
    labels: labelsIn(labels, words),
    group: group === undefined ? undefined : group.name === 'GroupLeft' ? 'left' : 'right',
    include: labelsIn(include, words),
  }
}

function matcherOf(node: Node, words: (node: Node) => string): Matcher {
  const [label, operator, value] = childrenOf(node)
  if (label === undefined || operator === undefined || value === undefined) {
    throw new SyntaxError(`no matcher: ${words(node)}`)
  }
  return { label: words(label), operator: words(operator), value: words(value).slice(1, -1) }
}

function labelsIn(list: Node | null | undefined, words: (node: Node) => string): string[] {
  return childrenOf(list).map(words)
}

function childrenOf(node: Node | null | undefined): Node[] {
  const children: Node[] = []
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) children.push(child)
  return children
}
