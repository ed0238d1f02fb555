/** What a pattern is made of. `most` of an endless repetition is Infinity. */
export type Node =
  | { readonly kind: 'set'; readonly has: Has }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly least: number; readonly most: number }

/** Whether a code point belongs to it. */
export type Has = (point: number) => boolean

/** A pattern that RE2 would refuse too, or that uses a part of its syntax that is not supported here. */
export class PatternError extends Error {
  override readonly name = 'PatternError'
}

interface Flags {
  /** `(?i)` */
  readonly fold: boolean
  /** `(?s)` */
  readonly dotAll: boolean
}

/** Nobody writes a longer one by hand. */
export const LONGEST_PATTERN = 1_000
/** As RE2 has it. */
const MOST_REPEATS = 1_000
const NEWLINE = 0x0a
const EMPTY: Node = { kind: 'sequence', nodes: [] }

const isDigit: Has = (p) => p >= 0x30 && p <= 0x39
const isWord: Has = (p) => isDigit(p) || (p >= 0x41 && p <= 0x5a) || (p >= 0x61 && p <= 0x7a) || p === 0x5f
const isSpace: Has = (p) => p === 0x20 || p === 0x09 || p === NEWLINE || p === 0x0c || p === 0x0d
const SHORTHANDS: ReadonlyMap<string, Has> = new Map<string, Has>([
  ['d', isDigit],
  ['w', isWord],
  ['s', isSpace],
  ['D', (p) => !isDigit(p)],
  ['W', (p) => !isWord(p)],
  ['S', (p) => !isSpace(p)],
])
const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['a', 0x07],
  ['t', 0x09],
  ['n', NEWLINE],
  ['v', 0x0b],
  ['f', 0x0c],
  ['r', 0x0d],
])

/**
 * Reads a pattern in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax) without `\b`, `\p`, `\Q` and POSIX
 * classes. What no linear matcher can do (back-references, look-around) is not in that syntax.
 * @throws PatternError
 */
