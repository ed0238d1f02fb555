import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceSettings } from '../../../scripts/documents.ts'
import { ACTIONS, REFUSALS, TRIGGERS } from '../../../src/control/model.ts'
import { EXIT_REASONS } from '../../../src/crashes/model.ts'
import { PHASES, RESOURCES } from '../../../src/exhaustion/model.ts'
import { LEVELS, TRENDS } from '../../../src/memory/model.ts'
import { parseDuration } from '../../../src/platform/duration.ts'
import { metricsGroups } from '../../../src/reference.ts'
import { readExpression, type Selector } from '../../../src/rules/selectors.ts'
import { alertFiles, recordingFiles } from '../../support/rule-files.ts'

const runbooks = readFileSync(join(import.meta.dirname, '../../../docs/runbooks.md'), 'utf8')
const alerts = alertFiles.flatMap((file) => file.rules.map((rule) => ({ room: file.room, ...rule })))
const named = alerts.map((rule) => [rule.alert, rule] as const)
const expressions = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...recordingFiles.flatMap(({ rules }) => rules.map(({ record, expr }) => [record, expr] as const)),
]

interface Known {
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly job: string | undefined
}

/** What is not ours. test/integration/alerts/foreign-metrics.test.ts asks the programs themselves. */
const FOREIGN: Readonly<Record<string, Known>> = {
  up: { type: 'gauge', labels: [], job: 'agent-exporter' },
  ALERTS: { type: 'gauge', labels: ['alertname', 'alertstate', 'severity', 'room', 'agent'], job: undefined },
  alertmanager_notifications_total: { type: 'counter', labels: ['integration'], job: 'alertmanager' },
  alertmanager_notifications_failed_total: {
    type: 'counter',
    labels: ['integration', 'reason'],
    job: 'alertmanager',
  },
  alertmanager_config_last_reload_successful: { type: 'gauge', labels: [], job: 'alertmanager' },
  prometheus_notifications_alertmanagers_discovered: { type: 'gauge', labels: [], job: 'prometheus' },
  prometheus_notifications_errors_total: { type: 'counter', labels: ['alertmanager'], job: 'prometheus' },
  prometheus_rule_evaluation_failures_total: { type: 'counter', labels: ['rule_group'], job: 'prometheus' },
}

const known = new Map<string, Known>(Object.entries(FOREIGN))
for (const { families } of await metricsGroups(referenceSettings)) {
  for (const { name, type, labels } of families) {
    if (type !== 'histogram') known.set(name, { type, labels, job: 'agent-exporter' })
    else {
      known.set(`${name}_bucket`, { type: 'counter', labels: [...labels, 'le'], job: 'agent-exporter' })
      known.set(`${name}_sum`, { type: 'counter', labels, job: 'agent-exporter' })
      known.set(`${name}_count`, { type: 'counter', labels, job: 'agent-exporter' })
    }
  }
}

/** Labels whose values are a closed list: a misspelt one would match nothing, for ever. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  action: ACTIONS,
  trigger: TRIGGERS,
  outcome: ['done', 'failed', 'refused', 'dry_run', 'noop'],
  phase: PHASES,
  level: [...LEVELS, 'intervention'],
  trend: TRENDS,
  estimate: ['low', 'mid'],
  token_type: ['input', 'output', 'cache_read', 'cache_write', 'unspecified'],
  runtime: ['process', 'container', 'cooperative'],
  state: ['starting', 'running', 'idle', 'waiting', 'paused', 'exited'],
  resource: [...RESOURCES, 'manual'],
}
const REASONS: Readonly<Record<string, readonly string[]>> = {
  agent_action_refusals_total: REFUSALS,
  agent_exits_total: EXIT_REASONS,
}

/** All of them are in Prometheus 2.42. */
const FUNCTIONS = [
  'absent',
  'changes',
  'count',
  'histogram_quantile',
  'increase',
  'last_over_time',
  'predict_linear',
  'rate',
  'sum',
  'time',
  'vector',
]
const OF_COUNTERS = ['rate', 'increase']
const TARGET = ['job', 'instance']
/** A range needs two samples although scrapes are lost, 15 s apart. */
const SHORTEST_RANGE_MS = 60_000
const SHORTEST_FOR_MS = 30_000

describe.each(alertFiles.map((file) => [file.room, file] as const))(
  'alerts/%s.rules.yml',
  (room, { groups }) => {
    it('is one group with the name of its room', () => {
      expect(groups.map(({ name }) => name)).toEqual([`agent-${room}`])
    })
  },
)

