import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { generatedDocuments } from '../../scripts/documents.ts'

const ROOT = join(import.meta.dirname, '../..')
const NAMES = [
  'docs/metrics.md',
  'docs/config.schema.json',
  'docs/openapi.json',
  'dashboards/src/catalogue.ts',
] as const

let documents: Readonly<Record<string, string>>
beforeAll(async () => {
  documents = await generatedDocuments()
})

it('every generated document is checked here', () => {
  expect(Object.keys(documents)).toEqual([...NAMES])
})

it.each(NAMES)('%s is what npm run docs writes', (name) => {
  expect(readFileSync(join(ROOT, name), 'utf8')).toBe(documents[name])
})

it('they are the same every time', async () => {
  expect(await generatedDocuments()).toEqual(documents)
})

it('every operation of the API says which scope it needs and how it answers errors', () => {
  const { paths } = JSON.parse(documents['docs/openapi.json']!) as {
    paths: Record<string, Record<string, { 'x-scope'?: string; responses?: object; description?: string }>>
  }
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      '/metrics',
      '/health',
      '/sd',
      '/-/reload',
      '/api/v1/agents',
      '/api/v1/agents/{id}',
    ]),
  )
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method} ${path}`
      expect(operation['x-scope'], name).toMatch(/^(none|metrics|read|ingest|control|admin)$/)
      expect(operation.responses, name).toHaveProperty('default')
    }
  }
})
