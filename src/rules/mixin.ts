import { parse } from 'yaml'
import { parseDuration } from '../platform/duration.ts'
import { Formatted, jsonnetOf } from './jsonnet.ts'
import {
  RULE_DEFAULTS,
  type RuleParameters,
  rewrite,
  SCRAPES_IN_FOR,
  SCRAPES_IN_RANGE,
} from './parameters.ts'
import type { RoomRules } from './shipped.ts'

interface Rule {
  readonly expr: string
  readonly for?: string
  readonly annotations?: Readonly<Record<string, string>>
}

interface Group {
  readonly name: string
  readonly rules: readonly Rule[]
}

/** Times that grow with the interval, by the name under which expressions read them. */
type Times = Map<string, { readonly time: string; readonly scrapes: number }>

/**
 * The rules as a monitoring mixin: `_config` is read when the mixin is built, so who vendors it changes selector and
 * interval there. The parameters given here are the defaults in it.
 * @see https://monitoring.mixins.dev/
 */
export function mixinFiles(
  alerts: readonly RoomRules[],
  recording: readonly RoomRules[],
  parameters: RuleParameters,
): ReadonlyMap<string, string> {
  const times: Times = new Map()
  const files = new Map<string, string>()
  const folders = [
    { folder: 'alerts', field: 'prometheusAlerts', rooms: alerts },
    { folder: 'rules', field: 'prometheusRules', rooms: recording },
  ].filter(({ rooms }) => rooms.length > 0)
  for (const { folder, field, rooms } of folders) {
    for (const { room, text } of rooms) {
      const { groups } = parse(text) as { groups: readonly Group[] }
      const vendored = groups.map(({ rules, ...rest }) => ({
        ...rest,
        rules: rules.map((rule) => vendoredRule(rule, times)),
      }))
      files.set(
        `${folder}/${room}.libsonnet`,
        `${HEAD}{\n  ${field}+:: {\n    groups+: ${jsonnetOf(vendored, '    ')},\n  },\n}\n`,
      )
    }
    files.set(`${folder}/${folder}.libsonnet`, sumOf(rooms.map(({ room }) => `${room}.libsonnet`)))
  }
  files.set('config.libsonnet', configText(parameters, times))
  files.set(
    'mixin.libsonnet',
    sumOf(['config.libsonnet', ...folders.map(({ folder }) => `${folder}/${folder}.libsonnet`)]),
  )
  // jsonnet-bundler refuses to vendor a folder without it.
  files.set(
    'jsonnetfile.json',
    `${JSON.stringify({ version: 1, dependencies: [], legacyImports: false }, null, 2)}\n`,
  )
  return files
}

const HEAD = '// Written by agent-exporter rules --format mixin.\n'
const VALUES = '$._agentExporter'

function sumOf(paths: readonly string[]): string {
  return `${HEAD}${paths.map((path) => `(import '${path}')`).join(' +\n')}\n`
}

function vendoredRule(rule: Rule, times: Times): object {
  const { annotations } = rule
  return {
    ...rule,
    expr: formatted(vendoredExpression(rule.expr, times)),
    ...(rule.for !== undefined && { for: formatted(reference(rule.for, 'for', times)) }),
    ...(annotations !== undefined && {
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([name, text]) => [name, vendoredAnnotation(name, text)]),
      ),
    }),
  }
}

function vendoredExpression(expression: string, times: Times): string {
  return rewrite(expression, {
    selector: (name) => `%(${name})s`,
    range: (time) => reference(time, 'range', times),
    rest: escaped,
  })
}

function vendoredAnnotation(name: string, text: string): string | Formatted {
  if (name === 'runbook_url') return formatted(`%(runbooks)s${escaped(text)}`)
  if (name !== 'dashboard_url') return text
  return formatted(escaped(text).replace(RULE_DEFAULTS.dashboards, '%(dashboards)s'))
}

/** A time that `config.libsonnet` computes. */
function reference(time: string, use: 'range' | 'for', times: Times): string {
  const name = `${use}_${time}`
  times.set(name, { time, scrapes: use === 'range' ? SCRAPES_IN_RANGE : SCRAPES_IN_FOR })
  return `%(${name})s`
}

function formatted(text: string): string | Formatted {
  return text.includes('%') ? new Formatted(text, VALUES) : text
}

function escaped(text: string): string {
  return text.replaceAll('%', '%%')
}

function configText(parameters: RuleParameters, times: Times): string {
  const text = (value: string): string => jsonnetOf(value, '')
  const computed = [...times].sort(([a], [b]) => (a < b ? -1 : 1))
  return `${HEAD}{
  _config+:: {
    // Matchers of the exporters, of Prometheus and of Alertmanager.
    agentExporterSelector: ${text(parameters.selector)},
    prometheusSelector: ${text(parameters.prometheus)},
    alertmanagerSelector: ${text(parameters.alertmanager)},

    // How often the exporters are scraped. Ranges and times grow with it.
    agentExporterIntervalSeconds: ${parameters.intervalMs / 1_000},

    // In front of docs/runbooks.md#..., and where Grafana is.
    agentExporterRunbooks: ${text(parameters.runbooks)},
    agentExporterDashboards: ${text(parameters.dashboards)},
  },

  // What the rules are made with.
  _agentExporter:: {
    local atLeast(text, seconds, scrapes) =
      local needed = std.ceil(scrapes * $._config.agentExporterIntervalSeconds);
      if seconds >= needed then text
      else if needed % 60 == 0 then '%dm' % (needed / 60)
      else '%ds' % needed,

    selector: $._config.agentExporterSelector,
    prometheus: $._config.prometheusSelector,
    alertmanager: $._config.alertmanagerSelector,
    runbooks: $._config.agentExporterRunbooks,
    dashboards: $._config.agentExporterDashboards,
${computed
  .map(
    ([name, { time, scrapes }]) =>
      `    ${name}: atLeast(${text(time)}, ${(parseDuration(time) ?? 0) / 1_000}, ${scrapes}),\n`,
  )
  .join('')}  },
}
`
}