export function parsePattern(source: string): Node {
  if (source.length > LONGEST_PATTERN) throw new PatternError(`is longer than ${LONGEST_PATTERN} characters`)
  const chars = [...source]
  let at = 0
  let flags: Flags = { fold: false, dotAll: false }

  const ahead = (pattern: RegExp) => pattern.exec(chars.slice(at, at + 80).join(''))

  function choice(): Node {
    const nodes = [sequence()]
    while (chars[at] === '|') {
      at++
      nodes.push(sequence())
    }
    return nodes.length === 1 ? nodes[0]! : { kind: 'choice', nodes }
  }

  function sequence(): Node {
    const nodes: Node[] = []
    while (at < chars.length && chars[at] !== '|' && chars[at] !== ')') {
      const node = atom()
      if (node !== undefined) nodes.push(repeated(node))
    }
    return nodes.length === 1 ? nodes[0]! : { kind: 'sequence', nodes }
  }

  function repeated(node: Node): Node {
    const bounds = quantifier()
    if (bounds === undefined) return node
    // Lazy or not, the same texts match as a whole.
    if (chars[at] === '?') at++
    if (quantifier() !== undefined) throw new PatternError('repeats a repetition; put it into a group')
    return { kind: 'repeat', node, least: bounds[0], most: bounds[1] }
  }

  function quantifier(): readonly [number, number] | undefined {
    const simple = SIMPLE_QUANTIFIERS.get(chars[at] ?? '')
    if (simple !== undefined) {
      at++
      return simple
    }
    const parts = ahead(/^\{(\d+)(?:(,)(\d*))?\}/)
    if (parts === null) return undefined
    at += parts[0].length
    const least = Number(parts[1])
    const most =
      parts[2] === undefined ? least : parts[3] === '' ? Number.POSITIVE_INFINITY : Number(parts[3])
    const largest = most === Number.POSITIVE_INFINITY ? least : most
    if (largest > MOST_REPEATS || most < least) throw new PatternError(`${parts[0]} is not a repetition`)
    return [least, most]
  }

  /** Undefined: only flags for what follows. */
  function atom(): Node | undefined {
    if (quantifier() !== undefined) throw new PatternError('repeats nothing')
    const char = chars[at++]!
    switch (char) {
      case '(':
        return group()
      case '[':
        return { kind: 'set', has: charClass() }
      case '.':
        return { kind: 'set', has: flags.dotAll ? () => true : (p) => p !== NEWLINE }
      case '^':
        return { kind: 'start' }
      case '$':
        return { kind: 'end' }
      case '\\':
        if (chars[at] === 'A' || chars[at] === 'z') return { kind: chars[at++] === 'A' ? 'start' : 'end' }
        return setOf(escaped())
      default:
        return setOf(char.codePointAt(0)!)
    }
  }

  function group(): Node | undefined {
    const outer = flags
    let inner = flags
    if (chars[at] === '?') {
      const head = ahead(/^\?(?:P?<\w+>|([is]*)(?:-([is]+))?([:)]))/)
      if (head === null || head[0] === '?)')
        throw new PatternError('has a kind of group that is not supported')
      const [text, on = '', off = '', end] = head
      at += text.length
      const has = (flag: string, before: boolean) => !off.includes(flag) && (on.includes(flag) || before)
      inner = { fold: has('i', outer.fold), dotAll: has('s', outer.dotAll) }
      if (end === ')') {
        flags = inner
        return undefined
      }
    }
    flags = inner
    const node = choice()
    if (chars[at++] !== ')') throw new PatternError('has an open group')
    flags = outer
    return node
  }

  function escaped(): number | Has {
    const char = chars[at++]
    if (char === undefined) throw new PatternError('ends in a backslash')
    const known = SHORTHANDS.get(char) ?? CONTROLS.get(char)
    if (known !== undefined) return known
    if (char === 'x') {
      const hex = ahead(/^(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/)
      const point = hex === null ? Number.NaN : Number.parseInt((hex[1] ?? hex[2])!, 16)
      if (hex === null || point > 0x10ffff) throw new PatternError('\\x is not followed by a code point')
      at += hex[0].length
      return point
    }
    if (/[A-Za-z0-9]/.test(char)) throw new PatternError(`\\${char} is not supported`)
    return char.codePointAt(0)!
  }

  function charClass(): Has {
    const negated = chars[at] === '^'
    if (negated) at++
    const members: Has[] = []
    for (let first = true; first || chars[at] !== ']'; first = false) {
      const from = member()
      const isRange = chars[at] === '-' && chars[at + 1] !== undefined && chars[at + 1] !== ']'
      if (!isRange) {
        members.push(typeof from === 'number' ? (p) => p === from : from)
        continue
      }
      at++
      const to = member()
      if (typeof from !== 'number' || typeof to !== 'number' || to < from) {
        throw new PatternError('has a range that is none')
      }
      members.push((p) => p >= from && p <= to)
    }
    at++
    const has: Has = (p) => members.some((member) => member(p))
    const folded: Has = flags.fold ? (p) => variants(p).some(has) : has
    return negated ? (p) => !folded(p) : folded
  }

  function member(): number | Has {
    const char = chars[at++]
    if (char === undefined) throw new PatternError('has an open [')
    if (char === '[' && chars[at] === ':') throw new PatternError('[:class:] is not supported')
    return char === '\\' ? escaped() : char.codePointAt(0)!
  }

  function setOf(what: number | Has): Node {
    if (typeof what !== 'number') return { kind: 'set', has: what }
    if (!flags.fold) return { kind: 'set', has: (p) => p === what }
    const same = variants(what)
    return { kind: 'set', has: (p) => variants(p).some((point) => same.includes(point)) }
  }

  const node = choice()
  if (at < chars.length) throw new PatternError('closes a group that is not open')
  return chars.length === 0 ? EMPTY : node
}

const SIMPLE_QUANTIFIERS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['*', [0, Number.POSITIVE_INFINITY]],
  ['+', [1, Number.POSITIVE_INFINITY]],
  ['?', [0, 1]],
])

/** A code point with its other cases. */
function variants(point: number): number[] {
  const char = String.fromCodePoint(point)
  const others = [char.toLowerCase(), char.toUpperCase()].filter((text) => [...text].length === 1)
  return [point, ...others.map((text) => text.codePointAt(0)!)]
}
