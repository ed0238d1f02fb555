import { describe, expect, it } from 'vitest'
import { ALERT_CHECKS, type AlertOfRoom, duplicates, EXPRESSION_CHECKS } from '../../support/rule-checks.ts'
import type { RuleWorld } from '../../support/rule-world.ts'

const world: RuleWorld = {
  metrics: new Map([
    ['agent_used', { type: 'gauge', labels: ['agent', 'resource'], job: 'agent-exporter' }],
    ['agent_limit', { type: 'gauge', labels: ['agent'], job: 'agent-exporter' }],
    ['agent_phase', { type: 'gauge', labels: ['agent', 'phase'], job: 'agent-exporter' }],
    ['agent_exits_total', { type: 'counter', labels: ['role', 'reason'], job: 'agent-exporter' }],
    ['agent_wait_seconds_bucket', { type: 'counter', labels: ['rung', 'le'], job: 'agent-exporter' }],
    ['ALERTS', { type: 'gauge', labels: ['alertname', 'severity'], job: undefined }],
  ]),
  runbooks: new Set(['agentgood']),
}
const J = 'job="agent-exporter"'

const good: AlertOfRoom = {
  room: 'memory',
  alert: 'AgentGood',
  expr: `last_over_time(agent_used{${J}}[1m]) > on (job, instance, agent) group_left () last_over_time(agent_limit{${J}}[1m])`,
  for: '1m',
  labels: { severity: 'warning', room: 'memory' },
  annotations: {
    class: 'level',
    summary: '{{ $labels.agent }} is in need',
    description: 'Agent {{ $labels.agent }} on {{ $labels.instance }} has {{ $value }}.',
    runbook_url: 'docs/runbooks.md#agentgood',
    dashboard_url: 'http://localhost:3000/d/agent-exporter-agent?var-agent={{ $labels.agent | urlquery }}',
  },
}

const expr = (text: string, more: Partial<AlertOfRoom> = {}): AlertOfRoom => ({
  ...good,
  expr: text,
  ...more,
})
const told = (annotations: Readonly<Record<string, string>>): AlertOfRoom => ({
  ...good,
  annotations: { ...good.annotations, ...annotations },
})
const { for: _time, ...hasty } = good
const used = `agent_used{${J}}`
const limit = `agent_limit{${J}}`
const phase = `agent_phase{${J}}`
const exits = `rate(agent_exits_total{${J}}[5m])`