it('no two alerts have the same name', () => {
  const names = named.map(([name]) => name)
  expect(names).toEqual([...new Set(names)])
})

describe.each(named)('%s', (alert, rule) => {
  it('says severity, room and class, what is wrong, and where to look', () => {
    expect(alert).toMatch(/^Agent[A-Z]/)
    expect(rule.labels).toEqual({
      severity: expect.stringMatching(/^(critical|warning|info|none)$/),
      room: rule.room,
    })
    expect(rule.annotations).toEqual({
      class: expect.stringMatching(/^(level|event|absence|always)$/),
      summary: expect.stringMatching(/^\S.*[^.]$/),
      description: expect.stringMatching(/\S/),
      runbook_url: `docs/runbooks.md#${alert.toLowerCase()}`,
      dashboard_url: expect.stringMatching(/^http:\/\/localhost:3000\/d\/agent-exporter-(agent|fleet)/),
    })
  })

  it('has a runbook that says what it means, how to check, what was done already and how to mend it', () => {
    const section = runbooks.split(/\n(?=## )/).find((text) => text.startsWith(`## ${alert}\n`))
    for (const part of ['\n- Check: ', '\n- Already done: ', '\n- Mend: ']) expect(section).toContain(part)
  })

  it('waits at least two scrapes, if it waits', () => {
    for (const time of [rule.for, rule.keep_firing_for]) {
      if (time !== undefined) expect(parseDuration(time)).toBeGreaterThanOrEqual(SHORTEST_FOR_MS)
    }
  })

  it('has a condition', () => {
    const { operators, functions } = readExpression(rule.expr)
    const compares = operators.some((operator) => /^([=!<>]=|[<>])$/.test(operator))
    expect(compares || functions.includes('absent') || rule.annotations['class'] === 'always').toBe(true)
  })
})

describe.each(expressions)('the expression of %s', (_, expr) => {
  const { selectors, labelLists, functions } = readExpression(expr)

  it('reads metrics and labels that exist', () => {
    for (const selector of selectors) {
      const metric = known.get(selector.metric)
      expect(metric, selector.metric).toBeDefined()
      for (const { label } of selector.matchers) {
        expect([...TARGET, ...(metric?.labels ?? [])], `${selector.metric}{${label}}`).toContain(label)
      }
    }
  })

  it('compares labels with values that exist', () => {
    for (const { metric, matchers } of selectors) {
      for (const { label, operator, value } of matchers) {
        const allowed = (label === 'reason' ? REASONS[metric] : undefined) ?? VALUES[label]
        if (allowed === undefined) continue
        const values = operator.includes('~') ? value.split('|') : [value]
        for (const one of values) expect(allowed, `${metric}{${label}}`).toContain(one)
      }
    }
  })

  it('selects the job of the exporter wherever it reads, as the files hold it', () => {
    for (const { metric, matchers } of selectors) {
      const job = known.get(metric)?.job
      if (job !== undefined) expect(matchers[0], metric).toEqual({ label: 'job', operator: '=', value: job })
    }
  })

  it('asks counters for their growth and nothing else for it', () => {
    for (const selector of selectors) {
      const isCounter = known.get(selector.metric)?.type === 'counter'
      expect(OF_COUNTERS.includes(selector.caller ?? ''), selector.metric).toBe(isCounter)
    }
  })

  it('looks far enough back to find two samples', () => {
    for (const { metric, range } of selectors) {
      if (range !== undefined) expect(parseDuration(range), metric).toBeGreaterThanOrEqual(SHORTEST_RANGE_MS)
    }
  })

  it('keeps targets apart: two of them may have an agent of the same id', () => {
    for (const { keyword, labels } of labelLists) {
      if (keyword === 'on') expect(labels, keyword).toEqual(expect.arrayContaining(TARGET))
      if (keyword === 'without') expect(TARGET.filter((label) => labels.includes(label))).toEqual([])
      if (keyword === 'by') expect(selectors.map(({ metric }) => metric)).toEqual(['ALERTS'])
    }
  })

  it('names labels that what it reads has', () => {
    const all = new Set([...TARGET, ...selectors.flatMap(labelsOf)])
    for (const { labels } of labelLists) for (const label of labels) expect(all).toContain(label)
  })

  it('uses functions that Prometheus 2.42 has', () => {
    for (const name of functions) expect(FUNCTIONS).toContain(name)
  })
})

function labelsOf({ metric }: Selector): readonly string[] {
  return known.get(metric)?.labels ?? []
}
