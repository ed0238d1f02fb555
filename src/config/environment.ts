import { type TObject, type TSchema, Type } from 'typebox'
import { parse } from 'yaml'
import { nearest } from '../platform/nearest.ts'
import type { ConfigIssue } from './issue.ts'
import { ConfigSchema } from './schema.ts'

const PREFIX = 'AGENT_EXPORTER__'

/**
 * Lays `AGENT_EXPORTER__SECTION__KEY=value` over a document. Case and underscores inside a name do not matter
 * (`MAX_SERIES`, `maxSeries`); the value is read as YAML, so lists and booleans work.
 */
export function applyEnvironment(
  document: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  issues: ConfigIssue[],
): unknown {
  const result = structuredClone(document ?? {}) as Record<string, unknown>
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue
    const keys = resolve(name, issues)
    if (keys === undefined) continue
    let node = result
    for (const key of keys.slice(0, -1)) {
      const child = node[key]
      if (typeof child !== 'object' || child === null) node[key] = {}
      node = node[key] as Record<string, unknown>
    }
    try {
      node[keys.at(-1)!] = parse(value)
    } catch {
      issues.push({ path: name, message: 'the value is not valid YAML' })
    }
  }
  return result
}

function resolve(name: string, issues: ConfigIssue[]): string[] | undefined {
  let schema: TSchema | undefined = ConfigSchema
  const keys: string[] = []
  for (const word of name.slice(PREFIX.length).split('__')) {
    const known: string[] =
      schema !== undefined && Type.IsObject(schema) ? Object.keys((schema as TObject).properties) : []
    const key = known.find((candidate) => fold(candidate) === fold(word))
    if (key === undefined) {
      const meant = nearest(fold(word), known)
      issues.push({
        path: name,
        message: `no such setting${meant === undefined ? '' : `, did you mean ${meant}?`}`,
      })
      return undefined
    }
    keys.push(key)
    schema = (schema as TObject).properties[key]
  }
  return keys
}

const fold = (word: string): string => word.replaceAll('_', '').toLowerCase()
