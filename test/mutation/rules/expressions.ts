import { type Token, tokensOf } from '../../../src/rules/promql.ts'
import { factorsOf } from './durations.ts'
import { stepOf } from './steps.ts'

/** One small change of an expression. */
export interface Change {
  /** What kind, where and how: stable as long as the expression is. */
  readonly name: string
  readonly expression: string
}

/** From and to (exclusive) in the tokens, and what stands there instead. */
interface Edit {
  readonly kind: string
  readonly from: number
  readonly to: number
  readonly text: string
}

const COMPARISONS = new Map([
  ['>', ['>=', '<']],
  ['>=', ['>', '<']],
  ['<', ['<=', '>']],
  ['<=', ['<', '>']],
  ['==', ['!=']],
  ['!=', ['==']],
])
const ARITHMETIC = new Map([
  ['/', '*'],
  ['*', '/'],
  ['-', '+'],
  ['+', '-'],
])
const NEGATED = new Map([
  ['=', '!='],
  ['!=', '='],
  ['=~', '!~'],
  ['!~', '=~'],
])
const SETS = new Map([
  ['and', ['or', 'unless']],
  ['unless', ['and', 'or']],
  ['or', ['and', 'unless']],
])
const EXCHANGED = new Map([
  ['sum', 'max'],
  ['max', 'sum'],
  ['min', 'max'],
])
const LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'])
/** Not calls, although a bracket may follow. */
const WORDS = new Set([...LISTS, ...SETS.keys(), 'offset', 'bool'])
/** Without an argument whose value could stand alone. */
const CONSTANT = new Set(['time', 'vector'])

/** Every expression that differs from this one in one small thing. */
export function changesOf(expression: string): Change[] {
  const tokens = tokensOf(expression.trim())
  const edits = [
    ...literals(tokens),
    ...operators(tokens),
    ...matchers(tokens),
    ...lists(tokens),
    ...ranges(tokens),
    ...calls(tokens),
    ...operands(tokens),
  ]
  const counts = new Map<string, number>()
  return edits.map((edit) => {
    const what = `${edit.kind}: ${textOf(tokens, edit.from, edit.to)} → ${edit.text || '∅'}`
    const nth = (counts.get(what) ?? 0) + 1
    counts.set(what, nth)
    return {
      name: nth === 1 ? what : `${what} (${nth})`,
      expression: `${textOf(tokens, 0, edit.from, String)}${edit.text}${textOf(tokens, edit.to, tokens.length, String)}`,
    }
  })
}

function literals(tokens: readonly Token[]): Edit[] {
  return tokens.flatMap(({ kind, text }, at) => {
    if (kind !== 'number') return []
    const step = stepOf(Number(text), tokens.slice(0, at))
    return [step, -step].map((by) => ({
      kind: 'literal',
      from: at,
      to: at + 1,
      text: String(Number((Number(text) + by).toPrecision(12))),
    }))
  })
}

function operators(tokens: readonly Token[]): Edit[] {
  const within = bracesOf(tokens)
  return tokens.flatMap(({ kind, text }, at) => {
    if (within[at] || kind === 'string') return []
    const others = COMPARISONS.get(text) ?? SETS.get(text) ?? [ARITHMETIC.get(text) ?? []].flat()
    return others.map((other) => ({ kind: 'operator', from: at, to: at + 1, text: other }))
  })
}

function matchers(tokens: readonly Token[]): Edit[] {
  const within = bracesOf(tokens)
  return tokens.flatMap(({ kind, text }, at): Edit[] => {
    if (!within[at] || kind !== 'name') return []
    const words = tokens
      .map((_, index) => index)
      .filter((index) => index >= at && tokens[index]!.kind !== 'space')
    const [, operator, value, comma] = words as [number, number, number, number]
    const removed = tokens[comma]?.text === ',' ? nextWord(tokens, comma) : value + 1
    const values = tokens[value]!.text.slice(1, -1).split('|')
    const isList = tokens[operator]!.text.endsWith('~') && values.length > 1
    return [
      { kind: `matcher ${text}`, from: at, to: removed, text: '' },
      { kind: 'matcher', from: operator, to: operator + 1, text: NEGATED.get(tokens[operator]!.text)! },
      ...(isList ? values : []).map((one) => ({
        kind: `alternative ${one}`,
        from: value,
        to: value + 1,
        text: JSON.stringify(values.filter((other) => other !== one).join('|')),
      })),
    ]
  })
}

