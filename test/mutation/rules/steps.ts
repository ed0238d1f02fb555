import type { Token } from '../../../src/rules/promql.ts'

/** What changes in steps of a fraction, however round its threshold is: seconds, cores, bytes a second. */
const CONTINUOUS = /(?:^|_)(?:rate|seconds|seconds_bucket|ratio)$/

const OPERATORS = new Set(['and', 'or', 'unless'])
/** Whole numbers, whatever their argument is; also of seconds since 1970. */
const COUNTS = new Set(['changes', 'count', 'increase', 'time'])

/**
 * The smallest step that means anything to who set the number. A count, a time stamp, a number of bytes: 1. What has
 * fractions: one in the second digit, 0.01 for 0.25 and 0.1 for 3; nobody tells 0.25 from 0.251. A rate next to zero:
 * one event in a hundred seconds, as rare as a range of minutes can show.
 * @param before all that is written before it
 */
export function stepOf(value: number, before: readonly Token[]): number {
  const names = before.filter(({ kind }) => kind === 'name').map(({ text }) => text)
  const compared = names.slice(names.findLastIndex((name) => OPERATORS.has(name)) + 1)
  const isCount = compared.some((name) => COUNTS.has(name))
  const isContinuous =
    !Number.isInteger(value) || (!isCount && compared.some((name) => CONTINUOUS.test(name)))
  if (!isContinuous) return 1
  if (value === 0) return 0.01
  return Math.min(1, 10 ** (Math.floor(Math.log10(value)) - 1))
}
