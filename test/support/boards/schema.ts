import { join } from 'node:path'
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'
import { Ajv, type SchemaObject, type ValidateFunction } from 'ajv'
import { createGenerator, type Schema } from 'ts-json-schema-generator'

const ROOT = join(import.meta.dirname, '../../..')
/** Options and styles of each kind of panel, in grafana-types.ts. */
const KINDS: Readonly<Record<string, { readonly options: string; readonly style?: string }>> = {
  bargauge: { options: 'BarGaugeOptions' },
  stat: { options: 'StatOptions' },
  'state-timeline': { options: 'TimelineOptions', style: 'TimelineStyle' },
  table: { options: 'TableOptions', style: 'TableStyle' },
  timeseries: { options: 'GraphOptions', style: 'GraphStyle' },
}
/** Of a value's link the SDK only knows the type of a dashboard's link, which has more; this is Grafana's `DataLink`. */
const DATA_LINK: Schema = {
  type: 'object',
  properties: {
    title: { type: 'string' },
    url: { type: 'string' },
    targetBlank: { type: 'boolean' },
    oneClick: { type: 'boolean' },
  },
  required: ['title', 'url'],
  additionalProperties: false,
}

/**
 * Compares JSON with the types that Grafana publishes, closed: an unknown key is an error. What they leave open
 * (`any`: options, styles, overrides) is compared with the types of the kind of panel.
 */
export function createSchemaCheck(): (dashboard: Dashboard) => string[] {
  const generator = createGenerator({
    path: join(ROOT, 'test/support/boards/grafana-types.ts'),
    tsconfig: join(ROOT, 'tsconfig.json'),
    skipTypeCheck: true,
    additionalProperties: false,
    functions: 'hide',
    expose: 'all',
  })
  const ajv = new Ajv({ allErrors: true, strict: false })
  const query = generator.createSchema('QueryJson')
  const validatorOf = (name: string): ValidateFunction =>
    ajv.compile(patched(generator.createSchema(name), query) as SchemaObject)
  const validators = new Map(
    [
      'DashboardJson',
      'FieldJson',
      ...Object.values(KINDS).flatMap(({ options, style }) => [options, style ?? []].flat()),
    ].map((name) => [name, validatorOf(name)]),
  )
  const errorsOf = (name: string, value: unknown, where: string): string[] => {
    const validate = validators.get(name)!
    if (validate(value)) return []
    return validate.errors!.map(
      ({ instancePath, message, params }) => `${where}${instancePath} ${message} ${JSON.stringify(params)}`,
    )
  }
  const panelErrors = (panel: Panel): string[] => {
    const where = panel.title ?? ''
    const kind = KINDS[panel.type]
    if (kind === undefined) return [`${where}: no schema for ${panel.type}`]
    const { custom } = panel.fieldConfig!.defaults
    const styles = { ...required(kind.style), ...(custom as object | undefined) }
    return [
      ...errorsOf(kind.options, panel.options, `${where} options`),
      ...(kind.style === undefined
        ? unstyled(custom, where)
        : errorsOf(kind.style, styles, `${where} custom`)),
      ...panel.fieldConfig!.overrides.flatMap(({ properties }) =>
        properties.flatMap(({ id, value }) => {
          const own = id.startsWith('custom.')
          if (own && kind.style === undefined) return [`${where}: ${id} of a panel without styles`]
          return own
            ? errorsOf(
                kind.style!,
                { ...required(kind.style), [id.slice('custom.'.length)]: value },
                `${where} ${id}`,
              )
            : errorsOf('FieldJson', { [id]: value }, `${where} ${id}`)
        }),
      ),
    ]
  }
  return (dashboard) => [
    ...errorsOf('DashboardJson', dashboard, ''),
    ...(dashboard.panels ?? [])
      .flatMap((panel) => (isRow(panel) ? panel.panels : [panel]))
      .flatMap(panelErrors),
  ]
}

/** What a type requires and an override of another property has not. */
function required(style: string | undefined): object {
  return style === 'TableStyle' ? { align: 'auto', inspect: false } : {}
}

function unstyled(custom: unknown, where: string): string[] {
  return custom === undefined ? [] : [`${where}: styles of a panel that has none`]
}

function isRow(panel: Panel | RowPanel): panel is RowPanel {
  return panel.type === 'row'
}

/** Queries are those of Prometheus, a panel is a row or it is not, and links of values are links of values. */
function patched(schema: Schema, query: Schema): Schema {
  const definitions: Record<string, Schema> = { ...(schema.definitions as Record<string, Schema>) }
  const { Dashboard, FieldConfig, Dataquery } = definitions
  if (Dataquery !== undefined) {
    Object.assign(definitions, query.definitions, {
      Dataquery: (query.definitions as Record<string, Schema>)['Dataquery'],
    })
  }
  if (FieldConfig?.properties?.['links'] !== undefined) {
    FieldConfig.properties['links'] = { type: 'array', items: DATA_LINK }
  }
  if (Dashboard?.properties?.['panels'] !== undefined) {
    Dashboard.properties['panels'] = {
      type: 'array',
      items: {
        type: 'object',
        if: { properties: { type: { const: 'row' } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { $ref: '#/definitions/RowPanel' },
        else: { $ref: '#/definitions/Panel' },
      },
    }
  }
  return { ...schema, definitions }
}
