import { type Expr, parsePromql, type SelectorExpr, walk } from '../promql.ts'

/** Times that nobody writes: where one stands, the macro stood. */
export const RATE_INTERVAL = '8869990787ms'
const INTERVAL = '4867856611ms'
const RANGE = '9126478734ms'
export const RANGE_SECONDS = 9126478.734
export const MACROS = [RATE_INTERVAL, INTERVAL, RANGE]

/** A metric that is read, and the function or aggregation whose argument it is. */
export interface ReadSelector extends SelectorExpr {
  readonly caller: string | undefined
}

/** The tree, its macros replaced by times that tell which they were; variables stay within their strings. */
export function treeOf(expr: string): Expr {
  const known = trees.get(expr)
  if (known !== undefined) return known
  const tree = parsePromql(plain(expr))
  trees.set(expr, tree)
  return tree
}

/** PromQL with such times instead of macros. */
export function plain(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__interval', INTERVAL)
    .replaceAll('$__range_s', String(RANGE_SECONDS))
    .replaceAll('$__range', RANGE)
}

/** Every rule reads the same few hundred expressions. */
const trees = new Map<string, Expr>()

export function parses(expr: string): boolean {
  try {
    treeOf(expr)
    return true
  } catch {
    return false
  }
}

/** What an expression reads; nothing when it is no PromQL, which is another rule's finding. */
export function selectorsOf(expr: string): ReadSelector[] {
  if (!parses(expr)) return []
  return [...walk(treeOf(expr))].flatMap(([one, above]) =>
    one.kind === 'selector' ? [{ ...one, caller: callerOf(above.at(-1)) }] : [],
  )
}

function callerOf(parent: Expr | undefined): string | undefined {
  if (parent?.kind === 'call') return parent.name
  return parent?.kind === 'aggregate' ? parent.operator : undefined
}
