import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { generatedDashboards } from '../../../dashboards/src/generated.ts'
import { kubernetesFiles } from '../../../scripts/kubernetes/manifests.ts'
import { INVARIANTS } from '../../support/deploy/invariants.ts'
import {
  type Any,
  allOf,
  type Bundle,
  find,
  type Manifest,
  readBundle,
} from '../../support/deploy/manifests.ts'
import { createSchemaCheck } from '../../support/deploy/schemas.ts'

const ROOT = join(import.meta.dirname, '../../..')
const bundle = readBundle()
const dashboards = generatedDashboards()
const files = kubernetesFiles(dashboards)
/** The compiler reads the types of two packages. */
const SCHEMA_MS = 60_000

describe('what is generated for Kubernetes', () => {
  it.each(Object.keys(files))('%s is what npm run kubernetes writes', (path) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(files[path])
  })

  it('has nothing beside it', () => {
    const generated = Object.keys(bundle.files).filter((path) => path.startsWith('generated/'))
    expect(generated.map((path) => `deploy/kubernetes/${path}`)).toEqual(Object.keys(files).sort())
  })

  it('holds every dashboard, letter by letter, where the sidecar of Grafana looks', () => {
    for (const [path, json] of Object.entries(dashboards)) {
      const name = path.replace(/.*\//, '')
      const { data, metadata } = find(
        bundle,
        'ConfigMap',
        name.replace('agent-exporter-', 'agent-exporter-dashboard-').replace('.json', ''),
      )
      expect(data).toEqual({ [name]: json })
      expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' })
    }
  })

  it('takes what agent-exporter rules --set takes', () => {
    const there = kubernetesFiles(dashboards, ['dashboards=https://g.example', 'interval=1m'])
    const rules = there['deploy/kubernetes/generated/prometheus-rule.yaml']!
    expect(rules).toContain('https://g.example/d/')
    expect(rules).not.toContain('localhost:3000')
    expect(() => kubernetesFiles(dashboards, ['interwal=1m'])).toThrow(/did you mean interval/)
  })
})

describe('manifests and the schemas of Kubernetes and of the Prometheus operator', () => {
  let errorsOf: ReturnType<typeof createSchemaCheck>
  beforeAll(() => {
    errorsOf = createSchemaCheck()
  }, SCHEMA_MS)

  it(
    'agree',
    () => {
      for (const one of allOf(bundle)) expect(errorsOf(one), `${one.kind} ${one.metadata.name}`).toEqual([])
    },
    SCHEMA_MS,
  )

  it.each<[string, string, (spec: Any) => void]>([
    ['an unknown key', 'DaemonSet', ({ template }) => (template.spec.hostPids = true)],
    ['a key of the container', 'DaemonSet', ({ template }) => (template.spec.containers[0].port = 1)],
    ['a missing name', 'DaemonSet', ({ template }) => delete template.spec.containers[0].name],
    [
      'a number as a text',
      'DaemonSet',
      ({ template }) => (template.spec.terminationGracePeriodSeconds = '30'),
    ],
    ['a port as a list', 'Service', (spec) => (spec.ports = spec.ports[0])],
    ['a misspelt policy type', 'NetworkPolicy', (spec) => (spec.policyTypes = 'Ingress')],
    ['a duration without unit', 'ServiceMonitor', ({ endpoints }) => (endpoints[0].interval = '15')],
    [
      'a misspelt relabeling',
      'ServiceMonitor',
      ({ endpoints }) => (endpoints[0].relabelings[0].target = 'x'),
    ],
    ['a rule without expression', 'PrometheusRule', ({ groups }) => delete groups[0].rules[0].expr],
    ['a group without name', 'PrometheusRule', ({ groups }) => delete groups[0].name],
    ['a webhook key', 'AlertmanagerConfig', ({ receivers }) => (receivers[0].webhookConfigs[0].uri = 'x')],
    ['a match type', 'AlertmanagerConfig', ({ route }) => (route.matchers[0].matchType = '~')],
  ])('find %s in %s', (_, kind, spoil) => {
    const spoilt = structuredClone(find(bundle, kind)) as Manifest
    spoil(spoilt.spec)
    expect(errorsOf(spoilt)).not.toEqual([])
  })
})

