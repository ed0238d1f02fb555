import type { Label } from './promql.ts'

/** A link of a value. The SDK takes a dashboard's link here, whose icon and tags a value has not. */
export interface DataLink {
  readonly title: string
  readonly url: string
  readonly targetBlank: boolean
}

/** Every board's address: `/d/<uid>`. Rules point at the first two. */
export const UIDS = {
  fleet: 'agent-exporter-fleet',
  agent: 'agent-exporter-agent',
  budgets: 'agent-exporter-budgets',
  memory: 'agent-exporter-memory',
  containers: 'agent-exporter-containers',
  control: 'agent-exporter-control',
  usage: 'agent-exporter-usage',
  exporter: 'agent-exporter-exporter',
} as const
export type BoardName = keyof typeof UIDS

/** Where the exporter of a target is found by a browser, unless the boards are written for another address. */
const EXPORTER_ADDRESS = 'http://'

/** From where a link takes the labels of what was clicked: a row of a table, or the series of a graph. */
type Source = '__data.fields' | '__field.labels'

/** Links of something that is one agent: to its board and to its page at the exporter, where it can be paused. */
export function agentLinks(source: Source): DataLink[] {
  return [
    boardLink('Agent', 'agent', source, ['job', 'instance', 'agent']),
    {
      title: 'Control page of the agent',
      url: `${EXPORTER_ADDRESS}${value(source, 'instance', '')}/ui/agents/${value(source, 'agent')}`,
      targetBlank: true,
    },
  ]
}

/** A link to another board with the labels of what was clicked and the same time. */
export function boardLink(
  title: string,
  board: BoardName,
  source: Source,
  labels: readonly Label[],
): DataLink {
  const variables = labels.map((label) => `&var-${label}=${value(source, label)}`)
  return {
    title,
    url: `/d/${UIDS[board]}?\${datasource:queryparam}${variables.join('')}&\${__url_time_range}`,
    targetBlank: false,
  }
}

function value(source: Source, label: Label, format = ':percentencode'): string {
  return `\${${source}.${label}${format}}`
}
