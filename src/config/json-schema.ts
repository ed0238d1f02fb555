import { ConfigSchema } from './schema.ts'

/**
 * The configuration's JSON Schema for editors (docs/config.schema.json). There every key is optional: what the
 * program calls required has a default. Internal hints are left out.
 */
export function configJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'agent-exporter configuration',
    ...(publish(ConfigSchema) as object),
  }
}

function publish(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const defaults = (key: string, properties: unknown): boolean =>
    (properties as Record<string, { default?: unknown }>)[key]?.default === undefined
  return Object.fromEntries(
    Object.entries(node).flatMap(([key, value]) => {
      if (key === 'x-hint') return []
      if (key === 'required') {
        const left = (value as string[]).filter((name) =>
          defaults(name, (node as { properties: unknown }).properties),
        )
        return left.length > 0 ? [[key, left]] : []
      }
      return [[key, publish(value)]]
    }),
  )
}