/** A rule for each way of being wrong, and what is said of it. */
const BAD: readonly (readonly [check: string, rule: AlertOfRoom, finding: string])[] = [
  ['series', expr(`agent_usage{${J}} > 1`), 'there is no agent_usage'],
  ['series', expr(`agent_used{${J}, phase="warning"} > 1`), 'agent_used has no phase'],
  ['series', expr(`agent_phase{${J}, phase="wrning"} > 0`), 'agent_phase is never phase="wrning"'],
  ['series', expr(`agent_phase{${J}, phase=~"normal|wrning"} > 0`), 'agent_phase is never phase="wrning"'],
  [
    'series',
    expr(`rate(agent_exits_total{${J}, reason="crash"}[5m]) > 1`),
    'agent_exits_total is never reason="crash"',
  ],
  ['selector', expr('agent_used > 1'), 'agent_used does not begin with job="agent-exporter"'],
  ['selector', expr(`agent_used{job=~"agent-exporter"} > 1`), 'agent_used does not begin with'],
  ['selector', expr(`agent_used{resource="tokens", ${J}} > 1`), 'agent_used does not begin with'],
  ['counter', expr(`agent_exits_total{${J}} > 1`), 'agent_exits_total counts, and is read as it is'],
  ['counter', expr(`last_over_time(agent_exits_total{${J}}[1m]) > 1`), 'agent_exits_total counts'],
  ['counter', expr(`rate(${used}[5m]) > 1`), 'agent_used does not count'],
  [
    'counter',
    expr(`rate(sum without (role) (agent_exits_total{${J}})[5m:1m]) > 1`),
    'agent_exits_total counts',
  ],
  ['rate', expr(`rate(agent_exits_total{${J}}[30s]) > 1`), '30s of agent_exits_total may hold less'],
  ['rate', expr(`last_over_time(${used}[59s]) > 1`), '59s of agent_used may hold less'],
  ['features', expr(`max_over_time(${used}[1m:15s]) > 1`), 'a subquery'],
  ['features', expr(`mad_over_time(${used}[1m]) > 1`), 'mad_over_time'],
  ['regexp', expr(`agent_used{${J}, agent=~"x"} > 1`), 'agent_used{agent} needs no pattern'],
  ['regexp', expr(`agent_used{${J}, agent=~"^x.*"} > 1`), 'agent_used{agent} is anchored as it is'],
  ['regexp', expr(`agent_used{${J}, agent=~".*x$"} > 1`), 'agent_used{agent} is anchored as it is'],
  ['regexp', expr(`agent_used{${J}, agent!~".*"} > 1`), 'agent_used{agent} is matched by everything'],
  ['nan', expr(`sum without (resource) (${used} / 2) > 1`), 'a division by zero spoils'],
  ['aggregate', expr(`sum by (agent) (${used}) > 1`), 'sum mixes job and instance'],
  ['aggregate', expr(`sum by (job, agent) (${used}) > 1`), 'sum mixes instance'],
  ['aggregate', expr(`sum without (instance) (${used}) > 1`), 'sum mixes instance'],
  ['aggregate', expr(`count(${used}) > 1`), 'count mixes job and instance'],
  ['aggregate', expr(`${limit} > 1 and on (job, agent) ${limit}`), 'and compares across instance'],
  ['aggregate', expr(`${limit} > 1 and ignoring (instance) ${limit}`), 'and compares across instance'],
  ['impossible', expr(`agent_used{${J}, agent="x", agent="y"} > 1`), 'agent_used cannot be agent="x"'],
  ['impossible', expr(`agent_used{${J}, agent="x", agent=~"y.*"} > 1`), 'agent_used cannot be agent="x"'],
  ['impossible', expr(`agent_used{${J}, agent="x", agent!="x"} > 1`), 'agent_used cannot be agent="x"'],
  ['impossible', expr('vector(0) > 1'), 'two numbers are compared'],
  ['impossible', expr(`${used} > 5 < 5`), 'no number is in that range'],
  ['impossible', expr(`${used} <= 3 > 4`), 'no number is in that range'],
  ['impossible', expr(`${exits} < 0`), 'growth is always not at least 0'],
  ['impossible', expr(`sum without (role) (${exits}) >= 0`), 'growth is always at least 0'],
  ['impossible', expr(`sum without (agent) (${exits}) > 1`), 'sum: there is no agent'],
  [
    'impossible',
    expr(`${used} > on (job, instance, phase) group_left () ${limit}`),
    'left of >: there is no phase',
  ],
  [
    'impossible',
    expr(`${limit} > 1 and on (job, instance, resource) sum without (resource) (${used})`),
    'right of and: there is no resource',
  ],
  ['impossible', expr(`${limit} > ignoring (phase) ${limit}`), 'both sides of >: there is no phase'],
  [
    'impossible',
    expr(`${used} > on (job, instance, agent) group_left (phase) ${limit}`),
    'the one side of >: there is no phase',
  ],
  [
    'impossible',
    expr(
      `agent_phase{${J}, phase="warning"} == on (job, instance, agent, phase) agent_phase{${J}, phase="normal"}`,
    ),
    'the sides of == differ in phase',
  ],
  ['vector_matching', expr(`${used} > ${limit}`), 'only one side of > has resource'],
  ['vector_matching', expr(`${limit} > 1 unless ${phase}`), 'only one side of unless has phase'],
  [
    'vector_matching',
    expr(`${used} > ignoring (resource) ${limit}`),
    'left of > there is one for each resource',
  ],
  [
    'vector_matching',
    expr(`${used} > on (job, instance, agent) ${limit}`),
    'left of > there is one for each resource',
  ],
  [
    'vector_matching',
    expr(`${used} > on (job, instance, agent) group_left () ${phase}`),
    'right of > there is one for each phase',
  ],
  [
    'vector_matching',
    expr(`${phase} > on (job, instance, agent) group_right () ${limit}`),
    'left of > there is one for each phase',
  ],
  ['name', { ...good, alert: 'MemoryLow' }, 'MemoryLow does not begin with Agent'],
  ['comparison', expr(used), 'fires for whatever there is'],
  ['comparison', expr(`${used} > bool 1`), 'fires for whatever there is'],
  ['comparison', expr(`${limit} > 1 or ${limit}`), 'fires for whatever there is'],
  ['comparison', expr('vector(1)'), 'fires for whatever there is'],
  ['for', { ...good, for: '15s' }, 'for is shorter than two scrapes: 15s'],
  ['for', { ...good, keep_firing_for: 'long' }, 'keep_firing_for is shorter than two scrapes: long'],
  ['label', { ...good, labels: { room: 'memory' } }, 'severity'],
  ['label', { ...good, labels: { severity: 'page', room: 'memory' } }, 'severity'],
  ['label', { ...good, labels: { severity: 'info', room: 'host' } }, 'room'],
  ['label', { ...good, labels: { ...good.labels, team: 'a' } }, 'team'],
  ['annotation', told({ class: 'loud' }), 'class'],
  ['annotation', told({ summary: '' }), 'summary'],
  ['annotation', told({ summary: 'Is in need.' }), 'summary'],
  ['annotation', told({ description: ' ' }), 'description'],
  ['annotation', told({ dashboard_url: 'http://localhost:3000/d/other' }), 'dashboard_url'],
  ['annotation', told({ note: 'more' }), 'note'],
  ['link', told({ runbook_url: 'docs/runbooks.md#agentother' }), 'the runbook of another alert'],
  ['link', { ...good, alert: 'AgentNew' }, 'the runbook of another alert'],
  [
    'link',
    { ...told({ runbook_url: 'docs/runbooks.md#agentnew' }), alert: 'AgentNew' },
    'no section agentnew in the runbooks',
  ],
  [
    'link',
    told({ dashboard_url: 'http://localhost:3000/d/agent-exporter-agent?var-agent={{ $labels.agent }}' }),
    'var-agent=',
  ],
  [
    'link',
    told({
      dashboard_url: 'http://localhost:3000/d/agent-exporter-agent?var-job={{ $labels.agent | urlquery }}',
    }),
    'var-job=',
  ],
  ['template', told({ summary: '{{ $labels.phase }} is in need' }), 'no label phase'],
  ['template', expr(`sum without (agent) (${used}) > 1`), 'no label agent'],
  ['template', expr(`sum by (job, instance) (${used}) > 1`), 'no label agent'],
  ['template', expr(`${limit} > on (job, instance) ${limit}`), 'no label agent'],
  ['template', expr(`absent(${used})`), 'no label agent'],
  ['template', { ...good, labels: { ...good.labels, severity: '{{ $value }}' } }, 'severity changes'],
  ['template', told({ summary: '{{ $labels.agent }} has {{ $value }} left' }), 'the summary changes'],
  ['fragile', expr(`topk by (job, instance) (3, ${used}) > 1`), 'topk flaps'],
  ['fragile', { ...hasty, expr: `${limit} / ${limit} > 0.5` }, 'a ratio without for'],
]

