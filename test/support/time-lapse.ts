import { parse, stringify } from 'yaml'
import { formatDuration, type Milliseconds, parseDuration } from '../../src/platform/duration.ts'
import { RULE_DEFAULTS, withParameters } from '../../src/rules/parameters.ts'
import { alertFiles } from './rule-files.ts'

/** Scrapes come every second here: a range holds some although one is lost, a `for` is a few evaluations. */
const LEAST_RANGE_MS = 5_000
const LEAST_FOR_MS = 2_000

interface Rule {
  readonly expr: string
  readonly for?: string
  readonly keep_firing_for?: string
}

/**
 * The shipped alerts of these rooms for exporters that are scraped every second, in time-lapse: every range, `for` and
 * `keep_firing_for` is shorter by this factor. Conditions, thresholds, labels and texts are as shipped.
 */
export function rulesInTimeLapse(rooms: readonly string[], factor: number): string {
  const shorter = (text: string, leastMs: number) =>
    formatDuration(
      Math.max(leastMs, Math.ceil(parseDuration(text)! / factor / 1_000) * 1_000) as Milliseconds,
    )
  const groups = rooms.flatMap((room) => {
    const file = alertFiles.find((one) => one.room === room)
    if (file === undefined) throw new Error(`there are no rules of ${room}`)
    const text = withParameters(file.text, { ...RULE_DEFAULTS, intervalMs: 1_000 })
    return (parse(text) as { groups: { name: string; rules: Rule[] }[] }).groups
  })
  return stringify({
    groups: groups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({
        ...rule,
        expr: rule.expr.replaceAll(/\[(\w+)\]/g, (_, range: string) => `[${shorter(range, LEAST_RANGE_MS)}]`),
        ...(rule.for !== undefined && { for: shorter(rule.for, LEAST_FOR_MS) }),
        ...(rule.keep_firing_for !== undefined && {
          keep_firing_for: shorter(rule.keep_firing_for, LEAST_FOR_MS),
        }),
      })),
    })),
  })
}
