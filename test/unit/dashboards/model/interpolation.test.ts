import type { VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import { type Choice, interpolateVariables } from '../../../../dashboards/model/interpolate.ts'
import { goDuration, interpolateTimes, intervalsOf } from '../../../../dashboards/model/intervals.ts'

const several = {
  name: 'agent',
  type: 'query',
  multi: true,
  includeAll: true,
  allValue: '.+',
} as VariableModel
const one = { name: 'agent', type: 'query' } as VariableModel
const HOUR = 3_600_000

describe('the model of Grafana: variables', () => {
  it.each<[string, VariableModel, Choice['chosen'], string]>([
    ['All is the text of allValue', several, '$__all', 'x{agent=~".+"}'],
    ['several become a group', several, ['a', 'b'], 'x{agent=~"(a|b)"}'],
    ['one of several stands alone', several, ['a'], 'x{agent=~"a"}'],
    ['dots are escaped twice, for the string and the expression', several, 'a.b', 'x{agent=~"a\\\\.b"}'],
    ['a backslash becomes four', several, 'a\\b', 'x{agent=~"a\\\\\\\\b"}'],
    ['a single value is not a regular expression', one, 'a.b', 'x{agent=~"a.b"}'],
  ])('%s', (_, variable, chosen, expected) => {
    expect(
      interpolateVariables('x{agent=~"$agent"}', [variable], { agent: { chosen, options: ['a', 'b'] } }),
    ).toBe(expected)
  })

  it('without allValue All is the list, and an empty list matches only what has no label', () => {
    const { allValue: _, ...listed } = several
    const of = (options: string[]) =>
      interpolateVariables('${agent}', [listed], { agent: { chosen: '$__all', options } })
    expect([of(['a', 'b']), of([])]).toEqual(['(a|b)', '()'])
  })

  it('unknown names and times of the server stay', () => {
    expect(interpolateVariables('$nobody $__range $__rate_interval', [], {})).toBe(
      '$nobody $__range $__rate_interval',
    )
  })
})

describe('the model of Grafana: times', () => {
  it.each<[number, number, number, string, string]>([
    [1 * HOUR, 800, 15_000, '15s', '1m0s'],
    [6 * HOUR, 800, 15_000, '30s', '1m0s'],
    [24 * HOUR, 800, 15_000, '2m0s', '2m15s'],
    [24 * HOUR, 1500, 15_000, '1m0s', '1m15s'],
    [168 * HOUR, 800, 15_000, '15m0s', '15m15s'],
    [1 * HOUR, 800, 30_000, '30s', '2m0s'],
  ])('%d ms over %d points, scraped every %d ms', (rangeMs, points, scrapeMs, interval, rateInterval) => {
    const { intervalMs, rateIntervalMs } = intervalsOf({ rangeMs, points, scrapeMs })
    expect([goDuration(intervalMs), goDuration(rateIntervalMs)]).toEqual([interval, rateInterval])
  })

  it('a minimum of the panel makes steps longer', () => {
    const intervals = intervalsOf({ rangeMs: HOUR, points: 800, scrapeMs: 15_000, panelMs: 300_000 })
    expect(interpolateTimes('increase(x[$__interval]) / $__range_s > 0 or x[$__range]', intervals)).toBe(
      'increase(x[5m]) / 3600 > 0 or x[3600s]',
    )
  })
})