function lists(tokens: readonly Token[]): Edit[] {
  return tokens.flatMap(({ text }, at): Edit[] => {
    if (!LISTS.has(text)) return []
    const open = nextWord(tokens, at)
    if (tokens[open]?.text !== '(') return []
    const close = closing(tokens, open)
    const labels = tokens.slice(open, close).flatMap((token) => (token.kind === 'name' ? [token.text] : []))
    const kept = (label: string) => labels.filter((other) => other !== label).join(', ')
    const whole = text.startsWith('group_') ? [{ kind: 'group', from: at, to: close + 1, text: '' }] : []
    return [
      ...whole,
      ...labels.map((label) => ({
        kind: `label ${label}`,
        from: at,
        to: close + 1,
        text: `${text} (${kept(label)})`,
      })),
    ]
  })
}

function ranges(tokens: readonly Token[]): Edit[] {
  return tokens.flatMap(({ kind, text }, at) =>
    kind === 'duration'
      ? factorsOf(text).map((other) => ({ kind: 'range', from: at, to: at + 1, text: other }))
      : [],
  )
}

/** A function or an aggregation is left away, or another one is in its place. */
function calls(tokens: readonly Token[]): Edit[] {
  const within = bracesOf(tokens)
  return tokens.flatMap(({ kind, text }, at): Edit[] => {
    if (kind !== 'name' || within[at] || WORDS.has(text) || CONSTANT.has(text)) return []
    let open = nextWord(tokens, at)
    if (LISTS.has(tokens[open]?.text ?? '')) open = nextWord(tokens, closing(tokens, nextWord(tokens, open)))
    if (tokens[open]?.text !== '(') return []
    const close = closing(tokens, open)
    const other = EXCHANGED.get(text)
    return [
      ...(other === undefined ? [] : [{ kind: 'function', from: at, to: at + 1, text: other }]),
      { kind: 'no function', from: at, to: close + 1, text: vectorOf(tokens.slice(open + 1, close)) },
    ]
  })
}

/** The argument that is a vector: no number, and as it is now instead of over a range. */
function vectorOf(tokens: readonly Token[]): string {
  const parts = splitAt(tokens, (text) => text === ',')
  const part = parts.find((one) => one.tokens.some(({ kind }) => kind === 'name'))?.tokens ?? []
  const last = part.at(-1)?.text === ']' ? part.findLastIndex(({ text }) => text === '[') : part.length
  return textOf(part, 0, last, String).trim()
}

/** One side of `and`, `unless`, `or` is left away. */
function operands(tokens: readonly Token[]): Edit[] {
  const parts = splitAt(tokens, (text) => SETS.has(text))
  if (parts.length < 2) return []
  return parts.map((part, index): Edit => {
    const from = index === 0 ? 0 : part.from - 1
    const after = parts[index + 1]
    if (index > 0) return { kind: 'operand', from, to: after ? after.from - 1 : tokens.length, text: '' }
    const rest = listEnd(tokens, after!.from)
    return { kind: 'operand', from, to: rest, text: '' }
  })
}

/** Behind `on (…)`, if that comes next. */
function listEnd(tokens: readonly Token[], from: number): number {
  const word = nextWord(tokens, from - 1)
  return LISTS.has(tokens[word]?.text ?? '')
    ? nextWord(tokens, closing(tokens, nextWord(tokens, word)))
    : word
}

function splitAt(
  tokens: readonly Token[],
  isSeparator: (text: string) => boolean,
): { readonly from: number; readonly tokens: readonly Token[] }[] {
  const parts: { from: number; tokens: Token[] }[] = [{ from: 0, tokens: [] }]
  let depth = 0
  tokens.forEach((token, at) => {
    if ('([{'.includes(token.text)) depth++
    if (')]}'.includes(token.text)) depth--
    if (depth === 0 && isSeparator(token.text)) parts.push({ from: at + 1, tokens: [] })
    else parts.at(-1)!.tokens.push(token)
  })
  return parts
}

function bracesOf(tokens: readonly Token[]): boolean[] {
  let within = false
  return tokens.map(({ text }) => {
    if (text === '{') within = true
    if (text === '}') within = false
    return within
  })
}

function nextWord(tokens: readonly Token[], at: number): number {
  const next = tokens.findIndex(({ kind }, index) => index > at && kind !== 'space')
  return next === -1 ? tokens.length : next
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0
  const at = tokens.findIndex(({ text }, index) => {
    if (index < open) return false
    if (text === '(') depth++
    if (text === ')') depth--
    return depth === 0
  })
  if (at === -1) throw new SyntaxError('a bracket is not closed')
  return at
}

const onOneLine = (text: string) => text.replace(/\s+/g, ' ')

function textOf(
  tokens: readonly Token[],
  from: number,
  to: number,
  form: (text: string) => string = onOneLine,
): string {
  return form(
    tokens
      .slice(from, to)
      .map(({ text }) => text)
      .join(''),
  )
}
