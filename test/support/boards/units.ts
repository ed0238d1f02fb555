import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The units of Grafana itself, as `@grafana/data` of the version in the file lists them. */
const KNOWN = new Set(
  (
    JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/grafana/units.json'), 'utf8')) as {
      readonly ids: readonly string[]
    }
  ).ids,
)

/** A unit that Grafana knows, or a text of our own behind the number. */
export function isUnit(unit: string): boolean {
  return KNOWN.has(unit) || /^suffix:[a-z/]+$/.test(unit)
}
