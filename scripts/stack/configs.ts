import { basename, join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { PartName } from './options.ts'
import type { TokenEntry } from './secrets.ts'

/** host:port of each part. */
export type Addresses = Readonly<Record<PartName, string>>

interface Places {
  readonly addresses: Addresses
  /** Folder of secret files; the names in it are those of the configurations. */
  readonly secrets: string
}

export const HEAD = (from: string): string =>
  `# Written at every start from ${from}: changes here are lost.\n`

interface ScrapeJob {
  readonly job_name: string
  readonly [key: string]: unknown
}
interface PrometheusFile {
  readonly global: object
  readonly alerting: object
  readonly scrape_configs: readonly ScrapeJob[]
}

/** Prometheus's configuration as it is shipped, with the addresses, times and files of this stack. */
export function prometheusConfig(
  shipped: string,
  { addresses, secrets, interval, rules }: Places & { readonly interval: string; readonly rules: string },
): string {
  const file = withSecretFiles(parse(shipped), secrets) as PrometheusFile
  const jobs = file.scrape_configs.flatMap((job) => {
    const address = addresses[(job.job_name === 'agent-exporter' ? 'exporter' : job.job_name) as PartName]
    return address === undefined ? [] : [{ ...job, static_configs: [{ targets: [address] }] }]
  })
  const config = {
    ...file,
    global: {
      ...file.global,
      scrape_interval: interval,
      scrape_timeout: shorter(interval, '10s'),
      evaluation_interval: interval,
    },
    rule_files: [join(rules, 'alerts/*.rules.yml'), join(rules, 'recording/*.rules.yml')],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [addresses.alertmanager] }] }] },
    scrape_configs: jobs,
  }
  return HEAD('prometheus/prometheus.yml') + stringify(config)
}

/** Whole seconds or minutes both; a scrape may not take longer than its interval. */
function shorter(interval: string, longest: string): string {
  return /^[1-9]s$/.test(interval) ? interval : longest
}

interface Receiver {
  readonly name: string
  readonly [configs: string]: unknown
}
interface AlertmanagerFile {
  readonly global: Readonly<Record<string, unknown>>
  readonly receivers: readonly Receiver[]
}

export interface AlertmanagerChoice {
  readonly text: string
  /** Receivers that are told nothing, because the file that lets them in is not there. */
  readonly silent: readonly { readonly receiver: string; readonly needs: string }[]
}

/**
 * Alertmanager's configuration as it is shipped, with the addresses of this stack. A receiver whose secret is not there
 * is told nothing, rather than fail all the time: on a machine of one's own there is no pager.
 */
export function alertmanagerConfig(
  shipped: string,
  {
    addresses,
    secrets,
    templates,
    credentials,
    exists,
  }: Places & {
    readonly templates: string
    /** File with the token that the exporter takes from Alertmanager. */
    readonly credentials: string
    exists(path: string): boolean
  },
): AlertmanagerChoice {
  const file = withSecretFiles(parse(shipped), secrets) as AlertmanagerFile
  const silent: { receiver: string; needs: string }[] = []
  const receivers = file.receivers.map((receiver) => {
    if (receiver.name === 'agent-exporter') return callingBack(receiver, addresses.exporter, credentials)
    const needs = secretOf(receiver, file.global)
    if (needs === undefined || exists(join(secrets, needs))) return receiver
    silent.push({ receiver: receiver.name, needs })
    return { name: receiver.name }
  })
  const { slack_api_url_file: slack, ...rest } = file.global
  const tellsSlack = receivers.some((receiver) => 'slack_configs' in receiver)
  const config = {
    ...file,
    global: tellsSlack ? { ...rest, slack_api_url_file: slack } : rest,
    templates: [templates],
    receivers,
  }
  return { text: HEAD('alerts/alertmanager.yml') + stringify(config), silent }
}

/** The name of the file without which the receiver cannot be told anything. */
function secretOf(receiver: Receiver, global: AlertmanagerFile['global']): string | undefined {
  if ('slack_configs' in receiver) return basename(String(global['slack_api_url_file']))
  // A mail server that wants no password is no secret either: who has one there names it in a file all the same.
  if ('email_configs' in receiver) return 'smtp-password'
  return secretFiles(receiver)[0]
}

function callingBack(receiver: Receiver, exporter: string, credentials: string): Receiver {
  const [first] = receiver['webhook_configs'] as readonly { url: string; http_config: object }[]
  if (first === undefined) throw new Error('alerts/alertmanager.yml no longer calls the exporter back')
  const url = new URL(first.url)
  url.host = exporter
  const http = { ...first.http_config, authorization: { type: 'Bearer', credentials_file: credentials } }
  return { ...receiver, webhook_configs: [{ ...first, url: url.href, http_config: http }] }
}

/** The exporter's configuration: what a person wrote, and what the other parts need. */
export function exporterConfig(
  written: Readonly<Record<string, unknown>>,
  tokens: readonly TokenEntry[],
  addresses: Addresses,
): string {
  const auth = (written['auth'] ?? {}) as { readonly tokens?: readonly object[] }
  const alertmanager = (written['alertmanager'] ?? {}) as object
  return (
    HEAD('--exporter-config and the secrets of the stack') +
    stringify({
      ...written,
      auth: { ...auth, tokens: [...(auth.tokens ?? []), ...tokens] },
      alertmanager: {
        instances: [addresses.exporter],
        url: `http://${addresses.alertmanager}`,
        ...alertmanager,
      },
    })
  )
}

const SECRET_FILE = /_file$/

/** Every `…_file: secrets/NAME` names the file in the folder of the stack. */
function withSecretFiles(value: unknown, secrets: string): unknown {
  if (Array.isArray(value)) return value.map((one) => withSecretFiles(one, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_FILE.test(key) && typeof inner === 'string'
        ? movedTo(secrets, inner)
        : withSecretFiles(inner, secrets),
    ]),
  )
}

/** In a container secrets are elsewhere (/run/secrets), under the same names. */
function movedTo(secrets: string, path: string): string {
  return /(^|\/)secrets\//.test(path) ? join(secrets, basename(path)) : path
}

function secretFiles(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(secretFiles)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    SECRET_FILE.test(key) && typeof inner === 'string' ? [basename(inner)] : secretFiles(inner),
  )
}