describe('what no schema says', () => {
  it.each(Object.entries(INVARIANTS))('%s', (_, check) => {
    expect(check(bundle)).toEqual([])
  })

  const pod = (of: Bundle): Any => find(of, 'DaemonSet').spec.template.spec
  const container = (of: Bundle): Any => pod(of).containers[0]
  const config = (of: Bundle, change: (text: string) => string) => {
    const data = find(of, 'ConfigMap').data as Record<string, string>
    data['config.yaml'] = change(data['config.yaml']!)
  }
  it.each<[keyof typeof INVARIANTS, (of: Bundle) => unknown]>([
    ['images have a version', (of) => (container(of).image = 'agent-exporter:latest')],
    ['images have a version', (of) => (container(of).image = 'agent-exporter')],
    ['images have a version', (of) => (of.kustomization.images[0].newTag = 'latest')],
    ['probes ask routes that exist', (of) => (container(of).livenessProbe.httpGet.path = '/healthz')],
    ['probes ask routes that exist', (of) => (container(of).readinessProbe.httpGet.path = '/health')],
    ['probes ask routes that exist', (of) => (container(of).readinessProbe.httpGet.port = 'web')],
    ['ports are the same everywhere', (of) => (container(of).ports[0].containerPort = 10_781)],
    ['ports are the same everywhere', (of) => (find(of, 'Service').spec.ports[0].targetPort = 'web')],
    ['ports are the same everywhere', (of) => (find(of, 'ServiceMonitor').spec.endpoints[0].port = 'web')],
    [
      'ports are the same everywhere',
      (of) => (find(of, 'NetworkPolicy').spec.ingress[0].ports[0].port = 'x'),
    ],
    ['flags and configuration are those of the program', (of) => container(of).args.push('--web.listen=:1')],
    ['flags and configuration are those of the program', (of) => (container(of).env[0].name = 'DATA_DIR')],
    ['flags and configuration are those of the program', (of) => config(of, (text) => `${text}agentz: {}\n`)],
    [
      'flags and configuration are those of the program',
      (of) => config(of, (text) => text.replace('NODE_NAME', 'NODE')),
    ],
    [
      'capabilities are the documented ones',
      (of) => container(of).securityContext.capabilities.add.push('SYS_ADMIN'),
    ],
    ['capabilities are the documented ones', (of) => (container(of).securityContext.capabilities.drop = [])],
    ['capabilities are the documented ones', (of) => (container(of).securityContext.privileged = true)],
    [
      'capabilities are the documented ones',
      (of) => delete container(of).securityContext.readOnlyRootFilesystem,
    ],
    ['mounts have volumes, and only data can be written', (of) => pod(of).volumes.pop()],
    [
      'mounts have volumes, and only data can be written',
      (of) => delete container(of).volumeMounts[4].readOnly,
    ],
    [
      'mounts have volumes, and only data can be written',
      (of) => (pod(of).volumes[4].hostPath.path = '/var/run/docker.sock'),
    ],
    ['it asks the API of Kubernetes nothing', (of) => delete pod(of).automountServiceAccountToken],
    ['selectors select', (of) => (find(of, 'Service').spec.selector = { app: 'agent-exporter' })],
    ['selectors select', (of) => (find(of, 'ServiceMonitor').spec.selector.matchLabels = { app: 'x' })],
    ['secrets are those of the configuration', (of) => (pod(of).volumes[3].secret.secretName = 'tokens')],
    [
      'secrets are those of the configuration',
      (of) => config(of, (text) => text.replace('/prometheus.token', '/p')),
    ],
    [
      'the exporter answers for the instance that it is scraped as',
      (of) => find(of, 'ServiceMonitor').spec.endpoints[0].relabelings.shift(),
    ],
    [
      'Alertmanager is asked to call back as alerts/alertmanager.yml does',
      (of) => (find(of, 'AlertmanagerConfig').spec.route.repeatInterval = '4h'),
    ],
    [
      'alerts carry the namespace by which they are let through',
      (of) => (of.kustomization.namespace = 'monitoring'),
    ],
    ['the kustomization has every file but examples', (of) => of.kustomization.resources.pop()],
    ['the kustomization has every file but examples', (of) => of.kustomization.resources.push('none.yaml')],
    [
      'every manifest can be applied',
      (of) => ((find(of, 'ConfigMap').data as Record<string, string>)['more'] = 'x'.repeat(2 ** 18)),
    ],
    ['requests are not above limits', (of) => (container(of).resources.limits.memory = '64Mi')],
  ])('%s: finds what is spoilt (%#)', (name, spoil) => {
    const spoilt = structuredClone(bundle)
    spoil(spoilt)
    expect(INVARIANTS[name]!(spoilt)).not.toEqual([])
  })
})
