import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createInk } from '../../../../src/platform/exposition/ink.ts'
import { formatValue } from '../../../../src/platform/exposition/number.ts'

const value = fc.oneof(
  fc.double(),
  fc.maxSafeNat(),
  fc.nat(1000),
  fc.constantFrom(0, -0, 9, 10, 99, 100, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e21, -1, 42949672960),
)

test('values and texts of any script are written as they would be concatenated', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), value)), (lines) => {
      const ink = createInk()
      ink.text('of the scrape before')
      ink.clear()
      for (const [text, number] of lines) {
        ink.text(text)
        ink.copy(Buffer.from(text))
        ink.value(number)
      }
      const expected = lines.map(([text, number]) => `${text}${text}${formatValue(number)}\n`).join('')
      expect(ink.bytes().toString()).toBe(expected)
      expect(ink.length).toBe(Buffer.byteLength(expected))
    }),
  )
})

test('the page grows with what is written, also by one text larger than itself', () => {
  const ink = createInk()
  const large = 'é'.repeat(300_000)
  for (let i = 0; i < 20_000; i++) ink.value(i * 1e9)
  ink.text(large)
  const text = ink.bytes().toString()
  expect(text.endsWith(`\n19999000000000\n${large}`)).toBe(true)
  expect(text.split('\n')).toHaveLength(20_001)
})
