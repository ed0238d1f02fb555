import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parseDuration } from '../../src/platform/duration.ts'

export const ROOT = join(import.meta.dirname, '../..')

const PARTS = ['exporter', 'prometheus', 'alertmanager', 'grafana'] as const
export type PartName = (typeof PARTS)[number]

export interface StackOptions {
  /** Secrets, configurations, data, logs and pid files. */
  readonly folder: string
  readonly ports: Readonly<Record<PartName, number>>
  /** Between two scrapes, as Prometheus spells it. */
  readonly interval: string
  readonly intervalMs: number
  /** Configuration of the exporter that the stack adds its tokens to. */
  readonly exporterConfig: string | undefined
  readonly demo: 'none' | 'agents'
}

/** What was typed wrongly, in one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const DEFAULT_PORTS = { exporter: 10_780, prometheus: 9_090, alertmanager: 9_093, grafana: 3_000 } as const
const LONGEST_INTERVAL_MS = 120_000
const SHORTEST_INTERVAL_MS = 1_000

export const USAGE = `Starts exporter, Prometheus, Alertmanager and, where it is installed, Grafana on this machine, without containers.

  npm run stack -- [options]      Ctrl+C stops all of it

  --data DIR               secrets, configurations, data, logs (.stack in the clone)
  --exporter-port N        ${DEFAULT_PORTS.exporter}; an exporter that runs there is used
  --prometheus-port N      ${DEFAULT_PORTS.prometheus}
  --alertmanager-port N    ${DEFAULT_PORTS.alertmanager}
  --grafana-port N         ${DEFAULT_PORTS.grafana}
  --interval TIME          between two scrapes (15s)
  --exporter-config FILE   configuration of the exporter; the stack adds its tokens
  --demo                   also three small agents and a simulated fleet, to have something to see
`

/**
 * @returns undefined when only the usage was asked for
 * @throws UsageError
 */
export function stackOptions(argv: readonly string[]): StackOptions | undefined {
  const values = parsed(argv)
  if (values.help) return undefined
  const interval = values.interval ?? '15s'
  const intervalMs = parseDuration(interval) ?? 0
  if (intervalMs < SHORTEST_INTERVAL_MS || intervalMs > LONGEST_INTERVAL_MS || intervalMs % 1_000 !== 0) {
    throw new UsageError('--interval must be whole seconds from 1s to 2m.')
  }
  const ports = {
    exporter: portOf('exporter', values['exporter-port']),
    prometheus: portOf('prometheus', values['prometheus-port']),
    alertmanager: portOf('alertmanager', values['alertmanager-port']),
    grafana: portOf('grafana', values['grafana-port']),
  }
  const twice = PARTS.find((one) => PARTS.some((other) => other !== one && ports[other] === ports[one]))
  if (twice !== undefined) throw new UsageError(`Two parts cannot both have port ${ports[twice]}.`)
  const given = values['exporter-config']
  return {
    folder: values.data === undefined ? join(ROOT, '.stack') : resolve(values.data),
    ports,
    interval,
    intervalMs,
    exporterConfig: given === undefined ? undefined : resolve(given),
    demo: values.demo ? 'agents' : 'none',
  }
}

const text = { type: 'string' } as const

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        data: text,
        'exporter-port': text,
        'prometheus-port': text,
        'alertmanager-port': text,
        'grafana-port': text,
        'exporter-config': text,
        interval: text,
        demo: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function portOf(part: PartName, given: string | undefined): number {
  if (given === undefined) return DEFAULT_PORTS[part]
  const port = /^\d{1,5}$/.test(given) ? Number(given) : 0
  if (port < 1 || port > 65_535) throw new UsageError(`--${part}-port must be a number from 1 to 65535.`)
  return port
}
