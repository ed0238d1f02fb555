import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { prometheusFiles } from '../../src/rules/bundle.ts'
import { RULE_DEFAULTS } from '../../src/rules/parameters.ts'
import { readShipped } from '../../src/rules/shipped.ts'
import {
  type Addresses,
  type AlertmanagerChoice,
  alertmanagerConfig,
  exporterConfig,
  prometheusConfig,
} from './configs.ts'
import { prepareGrafana } from './grafana.ts'
import { ROOT, type StackOptions } from './options.ts'
import type { PartPlan } from './part.ts'
import type { Program } from './programs.ts'
import type { Secrets } from './secrets.ts'

export interface Programs {
  readonly prometheus: Program
  readonly alertmanager: Program
  readonly grafana: Program | undefined
}

export interface StackPlan {
  readonly parts: readonly PartPlan[]
  readonly silent: AlertmanagerChoice['silent']
}

export interface PlanInputs {
  readonly options: StackOptions
  readonly addresses: Addresses
  readonly programs: Programs
  readonly secrets: Secrets
  /** File of the token that Alertmanager calls the exporter back with. */
  readonly credentials: string
  readonly exporter: 'start' | 'running'
}

/** Writes every configuration below the folder, from those that are shipped, and says what to start with them. */
export function planStack(inputs: PlanInputs): StackPlan {
  const { options, addresses, programs, secrets } = inputs
  const { folder, interval } = options
  const at = (...path: string[]): string => join(folder, ...path)
  const config = (name: string): string => at('config', name)
  writeRules(at('rules'), options, addresses)
  write(
    config('prometheus.yml'),
    prometheusConfig(shipped('prometheus/prometheus.yml'), {
      addresses,
      secrets: join(secrets.folder, 'prometheus'),
      interval,
      rules: at('rules'),
    }),
  )
  const { text, silent } = alertmanagerConfig(shipped('alerts/alertmanager.yml'), {
    addresses,
    secrets: join(secrets.folder, 'alertmanager'),
    templates: join(ROOT, 'alerts/templates/*.tmpl'),
    credentials: inputs.credentials,
    exists: existsSync,
  })
  write(config('alertmanager.yml'), text)
  const parts: PartPlan[] = []
  if (inputs.exporter === 'start') {
    const written = writtenConfig(options.exporterConfig)
    write(config('exporter.yaml'), exporterConfig(written, secrets.tokens, addresses))
    parts.push({
      name: 'exporter',
      file: process.execPath,
      args: [
        join(ROOT, 'bin/agent-exporter.js'),
        'serve',
        `--web.listen-address=${addresses.exporter}`,
        `--config.file=${config('exporter.yaml')}`,
        `--data.dir=${at('exporter')}`,
      ],
      env: cleanEnvironment(),
      ready: `http://${addresses.exporter}/-/ready`,
    })
  }
  parts.push(
    server('alertmanager', programs.alertmanager, addresses.alertmanager, [
      `--config.file=${config('alertmanager.yml')}`,
      `--storage.path=${at('alertmanager')}`,
      `--web.listen-address=${addresses.alertmanager}`,
      // One alone: nobody to agree with, and no port open beyond loopback.
      '--cluster.listen-address=',
    ]),
    server('prometheus', programs.prometheus, addresses.prometheus, [
      `--config.file=${config('prometheus.yml')}`,
      `--storage.tsdb.path=${at('prometheus')}`,
      `--web.listen-address=${addresses.prometheus}`,
    ]),
  )
  if (programs.grafana !== undefined) {
    const passwordFile = secrets.grafanaPassword
    parts.push({
      ...programs.grafana,
      name: 'grafana',
      env: { ...process.env, ...prepareGrafana({ folder, addresses, interval, passwordFile }) },
      ready: `http://${addresses.grafana}/api/health`,
    })
  }
  return { parts, silent }
}

function server(name: string, program: Program, address: string, args: readonly string[]): PartPlan {
  return {
    name,
    file: program.file,
    args: [...program.args, ...args],
    env: process.env,
    ready: `http://${address}/-/ready`,
  }
}

/** The rules with this interval and this Grafana in them; written anew, so that none of an earlier version is left. */
function writeRules(folder: string, { intervalMs }: StackOptions, addresses: Addresses): void {
  const parameters = { ...RULE_DEFAULTS, intervalMs, dashboards: `http://${addresses.grafana}` }
  rmSync(folder, { recursive: true, force: true })
  for (const [path, text] of prometheusFiles(readShipped(), ['alerts', 'recording'], parameters)) {
    write(join(folder, path), text)
  }
}

function writtenConfig(file: string | undefined): Readonly<Record<string, unknown>> {
  return file === undefined ? {} : ((parse(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>)
}

/** Without what would make the exporter an agent, or change its mind. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^AGENT_EXPORTER_(?!_)/.test(name)),
  )
}

function shipped(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, text, { mode: 0o600 })
}
