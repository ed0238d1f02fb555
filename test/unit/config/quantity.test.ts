import { describe, expect, it } from 'vitest'
import { parseSize } from '../../../src/config/quantity.ts'

describe('sizes', () => {
  it.each([
    ['512MiB', 512 * 2 ** 20],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['10MB', 10_000_000],
    ['7 B', 7],
  ])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  it.each(['', '512', '1.5', '5mib', '-1MiB', '1e3MB'])('%j is none', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  )
})
