import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { SHARED_NAMES } from '../../../dashboards/src/promql.ts'
import { selectorsIn, walk } from '../promql.ts'
import { EXPRESSION_CHECKS } from '../rule-checks.ts'
import { alertFiles } from '../rule-files.ts'
import { isMatched, resultLabels } from '../rule-labels.ts'
import { type RuleWorld, valuesOf } from '../rule-world.ts'
import { targetsOf } from './boards.ts'
import type { BoardRule } from './finding.ts'
import { expressionsOf } from './our-rules.ts'
import { parses, plain, selectorsOf, treeOf } from './read.ts'
import { type KnownSeries, labelsOfResult } from './series.ts'

const TARGET = ['job', 'instance']
/** Two targets may have an agent of the same id. */
const IDENTITY = [...TARGET, 'agent']
const ALERTS = alertFiles.flatMap(({ rules }) => rules.map(({ alert }) => alert))
const OF_COUNTERS = ['rate', 'irate', 'increase', 'resets']

/** Boards ask only for what the exporter has, and rightly. */
export function contractRules(series: KnownSeries): readonly BoardRule[] {
  const labelsOf = (metric: string): readonly string[] => series.get(metric)?.labels ?? []
  const world: RuleWorld = {
    metrics: new Map([...series].map(([name, known]) => [name, { ...known, job: undefined }])),
    runbooks: new Set(),
  }
  return [
    rule('known-metrics', (expr) =>
      selectorsOf(expr).flatMap(({ metric }) => (series.has(metric) ? [] : [metric])),
    ),
    rule('known-labels', (expr) =>
      selectorsOf(expr).flatMap(({ metric, matchers }) =>
        matchers.flatMap(({ label }) =>
          [...TARGET, ...labelsOf(metric)].includes(label) ? [] : [`${metric}{${label}}`],
        ),
      ),
    ),
    rule('known-values', (expr) =>
      selectorsOf(expr).flatMap(({ metric, matchers }) =>
        matchers.flatMap(({ label, operator, value }) => {
          const allowed = label === 'alertname' ? ALERTS : valuesOf(metric, label)
          const values = operator.includes('~') ? value.split('|') : [value]
          if (allowed === undefined || value.includes('$')) return []
          const isKnown = (one: string): boolean =>
            allowed.some((other) => new RegExp(`^(?:${one})$`).test(other))
          return values.filter((one) => !isKnown(one)).map((one) => `${label}="${one}"`)
        }),
      ),
    ),
    rule('grouped-labels', (expr) => {
      if (!parses(expr)) return []
      return [...walk(treeOf(expr))].flatMap(([one]) => {
        if (one.kind !== 'aggregate' || one.grouping === undefined) return []
        const has = resultLabels(one.args.at(-1)!, labelsOf).has
        return one.grouping.labels
          .filter((label) => !has.has(label))
          .map((label) => `${one.operator} by ${label}`)
      })
    }),
    rule('joined-by-identity', (expr) => {
      if (!parses(expr)) return []
      return [...walk(treeOf(expr))].flatMap(([one]) => {
        if (one.kind !== 'binary' || one.matching === undefined) return []
        const [left, right] = [one.left, one.right].map((side) => resultLabels(side, labelsOf))
        if (left!.isScalar || right!.isScalar) return []
        return IDENTITY.filter((label) => left!.has.has(label) && right!.has.has(label))
          .filter((label) => !left!.pinned.has(label) && !isMatched(label, one.matching))
          .map((label) => `${one.operator} joins what differs in ${label}`)
      })
    }),
    rule('only-exporters', (expr) => {
      if (!parses(expr)) return []
      return [...walk(treeOf(expr))].flatMap(([one, above]) => {
        if (one.kind !== 'selector' || !SHARED_NAMES.test(one.metric)) return []
        const isOurs = above.some(
          (parent) =>
            parent.kind === 'binary' &&
            parent.operator === 'and' &&
            selectorsIn(parent.right).some(({ metric }) => metric === 'agent_exporter_build_info'),
        )
        return isOurs ? [] : [`${one.metric} of whatever program`]
      })
    }),
    rule('counters-grow', (expr) =>
      selectorsOf(expr).flatMap(({ metric, caller }) => {
        const isCounter = series.get(metric)?.type === 'counter'
        const isRight = isCounter
          ? [...OF_COUNTERS, 'last_over_time'].includes(caller ?? '')
          : !OF_COUNTERS.includes(caller ?? '')
        return isRight ? [] : [metric]
      }),
    ),
    rule('buckets-keep-le', (expr) => {
      if (!parses(expr)) return []
      return [...walk(treeOf(expr))].flatMap(([one]) =>
        one.kind === 'call' &&
        one.name === 'histogram_quantile' &&
        !resultLabels(one.args[1]!, labelsOf).has.has('le')
          ? ['no le']
          : [],
      )
    }),
    ...(['impossible', 'vector_matching'] as const).map((name) =>
      rule(name.replace('_', '-'), (expr) =>
        parses(expr) ? [...EXPRESSION_CHECKS[name]!({ expr: plain(expr) }, world)] : [],
      ),
    ),
    {
      name: 'legend-labels',
      check: (board) =>
        [
          ...targetsOf(board).map(
            ({ where, expr, legendFormat = '' }) => [where, expr, legendFormat] as const,
          ),
          ...(board.annotations.list ?? []).map(
            ({ name, expr = '', titleFormat, textFormat, tagKeys = '' }) =>
              [name, expr, `${titleFormat} ${textFormat} ${tagKeys.replace(/\w+/g, '{{$&}}')}`] as const,
          ),
        ].flatMap(([where, expr, text]) => {
          if (!parses(expr)) return []
          const { has } = labelsOfResult(expr, series)
          return [...text.matchAll(/\{\{(\w+)\}\}/g)].flatMap(([, label]) =>
            has.has(label!) ? [] : [`${where}: {{${label}}}`],
          )
        }),
    },
  ]
}

function rule(name: string, faults: (expr: string) => string[]): BoardRule {
  const known = new Map<string, readonly string[]>()
  const faultsOf = (expr: string): readonly string[] => {
    const found = known.get(expr) ?? faults(expr)
    known.set(expr, found)
    return found
  }
  const check = (board: Dashboard): string[] =>
    expressionsOf(board).flatMap(([where, expr]) => faultsOf(expr).map((fault) => `${where}: ${fault}`))
  return { name, check }
}
