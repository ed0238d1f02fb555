import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { createProgram } from '../../../src/cli/main.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { RULE_DEFAULTS } from '../../../src/rules/parameters.ts'
import { VERSION } from '../../../src/version.ts'
import { type Any, allOf, type Bundle, find } from './manifests.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** `kubectl apply` writes the whole manifest into an annotation, and all of these together may have 256 KiB. */
const MOST_BYTES = 250 * 1_024
/** What SECURITY.md and docs/readers.md name, and what stops processes of others. */
const CAPABILITIES = ['DAC_READ_SEARCH', 'KILL', 'SYS_PTRACE']
const WRITABLE = ['/tmp', '/var/lib/agent-exporter']

/** What no schema says, in one line for each thing that is wrong. */
export const INVARIANTS: Readonly<Record<string, (bundle: Bundle) => readonly string[]>> = {
  'images have a version': (bundle) => {
    const { image } = containerOf(bundle)
    const [name, tag] = image.split(':')
    const override = bundle.kustomization.images.find((one: Any) => one.name === name)
    return [
      ...(tag === VERSION ? [] : [`${image} is not version ${VERSION}`]),
      ...(override?.newTag === VERSION ? [] : [`the kustomization does not set ${VERSION}`]),
    ]
  },

  'probes ask routes that exist': (bundle) => {
    const container = containerOf(bundle)
    const routes = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')).paths
    const paths = [container.livenessProbe, container.readinessProbe].map((probe) => probe?.httpGet)
    return [
      ...paths.flatMap((get) =>
        routes[get?.path]?.get?.['x-scope'] === 'none' ? [] : [`${get?.path} is not open to everybody`],
      ),
      ...paths.flatMap((get) => (get?.port === 'http' ? [] : [`${get?.path} is asked at ${get?.port}`])),
      ...endpointOf(bundle, (path) => (routes[path]?.get === undefined ? [`there is no ${path}`] : [])),
    ]
  },

  'ports are the same everywhere': (bundle) => {
    const { args, ports } = containerOf(bundle)
    const listen = /--web\.listen-address=\S*:(\d+)/.exec(args.join(' '))?.[1]
    const [{ name, containerPort }] = ports
    const services = [find(bundle, 'Service'), find(bundle, 'Service', 'agent-exporter-node')]
    const policy = find(bundle, 'NetworkPolicy').spec.ingress.flatMap((rule: Any) => rule.ports)
    return [
      ...(listen === String(containerPort) ? [] : [`listens on ${listen}, says ${containerPort}`]),
      ...services.flatMap(({ spec }) =>
        spec.ports.flatMap((one: Any) =>
          one.targetPort === name && one.port === containerPort ? [] : [`service port ${one.port}`],
        ),
      ),
      ...policy.flatMap((one: Any) => (one.port === name ? [] : [`the policy opens ${one.port}`])),
      ...find(bundle, 'ServiceMonitor').spec.endpoints.flatMap((one: Any) =>
        services[0]!.spec.ports.some((port: Any) => port.name === one.port)
          ? []
          : [`no service port is called ${one.port}`],
      ),
    ]
  },

  'flags and configuration are those of the program': (bundle) => {
    const known = createProgram().options.map(({ long }) => long)
    const { args, env } = containerOf(bundle)
    const [command, ...flags] = args as string[]
    const variables = env.map((one: Any) => one.name)
    return [
      ...(command === 'serve' ? [] : [`runs ${command}`]),
      ...flags.flatMap((flag) => (known.includes(flag.split('=')[0]!) ? [] : [`there is no flag ${flag}`])),
      ...variables.flatMap((name: string) =>
        ['AGENT_EXPORTER_DATA_DIR', 'NODE_NAME'].includes(name) ? [] : [`nobody reads ${name}`],
      ),
      ...configErrors(bundle),
    ]
  },

  'capabilities are the documented ones': (bundle) => {
    const { capabilities, privileged, allowPrivilegeEscalation, readOnlyRootFilesystem } =
      containerOf(bundle).securityContext
    const told = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8') + readFileSync(join(ROOT, 'src/targets.ts'))
    return [
      ...(String(capabilities.drop) === 'ALL' ? [] : ['does not drop everything']),
      ...(String([...capabilities.add].sort()) === String(CAPABILITIES) ? [] : [`adds ${capabilities.add}`]),
      ...capabilities.add.flatMap((one: string) =>
        told.includes(`CAP_${one}`) ? [] : [`no document names CAP_${one}`],
      ),
      ...(privileged === false && allowPrivilegeEscalation === false ? [] : ['may gain rights']),
      ...(readOnlyRootFilesystem === true ? [] : ['may write to its image']),
    ]
  },

  'mounts have volumes, and only data can be written': (bundle) => {
    const { volumes, containers } = podOf(bundle)
    const mounts = containers[0].volumeMounts as Any[]
    const writable = mounts.filter((one) => one.readOnly !== true).map((one) => one.mountPath)
    const sockets = volumes.filter((one: Any) => /\.sock$/.test(one.hostPath?.path ?? ''))
    return [
      ...mounts.flatMap((one) =>
        volumes.some((volume: Any) => volume.name === one.name) ? [] : [`no volume ${one.name}`],
      ),
      ...volumes.flatMap((volume: Any) =>
        mounts.some((one) => one.name === volume.name) ? [] : [`nobody mounts ${volume.name}`],
      ),
      ...(String(writable.sort()) === String(WRITABLE) ? [] : [`writes to ${writable}`]),
      ...sockets.map((one: Any) => `mounts ${one.hostPath.path}`),
    ]
  },

  'it asks the API of Kubernetes nothing': (bundle) => {
    const { serviceAccountName, automountServiceAccountToken } = podOf(bundle)
    const account = find(bundle, 'ServiceAccount', serviceAccountName) as Any
    return [automountServiceAccountToken, account.automountServiceAccountToken].flatMap((one) =>
      one === false ? [] : ['has a token'],
    )
  },

  'selectors select': (bundle) => {
    const { labels } = find(bundle, 'DaemonSet').spec.template.metadata
    const monitored = allOf(bundle).filter(
      (one) =>
        one.kind === 'Service' &&
        isSubset(find(bundle, 'ServiceMonitor').spec.selector.matchLabels, one.metadata.labels ?? {}),
    )
    return [
      ...[
        find(bundle, 'DaemonSet').spec.selector.matchLabels,
        find(bundle, 'NetworkPolicy').spec.podSelector.matchLabels,
        find(bundle, 'Service').spec.selector,
        find(bundle, 'Service', 'agent-exporter-node').spec.selector,
      ].flatMap((one) => (isSubset(one, labels) ? [] : [`${JSON.stringify(one)} selects nobody`])),
      // The name of the service is the label job.
      ...(RULE_DEFAULTS.selector === `job="${monitored.map(({ metadata }) => metadata.name)}"`
        ? []
        : [`scrapes ${monitored.map(({ metadata }) => metadata.name)}`]),
    ]
  },

  'secrets are those of the configuration': (bundle) => {
    const { secretName } = podOf(bundle).volumes.find((one: Any) => one.secret !== undefined).secret
    const keys = tokensOf(bundle).map(({ file }) => file.split('/').at(-1))
    const mount = containerOf(bundle).volumeMounts.find((one: Any) => one.name === 'tokens').mountPath
    const used = [
      ...find(bundle, 'ServiceMonitor').spec.endpoints.map((one: Any) => one.authorization),
      ...find(bundle, 'AlertmanagerConfig').spec.receivers.flatMap((one: Any) =>
        one.webhookConfigs.map((hook: Any) => hook.httpConfig.authorization),
      ),
    ].map((one: Any) => one.credentials)
    return [
      ...tokensOf(bundle).flatMap(({ file }) =>
        file.startsWith(`${mount}/`) ? [] : [`no mount has ${file}`],
      ),
      ...used.flatMap(({ name, key }) =>
        name === secretName && keys.includes(key) ? [] : [`no token ${name}/${key}`],
      ),
      ...allOf(bundle)
        .filter(({ kind }) => kind === 'Secret')
        .map(() => 'a secret is in the repository'),
    ]
  },

  'the exporter answers for the instance that it is scraped as': (bundle) => {
    const instances = configOf(bundle).alertmanager.instances
    const relabeling = find(bundle, 'ServiceMonitor').spec.endpoints[0].relabelings.find(
      (one: Any) => one.targetLabel === 'instance',
    )
    const scraped = relabeling?.replacement.replace('$1', NODE)
    return instances.includes(scraped) ? [] : [`scraped as ${scraped}, answers for ${instances}`]
  },

  'Alertmanager is asked to call back as alerts/alertmanager.yml does': (bundle) => {
    const shipped = parse(readFileSync(join(ROOT, 'alerts/alertmanager.yml'), 'utf8'))
    const route = shipped.route.routes.find((one: Any) => one.receiver === 'agent-exporter')
    const [hook] = shipped.receivers.find((one: Any) => one.name === 'agent-exporter').webhook_configs
    const { spec } = find(bundle, 'AlertmanagerConfig')
    const matchers = spec.route.matchers.map((one: Any) => `${one.name}${one.matchType}"${one.value}"`)
    const [ours] = spec.receivers[0].webhookConfigs
    const pairs: readonly (readonly [string, unknown, unknown])[] = [
      ['matchers', matchers, route.matchers],
      ['groupBy', spec.route.groupBy, route.group_by],
      ['groupWait', spec.route.groupWait, route.group_wait],
      ['groupInterval', spec.route.groupInterval, route.group_interval],
      ['repeatInterval', spec.route.repeatInterval, route.repeat_interval],
      ['maxAlerts', ours.maxAlerts, hook.max_alerts],
      ['sendResolved', ours.sendResolved, hook.send_resolved],
      ['followRedirects', ours.httpConfig.followRedirects, hook.http_config.follow_redirects],
      ['path', new URL(ours.url).pathname, new URL(hook.url).pathname],
    ]
    return pairs.flatMap(([name, is, was]) =>
      JSON.stringify(is) === JSON.stringify(was) ? [] : [`${name}: ${is} is not ${was}`],
    )
  },

  'alerts carry the namespace by which they are let through': (bundle) => {
    const { namespace } = bundle.kustomization
    return find(bundle, 'PrometheusRule')
      .spec.groups.flatMap((group: Any) => group.rules)
      .flatMap((rule: Any) =>
        rule.alert === undefined || rule.labels.namespace === namespace ? [] : [rule.alert],
      )
  },

  'the kustomization has every file but examples': ({ files, kustomization }) => {
    const listed = kustomization.resources as string[]
    return [
      ...listed.flatMap((path) => (files[path] === undefined ? [`there is no ${path}`] : [])),
      ...Object.keys(files).flatMap((path) =>
        listed.includes(path) !== path.includes('.example.') ? [] : [`${path} is not where it belongs`],
      ),
    ]
  },

  'every manifest can be applied': (bundle) =>
    allOf(bundle).flatMap((one) =>
      Buffer.byteLength(JSON.stringify(one)) < MOST_BYTES ? [] : [`${one.metadata.name} is too large`],
    ),

  'requests are not above limits': (bundle) => {
    const { requests, limits } = containerOf(bundle).resources
    return bytesOf(requests.memory) <= bytesOf(limits.memory) && limits.cpu === undefined
      ? []
      : [`${requests.memory} of ${limits.memory}, CPU ${limits.cpu}`]
  },
}

const NODE = 'node-1'

function podOf(bundle: Bundle): Any {
  return find(bundle, 'DaemonSet').spec.template.spec
}

function containerOf(bundle: Bundle): Any {
  return podOf(bundle).containers[0]
}

function endpointOf(bundle: Bundle, check: (path: string) => readonly string[]): readonly string[] {
  return find(bundle, 'ServiceMonitor').spec.endpoints.flatMap((one: Any) => check(one.path))
}

function configOf(bundle: Bundle) {
  const text = find(bundle, 'ConfigMap').data?.['config.yaml'] ?? ''
  return parseConfig('config.yaml', text, { NODE_NAME: NODE })
}

function tokensOf(bundle: Bundle): readonly { readonly file: string }[] {
  return configOf(bundle).auth.tokens.flatMap(({ file }) => (file === undefined ? [] : [{ file }]))
}

function configErrors(bundle: Bundle): readonly string[] {
  try {
    configOf(bundle)
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}

function isSubset(wanted: Readonly<Record<string, string>>, all: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => all[name] === value)
}

function bytesOf(text: string): number {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(text) ?? []
  return Number(number) * (unit === 'Gi' ? 1_024 : 1)
}
