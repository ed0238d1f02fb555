import { parseDuration } from '../../../src/platform/duration.ts'

/** Half and double of a time as rules write it. */
export function factorsOf(time: string): string[] {
  const ms = parseDuration(time)
  if (ms === undefined) throw new SyntaxError(`no time: ${time}`)
  return [ms / 2, ms * 2].map((other) => (other % 1_000 === 0 ? `${other / 1_000}s` : `${other}ms`))
}
