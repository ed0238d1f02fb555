import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { legend, readings } from '../promql.ts'

const { quantile } = readings('none')

/** What budget epochs used in the end, by role: half of them less than the median, one of twenty more than the other. */
export const EPOCHS: readonly PanelPlan[] = (
  [
    ['epoch-tokens', 'Tokens in an epoch', 'agent_tokens_consumed', 'short'],
    ['epoch-calls', 'Calls in an epoch', 'agent_api_calls', 'short'],
    ['epoch-files', 'Files in an epoch', 'agent_files_accessed', 'short'],
  ] as const
).map(([key, title, metric, unit]) =>
  graph({
    key,
    title,
    description:
      'What budget epochs that ended had used, by role: the median and the 95th percentile. A limit far above is never reached; one below is reached by honest work.',
    width: 8,
    height: 8,
    style: 'points',
    expect: 'epochs',
    queries: [
      { expr: quantile(0.5, metric, ['role']), legend: legend`median ${'role'}` },
      { expr: quantile(0.95, metric, ['role']), legend: legend`95 % ${'role'}` },
    ],
    unit,
    min: 0,
    noValue: 'No epoch ended',
  }),
)
