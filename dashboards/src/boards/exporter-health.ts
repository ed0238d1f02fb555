import { asWords, steps as colourSteps, LATE, NOW, SOON, WELL } from '../colours.ts'
import { boardLink } from '../links.ts'
import { graph } from '../panels/graph.ts'
import type { PanelPlan } from '../panels/panel.ts'
import { table } from '../panels/table.ts'
import { timeline } from '../panels/timeline.ts'
import { by, legend, readings } from '../promql.ts'

const { gauge, increase, peak, rate, steps } = readings('none')
const SIZE = { width: 8, height: 8 } as const
const TARGET = by('job', 'instance')
const HERE = legend`${'instance'}`

/** Whether the numbers are complete. */
export const HEALTH: readonly PanelPlan[] = [
  table({
    key: 'exporters',
    title: 'Exporters',
    description:
      'Every exporter that was there within the shown time: what it is, whether it is reached, and what it lost.',
    whenRed:
      'the runbook of the column: nothing is known where it is not reached; what was lost is not counted.',
    runbooks: [
      'AgentExporterDown',
      'AgentExporterReloadFailed',
      'AgentExporterSeriesDropped',
      'AgentExporterSamplesRefused',
      'AgentExporterRestarting',
    ],
    width: 24,
    height: 7,
    expect: 'always',
    facts: [
      `max ${by('job', 'instance', 'version', 'revision', 'nodeversion')} (${peak('agent_exporter_build_info')})`,
    ],
    labels: [
      {
        label: 'instance',
        title: 'Exporter',
        links: [boardLink('Fleet of this exporter', 'fleet', '__data.fields', ['job', 'instance'])],
      },
      { label: 'version', title: 'Version', width: 80 },
      { label: 'revision', title: 'Revision', width: 85 },
      { label: 'nodeversion', title: 'Node.js', width: 85 },
    ],
    values: [
      {
        title: 'Reached',
        expr: `max ${TARGET} (${gauge('up')})`,
        unit: 'bool_yes_no',
        width: 80,
        thresholds: colourSteps([0, LATE], [1, WELL]),
      },
      {
        title: 'Agents',
        expr: `sum ${TARGET} (${gauge('agent_state', { state: { not: ['exited'] } })})`,
        unit: 'none',
        width: 70,
      },
      {
        title: 'Config in force',
        expr: `max ${TARGET} (${gauge('agent_exporter_config_last_reload_successful')})`,
        unit: 'bool_yes_no',
        width: 115,
        thresholds: colourSteps([0, LATE], [1, WELL]),
      },
      {
        title: 'Loaded',
        expr: `max ${TARGET} (${gauge('agent_exporter_config_last_reload_timestamp_seconds')} * 1000)`,
        unit: 'dateTimeFromNow',
        width: 110,
      },
      {
        title: 'Up for',
        expr: `max ${TARGET} (time() - ${gauge('process_start_time_seconds')})`,
        unit: 'dtdurations',
        width: 85,
      },
      lost('Series left out', increase('agent_exporter_series_dropped_total')),
      lost('Samples refused', increase('agent_exporter_samples_refused_total')),
      lost('Samples missed', increase('agent_exporter_samples_missed_total')),
      lost('Not identified', increase('agent_exporter_identifications_dropped_total')),
    ],
    hidden: ['job'],
    sortBy: 'Agents',
    noValue: 'No exporter',
  }),
  timeline({
    key: 'collectors',
    title: 'Collectors',
    description:
      'Whether each collector delivered its metrics: it failed, missed the deadline, or could not reach all it should.',
    whenRed: 'what this collector measures is absent; everything else goes on. See the log of the exporter.',
    runbooks: ['AgentExporterCollectorFailing'],
    width: 12,
    height: 9,
    expect: 'always',
    queries: [
      {
        expr: `min ${by('instance', 'collector')} (${gauge('agent_scrape_collector_success')})`,
        legend: legend`${'collector'} @ ${'instance'}`,
      },
    ],
    mappings: asWords([
      [0, 'failed', LATE],
      [1, 'delivered', WELL],
    ]),
    thresholds: colourSteps([0, LATE], [1, WELL]),
    wordless: true,
    noValue: 'No exporter',
  }),
  graph({
    key: 'collector-duration',
    title: 'Duration of collectors',
    description:
      'How long each collector took for the last scrape; what another scrape had just begun is shared.',
    width: 12,
    height: 9,
    unit: 's',
    min: 0,
    expect: 'always',
    queries: [
      {
        expr: `max ${by('instance', 'collector')} (${gauge('agent_scrape_collector_duration_seconds')})`,
        legend: legend`${'collector'} @ ${'instance'}`,
      },
    ],
    noValue: 'No exporter',
  }),
  graph({
    key: 'sampling',
    title: 'Duration of a sample',
    description:
      'How long one sample of all agents takes. It must stay far below the sampling interval (1 s by default).',
    whenRed: 'samples are missed: fewer agents, a longer interval, or more CPU for the exporter.',
    runbooks: ['AgentExporterSamplesMissed'],
    ...SIZE,
    unit: 's',
    min: 0,
    expect: 'always',
    queries: [{ expr: gauge('agent_exporter_sample_duration_seconds'), legend: HERE }],
    noValue: 'No exporter',
  }),
  graph({
    key: 'looks',
    title: 'Looks near the limit',
    description:
      'Agents so near their memory limits that they are looked at between the samples, how often that is done, and how late the latest look was.',
    whenRed: 'too many agents are near their limits at once.',
    runbooks: ['AgentExporterMemoryLooksLate'],
    ...SIZE,
    unit: 'none',
    min: 0,
    expect: 'always',
    queries: [
      { expr: gauge('agent_exporter_memory_near_limit_agents'), legend: legend`agents @ ${'instance'}` },
      { expr: rate('agent_exporter_memory_looks_total'), legend: legend`looks per second @ ${'instance'}` },
      {
        expr: gauge('agent_exporter_memory_look_delay_seconds'),
        legend: legend`seconds late @ ${'instance'}`,
        colour: NOW,
      },
    ],
    noValue: 'No exporter',
  }),
  graph({
    key: 'http',
    title: 'HTTP errors and event streams',
    description:
      'Requests answered with an error, by its AE_ code, in each step of time; readers of the event stream, and those cut.',
    whenRed: 'docs/openapi.json and the log of the exporter name the caller and the reason.',
    ...SIZE,
    unit: 'none',
    decimals: 0,
    min: 0,
    expect: 'always',
    queries: [
      {
        expr: `sum ${by('code')} (${steps('agent_exporter_http_errors_total')}) > 0`,
        legend: legend`${'code'}`,
      },
      { expr: `sum(${gauge('agent_exporter_event_streams')})`, legend: 'stream readers', colour: WELL },
      {
        expr: `sum(${steps('agent_exporter_event_streams_cut_total')})`,
        legend: 'streams cut',
        colour: SOON,
      },
    ],
    noValue: 'None',
  }),
]

function lost(title: string, expr: string) {
  return {
    title,
    expr: `sum ${TARGET} (${expr})`,
    unit: 'none',
    decimals: 0,
    width: 130,
    thresholds: colourSteps([0, WELL], [1, LATE]),
  }
}
