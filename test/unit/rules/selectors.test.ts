import { describe, expect, it } from 'vitest'
import { tokensOf } from '../../../src/rules/promql.ts'
import { readExpression } from '../../../src/rules/selectors.ts'

describe('the words of PromQL', () => {
  it('together are the expression', () => {
    const expression = `sum by (le) (rate(a:b_total{x=~"a\\"}|b", y!='}'}[5m] offset 1h30m)) >= 1.5e3 # why\n or -.5`
    expect(
      tokensOf(expression)
        .map(({ text }) => text)
        .join(''),
    ).toBe(expression)
  })

  it('tell strings, durations, numbers and names apart', () => {
    const kinds = tokensOf('x{a="5m"}[5m]>5').map(({ kind, text }) => `${kind} ${text}`)
    expect(kinds).toEqual(
      expect.arrayContaining(['name x', 'string "5m"', 'duration 5m', 'sign >', 'number 5']),
    )
  })

  it('are refused where there are none', () => {
    expect(() => tokensOf('up == $value')).toThrow(/at 6/)
  })
})

describe('what an expression reads', () => {
  it('is found with matchers, range and the function around it', () => {
    const { selectors } = readExpression(
      `sum without (mode) (rate(cpu_total{job="x", mode!="idle"}[2m])) > 3 and on (job) last_over_time(up{job="x"}[1m]) == 1`,
    )
    expect(selectors).toEqual([
      {
        metric: 'cpu_total',
        matchers: [
          { label: 'job', operator: '=', value: 'x' },
          { label: 'mode', operator: '!=', value: 'idle' },
        ],
        range: '2m',
        caller: 'rate',
      },
      {
        metric: 'up',
        matchers: [{ label: 'job', operator: '=', value: 'x' }],
        range: '1m',
        caller: 'last_over_time',
      },
    ])
  })

  it('knows what stands alone, in brackets, and under an aggregation', () => {
    const { selectors } = readExpression('a > 1 and on (job) (b unless on (job) (c)) or sum by (job) (d)')
    expect(selectors.map(({ metric, caller }) => [metric, caller])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['c', undefined],
      ['d', 'sum'],
    ])
  })

  it('names lists of labels, functions and comparisons', () => {
    const { labelLists, functions, operators } = readExpression(
      'histogram_quantile(0.9, sum without (rung) (rate(x_bucket[5m]))) >= on (job, instance) group_left () y',
    )
    expect(labelLists).toEqual([
      { keyword: 'without', labels: ['rung'] },
      { keyword: 'on', labels: ['job', 'instance'] },
      { keyword: 'group_left', labels: [] },
    ])
    expect(functions).toEqual(['histogram_quantile', 'sum', 'rate'])
    expect(operators).toEqual(['>='])
  })
})
