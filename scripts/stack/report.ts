import { spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { createProgram } from '../../src/cli/main.ts'
import type { Addresses, AlertmanagerChoice } from './configs.ts'
import type { Credentials } from './exporter.ts'
import { ROOT, type StackOptions } from './options.ts'
import type { Programs } from './plan.ts'

export interface ReportInputs {
  readonly options: StackOptions
  readonly addresses: Addresses
  readonly programs: Programs
  readonly exporter: 'start' | 'running'
  readonly credentials: Credentials
  /** What an exporter that was there before would have to be told. */
  readonly needed: string
  readonly silent: AlertmanagerChoice['silent']
}

const WIDTH = 15

/** What a person reads when everything runs. */
export function reportOf(inputs: ReportInputs): string {
  const { options, addresses, exporter, credentials, silent } = inputs
  const near = relative(process.cwd(), options.folder)
  const folder = near === '' || near.startsWith('..') ? options.folder : near
  const data = exporter === 'start' ? `--data.dir=${folder}/exporter ` : ''
  const url = `http://${addresses.exporter}`
  const link = controlPage(inputs)
  const lines: (readonly [string, string])[] = [
    [
      'agent-exporter',
      `${url}/${exporter === 'running' ? ' (ran already; it is used and not stopped)' : ''}`,
    ],
    ...(link === undefined ? [] : [['control page', `${link} (good once)`] as const]),
    ['Prometheus', `http://${addresses.prometheus}/alerts`],
    ['Alertmanager', `http://${addresses.alertmanager}/`],
    ['Grafana', grafanaText(inputs, folder)],
    ['command line', `npx agent-exporter ${data}agents --url ${url}`],
    ['files', `${folder}: secrets, config, logs, data`],
  ]
  if (silent.length > 0) {
    lines.push([
      'not told',
      silent.map(({ receiver, needs }) => `${receiver} (secrets/alertmanager/${needs})`).join(', '),
    ])
  }
  if (credentials.state === 'refused') {
    lines.push([
      'no way back',
      'The exporter does not know Alertmanager: its alerts do nothing until it is told',
    ])
    lines.push(
      ...inputs.needed
        .trimEnd()
        .split('\n')
        .map((line) => ['', line] as const),
    )
  }
  if (options.demo === 'agents' && exporter === 'running') {
    lines.push(['no demo', 'an exporter that ran already does not know the simulated fleet'])
  }
  return [
    'The stack is running; Ctrl+C stops it.',
    ...lines.map(([name, text]) => `  ${name.padEnd(WIDTH)} ${text}`.trimEnd()),
  ].join('\n')
}

function grafanaText({ programs, addresses, options }: ReportInputs, folder: string): string {
  if (programs.grafana !== undefined) {
    return `http://${addresses.grafana}/ (admin, password in ${folder}/secrets/grafana/admin-password)`
  }
  const how = `import dashboards/generated/*.json, data source http://${addresses.prometheus}, scrape interval ${options.interval}`
  return `is not installed. In one of yours: ${how}`
}

/** The one-use link of `agent-exporter ui`, of a version that has this command. */
function controlPage({ options, addresses, exporter }: ReportInputs): string | undefined {
  if (!createProgram().commands.some((command) => command.name() === 'ui')) return undefined
  const data = exporter === 'start' ? [`--data.dir=${join(options.folder, 'exporter')}`] : []
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(ROOT, 'bin/agent-exporter.js'), ...data, 'ui', '--url', `http://${addresses.exporter}`],
    { encoding: 'utf8', timeout: 10_000 },
  )
  return status === 0 ? /https?:\/\/\S+/.exec(stdout)?.[0] : undefined
}
