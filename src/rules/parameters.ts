import { Composer, CST, isMap, isScalar, isSeq, Parser } from 'yaml'
import { parseDuration } from '../platform/duration.ts'
import { type Token, tokensOf } from './promql.ts'

/** What may be different where the rules are used; the files hold the defaults. */
export interface RuleParameters {
  /** Matchers in place of `job="agent-exporter"`, such as `job=~"agents-.*", cluster="a"`. */
  readonly selector: string
  /** In place of `job="prometheus"` and `job="alertmanager"`. */
  readonly prometheus: string
  readonly alertmanager: string
  /** How often the exporters are scraped. */
  readonly intervalMs: number
  /** In front of `docs/runbooks.md#…`, such as `https://wiki.example.org/`. */
  readonly runbooks: string
  /** In place of `http://localhost:3000`. */
  readonly dashboards: string
}

export const RULE_DEFAULTS: RuleParameters = {
  selector: 'job="agent-exporter"',
  prometheus: 'job="prometheus"',
  alertmanager: 'job="alertmanager"',
  intervalMs: 15_000,
  runbooks: '',
  dashboards: 'http://localhost:3000',
}

/** A range needs two samples although one or two scrapes are lost, a `for` at least two. */
export const SCRAPES_IN_RANGE = 4
export const SCRAPES_IN_FOR = 2

/**
 * The text of a rule file with other parameters; everything else stays as it is written. Ranges and `for` only ever
 * grow: what is long enough for the interval is left as it is.
 */
export function withParameters(text: string, parameters: RuleParameters): string {
  const tokens = [...new Parser().parse(text)]
  const [document] = new Composer({ keepSourceTokens: true }).compose(tokens)
  const groups = document?.get('groups')
  for (const group of isSeq(groups) ? groups.items : []) {
    const rules = isMap(group) ? group.get('rules') : undefined
    for (const rule of isSeq(rules) ? rules.items : []) {
      if (!isMap(rule)) continue
      edit(rule.get('expr', true), (expression) => retarget(expression, parameters))
      edit(rule.get('for', true), (time) => atLeast(time, SCRAPES_IN_FOR * parameters.intervalMs))
      const annotations = rule.get('annotations')
      if (!isMap(annotations)) continue
      edit(annotations.get('runbook_url', true), (url) => parameters.runbooks + url)
      edit(annotations.get('dashboard_url', true), (url) =>
        url.replace(RULE_DEFAULTS.dashboards, () => parameters.dashboards),
      )
    }
  }
  return tokens.map((token) => CST.stringify(token)).join('')
}

/** An expression with other selectors and, where they are too short for the interval, longer ranges. */
export function retarget(expression: string, parameters: RuleParameters): string {
  return rewrite(expression, {
    selector: (name) => parameters[name],
    range: (time) => atLeast(time, SCRAPES_IN_RANGE * parameters.intervalMs),
    rest: (text) => text,
  })
}

export type SelectorName = 'selector' | 'prometheus' | 'alertmanager'

/** What stands in place of the parts of an expression that depend on where it is used. */
export interface Rewriting {
  selector(name: SelectorName): string
  range(time: string): string
  rest(text: string): string
}

const SELECTORS: ReadonlyMap<string, SelectorName> = new Map(
  (['selector', 'prometheus', 'alertmanager'] as const).map((name) => [RULE_DEFAULTS[name], name]),
)

export function rewrite(expression: string, rewriting: Rewriting): string {
  const tokens = tokensOf(expression)
  let out = ''
  let within = ''
  for (let at = 0; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!
    if (text === '{' || text === '[') within = text
    if (text === '}' || text === ']') within = ''
    const end = within === '{' && kind === 'name' ? matcherEnd(tokens, at) : at
    const name = SELECTORS.get(wordsOf(tokens.slice(at, end + 1)))
    if (end > at && name !== undefined) {
      out += rewriting.selector(name)
      at = end
    } else if (within === '[' && kind === 'duration') {
      out += rewriting.range(text)
    } else {
      out += rewriting.rest(text)
    }
  }
  return out
}

/** Label, operator and value; spaces may be between them. */
function matcherEnd(tokens: readonly Token[], at: number): number {
  const end = tokens.findIndex(({ kind }, index) => index > at && kind === 'string')
  return end === -1 ? at : end
}

function wordsOf(tokens: readonly Token[]): string {
  return tokens.flatMap(({ kind, text }) => (kind === 'space' ? [] : [text])).join('')
}

function edit(node: unknown, change: (value: string) => string): void {
  if (!isScalar(node) || !CST.isScalar(node.srcToken)) return
  const before = String(node.value)
  const after = change(before)
  if (after !== before) CST.setScalarValue(node.srcToken, after, { afterKey: true })
}

function atLeast(time: string, ms: number): string {
  if ((parseDuration(time) ?? 0) >= ms) return time
  return ms % 60_000 === 0 ? `${ms / 60_000}m` : `${Math.ceil(ms / 1_000)}s`
}
