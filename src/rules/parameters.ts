import { isMap, isScalar, isSeq, parseDocument } from 'yaml'
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
const SCRAPES_IN_RANGE = 4
const SCRAPES_IN_FOR = 2

/**
 * The text of a rule file with other parameters; comments stay. Ranges and `for` only ever grow: what is long enough
 * for the interval is left as it is.
 */
export function withParameters(text: string, parameters: RuleParameters): string {
  const document = parseDocument(text)
  const groups = document.get('groups')
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
        url.replace(RULE_DEFAULTS.dashboards, parameters.dashboards),
      )
    }
  }
  return document.toString({ lineWidth: 0 })
}

/** An expression with other selectors and, where they are too short for the interval, longer ranges. */
export function retarget(expression: string, parameters: RuleParameters): string {
  const swaps = new Map([
    [RULE_DEFAULTS.selector, parameters.selector],
    [RULE_DEFAULTS.prometheus, parameters.prometheus],
    [RULE_DEFAULTS.alertmanager, parameters.alertmanager],
  ])
  const tokens = tokensOf(expression)
  let out = ''
  let within = ''
  for (let at = 0; at < tokens.length; at++) {
    const { kind, text } = tokens[at]!
    if (text === '{' || text === '[') within = text
    if (text === '}' || text === ']') within = ''
    const end = within === '{' && kind === 'name' ? matcherEnd(tokens, at) : at
    const swap = swaps.get(wordsOf(tokens.slice(at, end + 1)))
    if (end > at && swap !== undefined) {
      out += swap
      at = end
    } else if (within === '[' && kind === 'duration') {
      out += atLeast(text, SCRAPES_IN_RANGE * parameters.intervalMs)
    } else {
      out += text
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
  if (isScalar(node)) node.value = change(String(node.value))
}

function atLeast(time: string, ms: number): string {
  return (parseDuration(time) ?? 0) >= ms ? time : `${Math.ceil(ms / 1_000)}s`
}
