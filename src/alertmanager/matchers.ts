import { compilePattern, type Pattern } from './pattern.ts'
import { PatternError } from './pattern-syntax.ts'

/** Labels of one alert. A map, because a label may be called `__proto__`. */
export type Labels = ReadonlyMap<string, string>

export const OPERATORS = ['=', '!=', '=~', '!~'] as const
type Operator = (typeof OPERATORS)[number]

/** One condition on the labels of an alert. A label that is not there is the empty text, as in Alertmanager. */
export interface Matcher {
  readonly name: string
  readonly operator: Operator
  readonly value: string
  matches(labels: Labels): boolean
}

/** A text that is not a list of matchers; the message says what is wrong in it. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError'
}

const LONGEST_MATCHERS = 4_096

const BARE = /[^\s{}!=~,\\"'`]+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy
const OPERATOR = /=~|!=|!~|=/y
const SPACE = /\s*/y

/**
 * Reads matchers as Alertmanager 0.22 to 0.28 writes them: `agent=~"team-a-.*"`, `{a="b", c!="d"}`, and UTF-8 names in
 * quotes. Where its two parsers disagree the text is refused, so that it means the same everywhere: a value with one of
 * `{}!=~,\"'` and spaces, and an empty one, must be quoted. In quotes `\"`, `\\` and `\n` are escapes and every other
 * backslash is one, as its classic parser has it, which goes first there.
 * @throws MatcherError
 */
export function parseMatchers(text: string): readonly Matcher[] {
  if (text.length > LONGEST_MATCHERS) throw new MatcherError(`is longer than ${LONGEST_MATCHERS} characters`)
  let at = 0

  function accept(token: RegExp): RegExpExecArray | null {
    token.lastIndex = at
    const found = token.exec(text)
    if (found !== null) at = token.lastIndex
    return found
  }

  function skip(char: string): boolean {
    accept(SPACE)
    if (text[at] !== char) return false
    at++
    return true
  }

  function word(what: string): string {
    accept(SPACE)
    const quoted = accept(QUOTED)
    if (quoted !== null) return unquoted(quoted[1]!)
    const bare = accept(BARE)
    if (bare === null) throw new MatcherError(`wants ${what} at character ${at + 1}`)
    return bare[0]
  }

  const isBraced = skip('{')
  const matchers: Matcher[] = []
  for (;;) {
    accept(SPACE)
    if (at === text.length || text[at] === '}') break
    const name = word('a label name')
    accept(SPACE)
    const operator = accept(OPERATOR)?.[0] as Operator | undefined
    if (operator === undefined)
      throw new MatcherError(`wants one of ${OPERATORS.join(' ')} at character ${at + 1}`)
    matchers.push(createMatcher(name, operator, word('a value, in quotes if it is not a plain word,')))
    if (!skip(',')) break
  }
  if (isBraced && !skip('}')) throw new MatcherError('has an open {')
  accept(SPACE)
  if (at < text.length) throw new MatcherError(`has something left at character ${at + 1}`)
  if (matchers.length === 0) throw new MatcherError('holds no matcher')
  return matchers
}

/** @throws MatcherError when the value is not a pattern but has to be */
export function createMatcher(name: string, operator: Operator, value: string): Matcher {
  if (name === '') throw new MatcherError('has an empty label name')
  const isPattern = operator === '=~' || operator === '!~'
  const pattern = isPattern ? patternOf(value) : undefined
  const holds = (text: string) => pattern?.matches(text) ?? text === value
  const wanted = operator === '=' || operator === '=~'
  return { name, operator, value, matches: (labels) => holds(labels.get(name) ?? '') === wanted }
}

function patternOf(value: string): Pattern {
  try {
    return compilePattern(value)
  } catch (error) {
    if (error instanceof PatternError) throw new MatcherError(`the pattern ${error.message}`)
    throw error
  }
}

function unquoted(text: string): string {
  return text.replace(/\\([n"\\])/g, (_, char: string) => (char === 'n' ? '\n' : char))
}
