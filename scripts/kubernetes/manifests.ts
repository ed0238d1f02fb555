import { basename } from 'node:path'
import type { IPrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'
import type { IConfigMap } from 'kubernetes-models/v1'
import { parse, stringify } from 'yaml'
import { prometheusFiles } from '../../src/rules/bundle.ts'
import type { RuleParameters } from '../../src/rules/parameters.ts'
import { parametersOf } from '../../src/rules/settings.ts'
import { readShipped } from '../../src/rules/shipped.ts'

export const FOLDER = 'deploy/kubernetes/generated'

const HEAD = '# Written by npm run kubernetes: changes here are lost.\n'
const LABELS = { 'app.kubernetes.io/name': 'agent-exporter' }
/** By default an AlertmanagerConfig hears of alerts with the name of its own namespace only. */
const NAMESPACE = 'agent-exporter'

/** Jobs as kube-prometheus and the chart kube-prometheus-stack call them. */
const SETTINGS = [
  'prometheus=job=~"prometheus-.+|.+-prometheus"',
  'alertmanager=job=~"alertmanager-.+|.+-alertmanager"',
]

interface Rule {
  readonly alert?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly expr: string
}
interface Group {
  readonly name: string
  readonly rules: readonly Rule[]
}

/**
 * What Kubernetes is told of rules and dashboards, by path: text that is the same every time.
 * @param settings as `agent-exporter rules --set` takes them
 * @throws Problem AE_BAD_RULE_PARAMETER
 */
export function kubernetesFiles(
  dashboards: Readonly<Record<string, string>>,
  settings: readonly string[] = [],
): Readonly<Record<string, string>> {
  const boards = Object.entries(dashboards).map(([path, json]) => {
    const file = basename(path)
    const name = file.replace(/^agent-exporter-|\.json$/g, '')
    return [`${FOLDER}/dashboard-${name}.yaml`, yamlOf(dashboardMap(name, file, json))] as const
  })
  return Object.fromEntries([
    [`${FOLDER}/prometheus-rule.yaml`, yamlOf(prometheusRule(parametersOf([...SETTINGS, ...settings])))],
    ...boards,
  ])
}

/** The sidecar of Grafana's chart takes what has this label. */
function dashboardMap(name: string, file: string, json: string): IConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: `agent-exporter-dashboard-${name}`,
      labels: { ...LABELS, grafana_dashboard: '1' },
      annotations: { grafana_folder: 'agent-exporter' },
    },
    data: { [file]: json },
  }
}

function prometheusRule(parameters: RuleParameters): IPrometheusRule {
  const files = prometheusFiles(readShipped(), ['alerts', 'recording'], parameters)
  const groups = [...files.values()].flatMap((text) => (parse(text) as { groups: readonly Group[] }).groups)
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'agent-exporter', labels: LABELS },
    spec: {
      groups: groups.map(({ rules, ...group }) => ({ ...group, rules: rules.map(ofNamespace) })),
    },
  }
}

function ofNamespace(rule: Rule): Rule {
  return rule.alert === undefined ? rule : { ...rule, labels: { ...rule.labels, namespace: NAMESPACE } }
}

/** Texts stay as they are, line by line. */
function yamlOf(manifest: object): string {
  return HEAD + stringify(manifest, { lineWidth: 0, blockQuote: 'literal', aliasDuplicateObjects: false })
}
