import type { Dashboard, Panel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard'
import { panelsOf, rowsOf, type Target } from './boards.ts'

/** A rule, what is wrong, and how a good board (the one of the fleet) is made to be so. */
type Spoilt = readonly [rule: string, fault: string, spoil: (board: Dashboard) => unknown]

const ALL = 'job=~"$job", instance=~"$instance"'

/** A bad board for each rule: a rule that finds nothing in it checks nothing. */
export const SPOILT: readonly Spoilt[] = [
  [
    'template-datasource-rule',
    'a data source of another name',
    (b) => Object.assign(variable(b, 'datasource'), { name: 'prom' }),
  ],
  ['template-job-rule', 'jobs one at a time', (b) => Object.assign(variable(b, 'job'), { multi: false })],
  [
    'template-instance-rule',
    'no text for all',
    (b) => Object.assign(variable(b, 'instance'), { allValue: '' }),
  ],
  [
    'template-label-promql-rule',
    'a query that is none',
    (b) => Object.assign(variable(b, 'job'), { query: 'job_names(up)' }),
  ],
  [
    'template-on-time-change-reload-rule',
    'values that stay',
    (b) => Object.assign(variable(b, 'job'), { refresh: 1 }),
  ],
  [
    'panel-datasource-rule',
    'a fixed data source',
    (b) => Object.assign(panel(b, 'table'), { datasource: { uid: 'abc' } }),
  ],
  [
    'panel-title-description-rule',
    'no description',
    (b) => Object.assign(panel(b, 'stat'), { description: '' }),
  ],
  [
    'panel-units-rule',
    'a unit of our own invention',
    (b) => Object.assign(panel(b, 'timeseries').fieldConfig!.defaults, { unit: 'cores' }),
  ],
  ['panel-no-targets-rule', 'no query', (b) => Object.assign(panel(b, 'stat'), { targets: [] })],
  ['target-promql-rule', 'a bracket left open', ask('stat', 'sum(up')],
  [
    'target-rate-interval-rule',
    'a rate over a fixed time',
    ask('timeseries', `rate(agent_crashes_total{${ALL}}[5m])`),
  ],
  ['target-job-rule', 'no job', ask('stat', 'agents_paused_current{instance=~"$instance"}')],
  ['target-instance-rule', 'no instance', ask('stat', 'agents_paused_current{job=~"$job"}')],
  ['target-counter-agg-rule', 'a counter as it stands', ask('stat', `sum(agent_crashes_total{${ALL}})`)],
  [
    'target-logql-rule',
    'logs',
    (b) => Object.assign(target(b, 'stat'), { datasource: { type: 'loki', uid: 'x' } }),
  ],
  [
    'target-logql-auto-rule',
    'logs',
    (b) => Object.assign(target(b, 'stat'), { datasource: { type: 'loki', uid: 'x' } }),
  ],
  ['uneditable-dashboard', 'editing in the browser', (b) => Object.assign(b, { editable: true })],
  ['board-identity', 'another uid', (b) => Object.assign(b, { uid: 'Fleet' })],
  ['ids', 'the id of a row', (b) => Object.assign(panel(b, 'stat'), { id: rowsOf(b)[0]!.id })],
  ['places', 'one panel on another', (b) => Object.assign(panel(b, 'stat').gridPos!, { y: 4 })],
  ['places', 'a panel over the edge', (b) => Object.assign(panel(b, 'stat').gridPos!, { w: 25 })],
  ['ref-ids', 'a query without a letter', (b) => Object.assign(target(b, 'stat'), { refId: undefined })],
  [
    'datasources',
    'a fixed data source of a query',
    (b) => Object.assign(target(b, 'stat'), { datasource: { uid: 'x' } }),
  ],
  ['kinds-of-queries', 'a history for a number', (b) => Object.assign(target(b, 'stat'), { range: true })],
  [
    'texts',
    'no text for nothing',
    (b) => Object.assign(panel(b, 'stat').fieldConfig!.defaults, { noValue: undefined }),
  ],
  ['when-red', 'red without a word', (b) => Object.assign(panel(b, 'stat'), { description: 'Health.' })],
  [
    'colours',
    'a colour of its own',
    (b) => Object.assign(panel(b, 'stat').fieldConfig!.defaults.thresholds!.steps[0]!, { color: 'pink' }),
  ],
  [
    'legends',
    'a hidden legend',
    (b) =>
      Object.assign((panel(b, 'timeseries').options as { legend: object }).legend, { showLegend: false }),
  ],
  [
    'last-values',
    'the last value even if there is none',
    (b) =>
      Object.assign((panel(b, 'stat').options as { reduceOptions: object }).reduceOptions, { calcs: [] }),
  ],
  ['regular-expressions', 'several compared as one', ask('stat', 'agents_paused_current{job="$job"}')],
  [
    'chosen-targets',
    'an agent whom nobody chose',
    (b) => {
      b.templating.list!.push({ ...variable(b, 'instance'), name: 'agent' })
    },
  ],
  [
    'distinct-names',
    'agents of two hosts under one name',
    (b) => Object.assign(target(b, 'bargauge'), { legendFormat: '{{agent}}' }),
  ],
  [
    'told-apart',
    'two models under one name',
    ask('timeseries', `sum by (level, model) (agent_memory_level{${ALL}})`),
  ],
  [
    'choices',
    'instances of jobs that were not chosen',
    (b) =>
      Object.assign(variable(b, 'instance'), { query: 'label_values(agent_exporter_build_info, instance)' }),
  ],
  ['written-ranges', 'a time in the query', ask('stat', `increase(agent_crashes_total{${ALL}}[5m])`)],
  ['variables', 'a variable that is not there', ask('stat', 'agents_paused_current{job=~"$jobs"}')],
  [
    'variables',
    'a variable that uses a later one',
    (b) => Object.assign(variable(b, 'job'), { query: 'label_values(up{instance=~"$instance"}, job)' }),
  ],
  ['top-of-now', 'other members at every step', ask('timeseries', `topk(5, agent_memory_rss_bytes{${ALL}})`)],
  [
    'windows',
    'the whole time at every step',
    ask('timeseries', `increase(agent_crashes_total{${ALL}}[$__range])`),
  ],
  [
    'long-steps',
    'steps shorter than two scrapes',
    (b) => Object.assign(panelsOf(b).find(({ interval }) => interval)!, { interval: undefined }),
  ],
  ['merged-rows', 'a name that keeps rows apart', ask('table', `agent_state{${ALL}} == 1`)],
  ['known-metrics', 'a metric that nobody has', ask('stat', `agents_resting_current{${ALL}}`)],
  ['known-labels', 'a label that it has not', ask('stat', `agents_paused_current{${ALL}, agent="x"}`)],
  ['known-values', 'a value that it never has', ask('stat', `agent_state{${ALL}, state="asleep"}`)],
  ['grouped-labels', 'a group by nothing', ask('stat', `sum by (role) (agent_state{${ALL}})`)],
  [
    'counters-grow',
    'the growth of a gauge',
    ask('timeseries', `rate(agent_memory_rss_bytes{${ALL}}[$__rate_interval])`),
  ],
  [
    'buckets-keep-le',
    'buckets that are mixed',
    ask(
      'timeseries',
      `histogram_quantile(0.9, sum by (lane) (rate(agent_exporter_store_commit_duration_seconds_bucket{${ALL}}[$__rate_interval])))`,
    ),
  ],
  [
    'legend-labels',
    'a legend without its label',
    (b) => Object.assign(target(b, 'timeseries'), { legendFormat: '{{agent}}' }),
  ],
  [
    'legend-labels',
    'an annotation without its label',
    (b) => Object.assign(b.annotations.list!.at(-1)!, { tagKeys: 'colour' }),
  ],
  [
    'organized-columns',
    'a column that is called as in the program',
    (b) => override(b, 'agent').splice(0, 1),
  ],
  [
    'links-to-boards',
    'a link to nowhere',
    (b) => Object.assign(panel(b, 'stat'), { description: 'See /d/agent-exporter-none' }),
  ],
  [
    'links-to-boards',
    'a variable that the board has not',
    (b) => Object.assign(panel(b, 'stat'), { description: '/d/agent-exporter-fleet?var-agent=x' }),
  ],
  [
    'links-to-runbooks',
    'a runbook that nobody wrote',
    (b) => Object.assign(panel(b, 'stat'), { description: 'docs/runbooks.md#agentbored' }),
  ],
  [
    'links-to-pages',
    'a page that is not served',
    (b) => Object.assign(panel(b, 'stat'), { description: 'See http://x/ui/budgets' }),
  ],
  [
    'links-with-the-source',
    'a link that forgets which Prometheus was chosen',
    (b) => Object.assign(panel(b, 'stat'), { description: '/d/agent-exporter-fleet?var-job=x' }),
  ],
  ['only-exporters', 'the processes of others', ask('stat', `sum(process_open_fds{${ALL}})`)],
  [
    'joined-by-identity',
    'agents of one host with those of another',
    ask('stat', `sum(agent_state{${ALL}} == 1 and on (agent) agent_phase{${ALL}} == 1)`),
  ],
  [
    'impossible',
    'a value that is two at once',
    ask('stat', `sum(agent_state{${ALL}, state="idle", state="paused"})`),
  ],
  [
    'vector-matching',
    'many of one side for many of the other',
    ask('stat', `sum(agent_state{${ALL}} * on (job, instance) agent_phase{${ALL}})`),
  ],
  [
    'one-table',
    'tables that are not merged',
    (b) => Object.assign(panel(b, 'table'), { transformations: [] }),
  ],
  [
    'organized-columns',
    'a place for a column that is not there',
    (b) => Object.assign(organization(b).indexByName, { colour: 9 }),
  ],
  [
    'organized-columns',
    'a column without a place',
    (b) => Reflect.deleteProperty(organization(b).indexByName, 'instance'),
  ],
  [
    'overridden-fields',
    'a column that no query brings',
    (b) => overrides(b, 'table').push({ matcher: { id: 'byName', options: 'colour' }, properties: [] }),
  ],
  [
    'overridden-fields',
    'a colour for a value that is none',
    (b) => overrides(b, 'timeseries').push({ matcher: { id: 'byName', options: 'asleep' }, properties: [] }),
  ],
  [
    'overridden-fields',
    'a query that is not asked',
    (b) => overrides(b, 'bargauge').push({ matcher: { id: 'byFrameRefID', options: 'Z' }, properties: [] }),
  ],
  [
    'sorted-column',
    'an order by what is not shown',
    (b) => Object.assign(panel(b, 'table').options as object, { sortBy: [{ displayName: 'job' }] }),
  ],
  [
    'linked-fields',
    'a link with a label that is gone',
    ask('bargauge', `topk(5, sum by (agent) (agent_memory_rss_bytes{${ALL}}))`),
  ],
  [
    'linked-fields',
    'a link with a field that is not there',
    (b) =>
      override(b, 'agent').push({ id: 'links', value: [{ title: 'x', url: '/${__data.fields.model}' }] }),
  ],
  [
    'filled-rows',
    'queries without a label in common',
    (b) => Object.assign(panel(b, 'table').targets!.at(-1)!, { expr: `max by (agent) (agent_info{${ALL}})` }),
  ],
  [
    'plain-cells',
    'a name that is read as a number',
    (b) => override(b, 'agent').push({ id: 'unit', value: 'none' }),
  ],
  [
    'plain-cells',
    'a cell that says what the panel says',
    (b) => override(b, 'agent').push({ id: 'noValue', value: 'Nobody needs you' }),
  ],
  [
    'units-of-queries',
    'bytes that are written as seconds',
    (b) => Object.assign(panel(b, 'bargauge').fieldConfig!.defaults, { unit: 's' }),
  ],
  [
    'mapped-values',
    'a word for a state that is none',
    (b) => Object.assign(mapping(b, 'state'), { asleep: { text: 'asleep', color: 'blue' } }),
  ],
  [
    'mapped-values',
    'a state without its colour',
    (b) => Reflect.deleteProperty(mapping(b, 'state'), 'paused'),
  ],
]

function panel(board: Dashboard, type: string): Panel {
  return panelsOf(board).find((one) => one.type === type)!
}

function target(board: Dashboard, type: string): object & Partial<Target> {
  return panel(board, type).targets![0] as unknown as Target
}

function ask(type: string, expr: string): (board: Dashboard) => unknown {
  return (board) => Object.assign(target(board, type), { expr })
}

function variable(board: Dashboard, name: string): VariableModel {
  return board.templating.list!.find((one) => one.name === name)!
}

function overrides(board: Dashboard, type: string) {
  return panel(board, type).fieldConfig!.overrides
}

function override(board: Dashboard, column: string) {
  return overrides(board, 'table').find(({ matcher }) => matcher.options === column)!.properties
}

function mapping(board: Dashboard, column: string): object {
  const value = override(board, column).find(({ id }) => id === 'mappings')!.value as { options: object }[]
  return value[0]!.options
}

function organization(board: Dashboard): { indexByName: object } {
  return panel(board, 'table').transformations!.at(-1)!.options as { indexByName: object }
}
