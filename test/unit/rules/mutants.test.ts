import { expect, it } from 'vitest'
import { changesOf } from '../../mutation/rules/expressions.ts'
import { alertMutants } from '../../mutation/rules/mutants.ts'

const namesOf = (expression: string) => changesOf(expression).map(({ name }) => name)

it('changes every part of an expression, one at a time', () => {
  const expression = `sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m]))
  / on (job) b{job="j"} > 0.25`
  expect(changesOf(expression).map(({ expression }) => expression.replace(/\s+/g, ' '))).toEqual([
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job="j"} > 0.26',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job="j"} > 0.24',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) * on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job="j"} >= 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job="j"} < 0.25',
    'sum without (mode) (rate(a_total{role=~"x|y"}[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job!="j", role=~"x|y"}[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", }[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role!~"x|y"}[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"y"}[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x"}[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job!="j"} > 0.25',
    'sum without () (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on () b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[60s])) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (rate(a_total{job="j", role=~"x|y"}[240s])) / on (job) b{job="j"} > 0.25',
    'max without (mode) (rate(a_total{job="j", role=~"x|y"}[2m])) / on (job) b{job="j"} > 0.25',
    'rate(a_total{job="j", role=~"x|y"}[2m]) / on (job) b{job="j"} > 0.25',
    'sum without (mode) (a_total{job="j", role=~"x|y"}) / on (job) b{job="j"} > 0.25',
  ])
})

it('leaves each side of a set operator away and exchanges it', () => {
  expect(
    changesOf('a and on (job) b unless on (job) c')
      .filter(({ name }) => /^oper/.test(name))
      .map(({ expression }) => expression),
  ).toEqual([
    'a or on (job) b unless on (job) c',
    'a unless on (job) b unless on (job) c',
    'a and on (job) b and on (job) c',
    'a and on (job) b or on (job) c',
    'b unless on (job) c',
    'a unless on (job) c',
    'a and on (job) b ',
  ])
})

it('steps by what means something where the number stands', () => {
  const steps = (expression: string) => namesOf(expression).filter((name) => name.startsWith('literal'))
  expect(steps('increase(a_total[1h]) >= 3')).toEqual(['literal: 3 → 4', 'literal: 3 → 2'])
  expect(steps('time() - a_timestamp_seconds < 600')).toEqual(['literal: 600 → 601', 'literal: 600 → 599'])
  expect(steps('a_lag_seconds > 1')).toEqual(['literal: 1 → 1.1', 'literal: 1 → 0.9'])
  expect(steps('rate(a_total[5m]) > 0')).toEqual(['literal: 0 → 0.01', 'literal: 0 → -0.01'])
})

it('gives every mutant a name of its own', () => {
  const names = namesOf('a{x="1"} > 1 and b{x="1"} > 1')
  expect(new Set(names).size).toBe(names.length)
})

it('changes times and severity', () => {
  const rule = {
    alert: 'A',
    expr: 'up',
    for: '1m',
    keep_firing_for: '30s',
    labels: { severity: 'warning' },
    annotations: {},
  }
  expect(alertMutants(rule).map(({ name }) => name)).toEqual([
    'for: 1m → ∅',
    'for: 1m → 30s',
    'for: 1m → 120s',
    'keep_firing_for: 30s → ∅',
    'keep_firing_for: 30s → 15s',
    'keep_firing_for: 30s → 60s',
    'severity: warning → critical',
    'severity: warning → info',
  ])
})
