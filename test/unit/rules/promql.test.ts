import { describe, expect, it } from 'vitest'
import { tokensOf } from '../../../src/rules/promql.ts'
import { parsePromql, selectorsIn } from '../../support/promql.ts'

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

describe('the tree of PromQL', () => {
  it('binds as Prometheus does', () => {
    expect(parsePromql('a{x="1"} >= on (job) group_left (y) b unless on () (c or d)')).toEqual({
      kind: 'binary',
      operator: 'unless',
      isBool: false,
      matching: { keyword: 'on', labels: [], group: undefined, include: [] },
      left: {
        kind: 'binary',
        operator: '>=',
        isBool: false,
        matching: { keyword: 'on', labels: ['job'], group: 'left', include: ['y'] },
        left: {
          kind: 'selector',
          metric: 'a',
          matchers: [{ label: 'x', operator: '=', value: '1' }],
          range: undefined,
        },
        right: { kind: 'selector', metric: 'b', matchers: [], range: undefined },
      },
      right: {
        kind: 'binary',
        operator: 'or',
        isBool: false,
        matching: undefined,
        left: { kind: 'selector', metric: 'c', matchers: [], range: undefined },
        right: { kind: 'selector', metric: 'd', matchers: [], range: undefined },
      },
    })
  })

  it('has calls, aggregations, ranges and numbers', () => {
    expect(parsePromql('histogram_quantile(0.9, sum without (rung) (rate(x_bucket[5m]))) # why')).toEqual({
      kind: 'call',
      name: 'histogram_quantile',
      args: [
        { kind: 'number', value: 0.9 },
        {
          kind: 'aggregate',
          operator: 'sum',
          grouping: { keyword: 'without', labels: ['rung'] },
          args: [
            {
              kind: 'call',
              name: 'rate',
              args: [{ kind: 'selector', metric: 'x_bucket', matchers: [], range: '5m' }],
            },
          ],
        },
      ],
    })
  })

  it('finds every selector', () => {
    const text = 'time() - -a > 1 and (b offset 5m == bool 1 or max_over_time(c[5m:1m]))'
    expect(selectorsIn(parsePromql(text)).map(({ metric }) => metric)).toEqual(['a', 'b', 'c'])
  })

  it.each(['', 'up ==', 'up{job=}', 'sum(', 'up)', 'rate(up[5m)'])('refuses %j', (text) => {
    expect(() => parsePromql(text)).toThrow(SyntaxError)
  })
})
