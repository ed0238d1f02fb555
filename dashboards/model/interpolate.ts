import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'

/** What is chosen for a variable: one value, several, or `$__all`. */
export type Chosen = string | readonly string[]
/** Texts by names of variables: what is chosen, and all there is. */
export interface Choice {
  readonly chosen: Chosen
  readonly options: readonly string[]
}

const VARIABLE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}/g
/** Replaced by the server, never by the page. */
const OF_THE_SERVER = /^__(?:rate_)?interval|^__range/

/**
 * Replaces variables in a query as Grafana's page does for Prometheus: values of variables that may have several are
 * escaped for a regular expression within a string of PromQL, several become `(a|b)`, and All is `allValue` as it is
 * written. Unknown names stay.
 * @see grafana-prometheus: datasource.ts `interpolateQueryExpr`, escaping.ts
 */
export function interpolateVariables(
  text: string,
  variables: readonly VariableModel[],
  choices: Readonly<Record<string, Choice>>,
): string {
  return text.replace(VARIABLE, (whole, plain, bracketed, _, braced) => {
    const name: string = plain ?? bracketed ?? braced
    const variable = variables.find((one) => one.name === name)
    const choice = choices[name]
    if (OF_THE_SERVER.test(name) || variable === undefined || choice === undefined) return whole
    const isAll = choice.chosen === '$__all'
    if (isAll && variable.allValue) return interpolateVariables(variable.allValue, variables, choices)
    const value = isAll ? choice.options : choice.chosen
    if (!variable.multi && !variable.includeAll) return [value].flat().map(escapeString).join(',')
    if (typeof value === 'string') return escapeRegex(value)
    return value.length === 1 ? escapeRegex(value[0]!) : `(${value.map(escapeRegex).join('|')})`
  })
}

function escapeString(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/'/g, "\\\\'")
}

function escapeRegex(value: string): string {
  return value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]+?.()|]/g, '\\\\$&')
}
