import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeEntry, encodeEntry } from '../../../src/alertmanager/stored.ts'
import type { Series } from '../../../src/alertmanager/table.ts'
import { CURED, firing, worldOf } from './shapes.ts'

const time = fc.double({ min: 0, max: 4e12, noNaN: true, noDefaultInfinity: true })
const moment = fc.record({ bootId: fc.constantFrom('boot-1', 'boot-2', ''), bootMs: time, wallMs: time })
const series: fc.Arbitrary<Series> = fc.record({
  fingerprint: fc.string(),
  status: fc.constantFrom('firing', 'resolved'),
  startsAtMs: time,
  endsAtMs: fc.option(time, { nil: undefined }),
  heardAt: moment,
})

it('is read as it was written', () => {
  const world = worldOf([CURED])
  world.tell(firing())
  const entry = [...world.table.entries.values()][0]!
  fc.assert(
    fc.property(fc.array(series, { maxLength: 32 }), (some) => {
      const whole = { ...entry, series: some }
      expect(decodeEntry(encodeEntry(whole))).toEqual(whole)
    }),
  )
})
