/** A piece of an expression. Texts of all pieces together are the expression. */
export interface Token {
  readonly kind: 'space' | 'string' | 'duration' | 'number' | 'name' | 'sign'
  readonly text: string
}

const PIECES = [
  ['space', /(?:\s|#[^\n]*)+/y],
  ['string', /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/y],
  ['duration', /(?:\d+(?:ms|[smhdwy]))+(?![\w.])/y],
  ['number', /(?:0x[\da-f]+|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)(?!\w)/iy],
  ['name', /[a-z_:][\w:]*/iy],
  ['sign', /[=!]~|[=!<>]=|[-+*/%^<>=(){}[\],@:]/y],
] as const

/**
 * Splits PromQL into its words.
 * @see https://prometheus.io/docs/prometheus/2.42/querying/basics/
 * @throws SyntaxError at what is no word of it
 */
export function tokensOf(expression: string): readonly Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < expression.length; ) {
    const token = tokenAt(expression, at)
    if (token === undefined) throw new SyntaxError(`no PromQL at ${at}: ${expression.slice(at, at + 20)}`)
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

function tokenAt(expression: string, at: number): Token | undefined {
  for (const [kind, pattern] of PIECES) {
    pattern.lastIndex = at
    const text = pattern.exec(expression)?.[0]
    if (text !== undefined) return { kind, text }
  }
  return undefined
}
