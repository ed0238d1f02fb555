import { InvalidArgumentError } from 'commander'
import { parseSize } from '../config/quantity.ts'

/** An amount of memory on the command line: bytes, or `512MiB`. */
export function sizeArgument(text: string): number {
  const bytes = /^\d+$/.test(text) ? Number(text) : parseSize(text)
  if (bytes === undefined || bytes < 1 || !Number.isSafeInteger(bytes)) {
    throw new InvalidArgumentError('It must be a size such as 512MiB, 1.5GiB or 200MB.')
  }
  return bytes
}
