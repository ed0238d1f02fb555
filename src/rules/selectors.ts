import { type Token, tokensOf } from './promql.ts'

export interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

/** Where an expression reads a metric. */
export interface Selector {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  /** As written, undefined for an instant vector. */
  readonly range: string | undefined
  /** The function or aggregation whose argument it is, undefined when it stands alone. */
  readonly caller: string | undefined
}

/** `by (…)`, `on (…)` and their kind. */
export interface LabelList {
  readonly keyword: string
  readonly labels: readonly string[]
}

export interface Reading {
  readonly selectors: readonly Selector[]
  readonly labelLists: readonly LabelList[]
  readonly functions: readonly string[]
  /** Comparisons and set operators, outside of matchers. */
  readonly operators: readonly string[]
}

const LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'])
const WORDS = new Set(['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan', 'start', 'end'])

/** What an expression reads and how, as far as that can be told from its words. It is taken for valid PromQL. */
export function readExpression(expression: string): Reading {
  const words = tokensOf(expression).filter(({ kind }) => kind !== 'space')
  const selectors: Selector[] = []
  const labelLists: LabelList[] = []
  const functions: string[] = []
  const operators: string[] = []
  const callers: (string | undefined)[] = []
  for (let at = 0; at < words.length; at++) {
    const { kind, text } = words[at]!
    const next = words[at + 1]?.text
    if (kind === 'name' && LISTS.has(text)) {
      const end = next === '(' ? closing(words, at + 1, ')') : at
      labelLists.push({ keyword: text, labels: namesIn(words.slice(at + 1, end)) })
      at = end
    } else if (kind === 'name' && WORDS.has(text.toLowerCase())) {
      operators.push(text)
    } else if (kind === 'name' && (next === '(' || LISTS.has(next ?? ''))) {
      functions.push(text)
    } else if (kind === 'name') {
      const matchersEnd = next === '{' ? closing(words, at + 1, '}') : at
      const isRange = words[matchersEnd + 1]?.text === '['
      selectors.push({
        metric: text,
        matchers: matchersIn(words.slice(at + 2, matchersEnd)),
        range: isRange ? words[matchersEnd + 2]?.text : undefined,
        caller: callers.at(-1),
      })
      at = isRange ? closing(words, matchersEnd + 1, ']') : matchersEnd
    } else if (text === '(') {
      callers.push(callerBefore(words, at))
    } else if (text === ')') {
      callers.pop()
    } else if (/^([=!<>]=|[<>])$/.test(text)) {
      operators.push(text)
    }
  }
  return { selectors, labelLists, functions, operators }
}

/** The name in front of a bracket, also over a list: `sum without (mode) (`. */
function callerBefore(words: readonly Token[], at: number): string | undefined {
  const before = words[at - 1]
  if (before?.kind === 'name') return WORDS.has(before.text) ? undefined : before.text
  if (before?.text !== ')') return undefined
  const open = words.findLastIndex(({ text }, index) => index < at && text === '(')
  const name = words[open - 2]
  if (!LISTS.has(words[open - 1]?.text ?? '') || name?.kind !== 'name') return undefined
  return WORDS.has(name.text) ? undefined : name.text
}

/** Brackets of one kind never nest within lists, matchers and ranges. */
function closing(words: readonly Token[], from: number, sign: string): number {
  const at = words.findIndex(({ text }, index) => index > from && text === sign)
  if (at === -1) throw new SyntaxError(`${sign} is missing`)
  return at
}

function namesIn(words: readonly Token[]): string[] {
  return words.filter(({ kind }) => kind === 'name').map(({ text }) => text)
}

function matchersIn(words: readonly Token[]): Matcher[] {
  return words.flatMap(({ kind, text }, at) =>
    kind === 'name'
      ? [{ label: text, operator: words[at + 1]?.text ?? '', value: words[at + 2]?.text.slice(1, -1) ?? '' }]
      : [],
  )
}
