import {
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'

/** Never a fixed uid: which Prometheus is chosen on the board. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

/** Which agents a board is about; each choice narrows the next. */
export type Choice = 'targets' | 'agent' | 'agents' | 'containers'

const ALL = { selected: true, text: 'All', value: '$__all' }

/** `$datasource`, `$job`, `$instance` and, where the board has it, `$agent`. */
export function variablesFor(choice: Choice): VariableModel[] {
  const datasource = new DatasourceVariableBuilder('datasource')
    .label('Data source')
    .type('prometheus')
    .build()
  const job = several('job', 'Job', 'label_values(agent_exporter_build_info, job)')
  const instance = several(
    'instance',
    'Instance',
    'label_values(agent_exporter_build_info{job=~"$job"}, instance)',
  )
  const agents = agentsWhere('job=~"$job", instance=~"$instance"')
  const containers = agentsWhere('job=~"$job", instance=~"$instance", runtime="container"')
  const own = {
    targets: [],
    agent: [one('agent', 'Agent', agents)],
    agents: [several('agent', 'Agent', agents)],
    containers: [several('agent', 'Agent', containers)],
  }
  return [datasource, job, instance, ...own[choice]]
}

function agentsWhere(matchers: string): string {
  return `label_values(agent_info{${matchers}}, agent)`
}

/** Without `allValue` Grafana lists every value, and an empty list would match only what has no label. */
function several(name: string, label: string, query: string): VariableModel {
  return variable(name, label, query).multi(true).includeAll(true).allValue('.+').current(ALL).build()
}

function one(name: string, label: string, query: string): VariableModel {
  return variable(name, label, query).build()
}

function variable(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ qryType: LABEL_VALUES, query, refId: `Variable-${name}` })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
}

/** The kind of query that Grafana's editor shows for it (`PrometheusVariableQueryEditor`: 1 is "Label values"). */
const LABEL_VALUES = 1