const all = { ...EXPRESSION_CHECKS, ...ALERT_CHECKS }

describe('a rule that is right', () => {
  it.each([
    good.expr,
    `agent_used{${J}, resource="tokens"} / ignoring (resource) ${limit} > 0.9`,
    `agent_phase{${J}, phase="warning"} == on (job, instance, agent) ${limit}`,
    `${limit} > 1 unless on (job, instance, agent) ${phase} == 1`,
    `${limit} > 1 or ${limit} < -1`,
    `${used} > 3 < 5`,
    `time() - ${limit} > 900`,
  ])('is left in peace: %s', (text) => {
    for (const [name, check] of Object.entries(all)) expect(check(expr(text), world), name).toEqual([])
  })

  it.each([
    `histogram_quantile(0.9, sum without (rung) (rate(agent_wait_seconds_bucket{${J}}[5m]))) > 5`,
    `sum without (role, reason) (${exits}) / sum without (role, reason) (${exits}) > 0.2`,
    'count(ALERTS{alertname=~"Agent.+"}) > 20',
    `absent(agent_limit{${J}})`,
  ])('is left in peace without an agent: %s', (text) => {
    const rule = {
      ...expr(text),
      annotations: { ...good.annotations, summary: 'x', description: 'x', dashboard_url: '' },
    }
    for (const [name, check] of Object.entries(all)) {
      if (name !== 'annotation') expect(check(rule, world), name).toEqual([])
    }
  })
})

describe('a rule that is wrong', () => {
  it.each(BAD)('%s: %o', (check, rule, finding) => {
    expect(all[check]!(rule, world).join('\n')).toContain(finding)
  })

  it('is known for every check', () => {
    expect(new Set(BAD.map(([check]) => check))).toEqual(new Set(Object.keys(all)))
  })

  it.each([
    ['is called as another', [good, { ...good, expr: `${used} > 1` }], 'AgentGood repeats AgentGood'],
    [
      'asks what another asks',
      [good, { ...good, alert: 'AgentAgain', expr: good.expr.replaceAll(' ', '\n  ') }],
      'AgentAgain repeats AgentGood',
    ],
    [
      'records what another records',
      [
        { record: 'a:b:c', expr: 'x' },
        { record: 'a:b:c', expr: 'y' },
      ],
      'a:b:c repeats a:b:c',
    ],
  ] as const)('%s', (_, rules, finding) => expect(duplicates(rules)).toEqual([finding]))
})
