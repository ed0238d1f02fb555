import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatBound, formatValue } from '../../../../src/platform/exposition/number.ts'

// Go: strconv.FormatFloat(x, 'g', -1, 64), with ".0" added to what would read as an integer.
test.each([
  [0, '0.0'],
  [1, '1.0'],
  [100, '100.0'],
  [0.25, '0.25'],
  [2.5, '2.5'],
  [1000, '1000.0'],
  [100000, '100000.0'],
  [123456.5, '123456.5'],
  [1e6, '1e+06'],
  [2500000, '2.5e+06'],
  [1e21, '1e+21'],
  [1e100, '1e+100'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [-5, '-5.0'],
  [Infinity, '+Inf'],
])('bucket bound %d is %s', (bound, text) => {
  expect(formatBound(bound)).toBe(text)
})

test.each([
  [0, '0'],
  [-0, '0'],
  [Number.NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
  [1e21, '1e+21'],
  [0.1 + 0.2, '0.30000000000000004'],
])('value %d is %s', (value, text) => {
  expect(formatValue(value)).toBe(text)
})

test('every finite bound and value reads back as itself', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
      expect(Number(formatValue(x))).toBe(x === 0 ? 0 : x)
      expect(Number(formatBound(x))).toBe(x === 0 ? 0 : x)
    }),
  )
})
