import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRoster } from '../../../../src/platform/exposition/roster.ts'
import { bindSeries, type Series } from '../../../../src/platform/exposition/series.ts'
import { rss } from '../../../support/sample-families.ts'

const kept: readonly Series[] = Array.from({ length: 6 }, (_, i) => bindSeries(rss, { agent: `${i}` }))
// The same label text comes as the object that a room keeps or as a fresh one.
const series = fc.tuple(fc.nat(5), fc.boolean()).map(([i, fresh]) => (fresh ? { ...kept[i]! } : kept[i]!))

test('whatever was written before, each series is taken once, in the order of its first writing', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5)), fc.array(series, { maxLength: 12 }), (before, written) => {
      const roster = createRoster(before.map((i) => kept[i]!))
      const taken = written.filter((one) => roster.add(one)).map(({ labelText }) => labelText)
      expect(taken).toEqual([...new Set(written.map(({ labelText }) => labelText))])
      expect(roster.finish().map(({ labelText }) => labelText)).toEqual(taken)
    }),
  )
})
