import { expect, it } from 'vitest'
import { formatNumber } from '../../../../dashboards/model/units.ts'
import { panelsOf, shippedBoards } from '../../../support/boards/boards.ts'

const NOW = Date.UTC(2025, 0, 2)

it.each<[string, number, number | undefined, string]>([
  ['none', 0, undefined, '0'],
  ['none', 1234.5678, undefined, '1235'],
  ['none', 1.5, undefined, '1.5'],
  ['none', 0.012345, undefined, '0.0123'],
  ['none', 3, 2, '3.00'],
  ['short', 1_234_567, 1, '1.2 Mil'],
  ['short', 999, 0, '999'],
  ['percentunit', 0.873, 0, '87%'],
  ['bytes', 1_610_612_736, 1, '1.5 GiB'],
  ['bytes', 0, undefined, '0 B'],
  ['binBps', -2048, undefined, '-2 KiB/s'],
  ['ops', 12_500, undefined, '12.5K ops/s'],
  ['currencyUSD', 12.345, 1, '$12.3'],
  ['currencyUSD', -1250, 1, '-$1.3K'],
  ['bool_yes_no', 1, undefined, 'Yes'],
  ['bool_yes_no', 0, undefined, 'No'],
  ['s', 0.25, undefined, '250 ms'],
  ['s', 0.0004, undefined, '400 µs'],
  ['s', 90, undefined, '1.5 mins'],
  ['s', 7200, undefined, '2 hours'],
  ['dtdurations', 3725, undefined, '1 hour'],
  ['dtdurations', 3725, 1, '1 hour, 2 minutes'],
  ['dtdurations', -60, undefined, '1 minute ago'],
  ['dateTimeFromNow', NOW - 3_600_000, undefined, 'an hour ago'],
  ['dateTimeFromNow', NOW - 10_000, undefined, 'a few seconds ago'],
  ['dateTimeFromNow', NOW + 3 * 86_400_000, undefined, 'in 3 days'],
  ['suffix:tok/s', 12.5, undefined, '12.5 tok/s'],
  ['bytes', Infinity, undefined, '∞'],
])('%s of %d with %s decimals is %s', (unit, value, decimals, text) => {
  expect(formatNumber(unit, value, decimals, NOW)).toBe(text)
})

it('a unit without a model is refused', () => {
  expect(() => formatNumber('parsecs', 1, undefined, NOW)).toThrow('the unit parsecs has no model')
})

it('every unit of every board has a model', () => {
  const units = shippedBoards()
    .flatMap(panelsOf)
    .flatMap(({ fieldConfig }) => [
      fieldConfig?.defaults.unit,
      ...(fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
        properties.flatMap(({ id, value }) => (id === 'unit' ? [value as string] : [])),
      ),
    ])
  for (const unit of new Set(units)) {
    if (unit !== 'string') expect(formatNumber(unit!, 1.5, undefined, NOW)).not.toBe('')
  }
})
