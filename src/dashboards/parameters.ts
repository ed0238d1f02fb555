import { agentActions } from './actions.ts'

/** What may be different where the dashboards are used; the files hold the defaults. */
export interface DashboardParameters {
  /** Where a browser finds the exporter of an agent; `{instance}` stands for the label of its target. */
  readonly exporter: string
  /** In front of `docs/runbooks.md#…`, such as `https://wiki.example.org/`. */
  readonly runbooks: string
  /** Adds buttons to pause and resume that call the exporter at this address, as `exporter`; undefined: no buttons. */
  readonly actions: string | undefined
}

export const DASHBOARD_DEFAULTS: DashboardParameters = {
  exporter: 'http://{instance}',
  runbooks: '',
  actions: undefined,
}

const INSTANCE = /http:\/\/(\$\{(?:__data\.fields|__field\.labels)\.instance\})/g

/** The text of a dashboard with other parameters. Everything else stays as it was. */
export function withParameters(text: string, parameters: DashboardParameters): string {
  const { exporter, runbooks, actions } = parameters
  const exchanged = mapStrings(JSON.parse(text), (value) =>
    value
      .replace(INSTANCE, (_, instance: string) => exporter.replaceAll('{instance}', instance))
      .replaceAll('(docs/runbooks.md', () => `(${runbooks}docs/runbooks.md`),
  )
  const changed = actions === undefined ? exchanged : withButtons(exchanged, actions)
  return `${JSON.stringify(changed, null, 2)}\n`
}

function mapStrings(json: unknown, change: (value: string) => string): unknown {
  if (typeof json === 'string') return change(json)
  return mapInner(json, (inner) => mapStrings(inner, change))
}

interface Override {
  readonly matcher: { readonly id: string; readonly options: unknown }
  readonly properties: readonly { readonly id: string }[]
}

/** Gives the column of agents in every table its buttons. */
function withButtons(json: unknown, address: string): unknown {
  if (!isAgentColumn(json)) return mapInner(json, (inner) => withButtons(inner, address))
  return { ...json, properties: [...json.properties, { id: 'actions', value: agentActions(address) }] }
}

function isAgentColumn(json: unknown): json is Override {
  if (json === null || typeof json !== 'object' || !('matcher' in json) || !('properties' in json))
    return false
  const { matcher, properties } = json as Override
  return matcher.id === 'byName' && matcher.options === 'agent' && properties.some(({ id }) => id === 'links')
}

function mapInner(json: unknown, change: (inner: unknown) => unknown): unknown {
  if (Array.isArray(json)) return json.map(change)
  if (json === null || typeof json !== 'object') return json
  return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, change(inner)]))
}
