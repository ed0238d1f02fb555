import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { describe, expect, it } from 'vitest'
import type { Told } from '../../support/boards/asking.ts'
import { everyCombination, pairwise } from '../../support/boards/combinations.ts'
import { faultsOf, hasData, isFullOfHoles } from '../../support/boards/judging.ts'
import { stretched } from '../../support/boards/replay.ts'

const panelWith = (target: object, unit = 'percentunit') =>
  ({
    ...{ type: 'timeseries', title: 'Disk left', fieldConfig: { defaults: { unit }, overrides: [] } },
    targets: [{ refId: 'A', expr: 'a', range: true, legendFormat: '{{agent}}', ...target }],
  }) as unknown as Panel

function told(series: readonly (readonly [object, readonly string[]])[], more: Partial<Told> = {}) {
  const result = series.map(([metric, values]) => ({
    metric: metric as Record<string, string>,
    values: values.map((value, at) => [at, value] as const),
  }))
  return new Map<string, Told>([
    ['A', { error: undefined, warnings: [], points: 2, answer: { resultType: 'matrix', result }, ...more }],
  ])
}
const a = { agent: 'a' }

describe('what is wrong with the answers to a panel', () => {
  it.each([
    ['nothing', told([[a, ['0', '0.5']]]), []],
    ['a refusal', told([], { error: 'parse error' }), ['A is refused: parse error']],
    ['a warning', told([[a, ['0']]], { warnings: ['not a counter'] }), ['A: not a counter']],
    [
      'infinity',
      told([[a, ['+Inf']]]),
      ['A is infinite for {"agent":"a"}', 'A a: Infinity of the unit percentunit'],
    ],
    ['no number', told([[a, ['NaN']]]), ['A is no number for {"agent":"a"}']],
    ['more than all', told([[a, ['1.5']]]), ['A a: 1.5 of the unit percentunit']],
    ['less than nothing', told([[a, ['-0.1']]]), ['A a: -0.1 of the unit percentunit']],
    ['a label that is missing', told([[{}, ['0']]]), ['A has no agent in {}']],
    [
      'one name twice',
      told([
        [{ ...a, x: '1' }, ['0']],
        [{ ...a, x: '2' }, ['0']],
      ]),
      ['two are called "a"'],
    ],
    [
      'too many',
      told(Array.from({ length: 51 }, (_, n) => [{ agent: `a${n}` }, ['0']] as const)),
      ['A has 51 series'],
    ],
  ])('%s', (_, answers, faults) => {
    expect(faultsOf(panelWith({}), answers)).toEqual(faults)
  })

  it('is no gap in the line of a quantile', () => {
    const quantile = panelWith({ expr: 'histogram_quantile(0.9, a)' })
    expect(faultsOf(quantile, told([[a, ['NaN', '1']]]))).toEqual([])
  })

  it('tells a query that was not asked', () => {
    expect(faultsOf(panelWith({}), new Map())).toEqual(['A was not asked'])
  })

  it('sees data, and holes in it', () => {
    const [nothing, half, all] = [told([]), told([[a, ['1', 'NaN']]]), told([[a, ['1', '1']]])]
    expect([nothing, half, all].map((one) => hasData(one.get('A')!))).toEqual([false, true, true])
    expect([nothing, half, all].map((one) => isFullOfHoles(panelWith({}), one))).toEqual([true, true, false])
    expect(isFullOfHoles(panelWith({ expr: 'increase(a[5m]) > 0' }), half)).toBe(false)
  })
})

describe('combinations', () => {
  const axes = { range: [1, 2, 3, 4, 5], width: [1, 2, 3], agent: ['a', 'b', 'c', 'd'], scrape: [5, 15, 60] }

  it('let any two values meet, with few of all', () => {
    const chosen = pairwise(axes)
    expect(everyCombination(axes)).toHaveLength(180)
    expect(chosen.length).toBeLessThan(30)
    for (const range of axes.range) {
      for (const agent of axes.agent) {
        expect(chosen.some((one) => one.range === range && one.agent === agent)).toBe(true)
      }
    }
    for (const width of axes.width) {
      for (const scrape of axes.scrape) {
        expect(chosen.some((one) => one.width === width && one.scrape === scrape)).toBe(true)
      }
    }
  })
})

describe('a minute stretched to a week', () => {
  const times = Array.from({ length: 61 }, (_, n) => 1e12 + n * 1_000)
  const play = (metric: string, valueAt: (n: number) => number) =>
    stretched(
      {
        series: [{ labels: { __name__: metric }, times, values: times.map((_, n) => valueAt(n)) }],
        ...{ from: 1e12, to: 1e12 + 60_000 },
      },
      [[604_800, 60]],
      () => false,
    )[0]!

  it('ends as it was, begins a week earlier, and a counter never falls', () => {
    const { times: played, values } = play('x_total', (n) => n * 10)
    expect([played.at(-1), values.at(-1)]).toEqual([1e12 + 60_000, 600])
    expect(played[0]).toBe(1e12 + 60_000 - 604_800_000)
    expect(values[0]).toBeLessThan(1)
    expect(values.every((value, at) => at === 0 || value >= values[at - 1]!)).toBe(true)
  })

  it('moves the times of what happened, and never beyond the present', () => {
    const { times: played, values } = play('x_timestamp_seconds', (n) => 1e9 + Math.floor(n / 10) * 10)
    expect(values.every((value, at) => value <= played[at]! / 1_000 + 1e-3)).toBe(true)
    expect(values[0]).toBeLessThan(1e9 - 500_000)
  })

  it('keeps what was before it as long before it', () => {
    const { values } = play('x_timestamp_seconds', () => 1e9 - 90)
    expect(values.at(-1)).toBeCloseTo(1e9 + 60 - 604_800 - 90, 0)
  })

  const spread = (metric: string, from: number, isThere: (n: number) => boolean) => {
    const kept = times.filter((_, n) => isThere(n))
    return { labels: { __name__: metric }, times: kept, values: kept.map((_, n) => from + n) }
  }
  const playBoth = (...series: ReturnType<typeof spread>[]) =>
    stretched({ series, from: 1e12, to: 1e12 + 60_000 }, [[604_800, 60]], () => false)
  const count = ({ times: played }: { times: readonly number[] }) => played.length

  it('takes scrapes that the whole exporter missed for no end of a series', () => {
    const missed = (n: number) => n < 4 || n > 12
    const [whole] = playBoth(spread('up', 0, () => true))
    const [up, one] = playBoth(spread('up', 0, missed), spread('x', 0, missed))
    expect([count(up!), count(one!)]).toEqual([count(whole!), count(whole!)])
  })

  it('leaves a series out that was away while the exporter was scraped', () => {
    const [up, one] = playBoth(
      spread('up', 0, () => true),
      spread('x', 0, (n) => n < 4 || n > 12),
    )
    expect(count(one!)).toBeLessThan(0.9 * count(up!))
  })
})
