import { InvalidArgumentError } from 'commander'

/** As many as a page of the API holds. */
const MAX_COUNT = 1_000

/** How many lines of a list are wanted. */
export function count(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1 || value > MAX_COUNT) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_COUNT}.`)
  }
  return value
}
