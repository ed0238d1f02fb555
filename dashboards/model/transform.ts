import type { DataTransformerConfig } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Field, type Frame, lengthOf, type Value } from './frames.ts'

/**
 * Frames after the transformations of a panel, one after the other.
 * @throws Error for a transformation whose meaning is not written here
 */
export function transform(
  frames: readonly Frame[],
  transformations: readonly DataTransformerConfig[],
): Frame[] {
  return transformations.reduce<Frame[]>(
    (before, { id, disabled, options }) => {
      if (disabled === true) return before
      if (id === 'merge') return merge(before)
      if (id === 'organize') return before.map((frame) => organize(frame, options as Partial<Organization>))
      throw new Error(`the transformation ${id} has no model`)
    },
    [...frames],
  )
}

type Row = Record<string, Value>

/**
 * One frame with the columns of all. Rows become one when nothing that both have is different, and what all frames have
 * in common is equal; a frame without a column in common leaves everything as it was.
 * @see grafana-data: transformers/merge.ts
 */
function merge(frames: readonly Frame[]): Frame[] {
  if (frames.length <= 1) return [...frames]
  const filled = frames.filter(({ fields }) => fields.length > 0)
  if (filled.length === 0) return frames.slice(0, 1)
  const columns = new Map<string, Field>()
  for (const one of filled.flatMap(({ fields }) => fields)) {
    if (!columns.has(one.name)) columns.set(one.name, one)
  }
  const common = [...columns.keys()].filter((name) => filled.every((frame) => columnOf(frame, name)))
  if (common.length === 0) return [...frames]
  const byKey = new Map<string, Row[]>()
  const rows: Row[] = []
  for (const row of filled.flatMap(rowsOf)) {
    const key = JSON.stringify(common.map((name) => row[name]))
    const alike = byKey.get(key) ?? []
    byKey.set(key, alike)
    const partners = alike.filter((one) => agree(one, row))
    for (const one of partners) Object.assign(one, row)
    if (partners.length > 0) continue
    const added = { ...row }
    alike.push(added)
    rows.push(added)
  }
  return [
    {
      refId: undefined,
      fields: [...columns.values()].map(({ name, type }) => ({
        name,
        type,
        values: rows.map((row) => row[name]),
      })),
    },
  ]
}

function columnOf(frame: Frame, name: string): Field | undefined {
  return frame.fields.find((one) => one.name === name)
}

function rowsOf(frame: Frame): Row[] {
  return Array.from({ length: lengthOf(frame) }, (_, at) =>
    Object.fromEntries(frame.fields.map(({ name, values }) => [name, values[at]])),
  )
}

function agree(one: Row, other: Row): boolean {
  return Object.entries(other).every(([name, value]) => one[name] === undefined || one[name] === value)
}

/** Options of `organize`; all name columns. */
export interface Organization {
  readonly excludeByName: Readonly<Record<string, boolean>>
  readonly indexByName: Readonly<Record<string, number>>
  readonly renameByName: Readonly<Record<string, string>>
}

/** Leaves columns out, orders the others (those without a place come last) and renames them. */
function organize(frame: Frame, { excludeByName, indexByName, renameByName }: Partial<Organization>): Frame {
  const place = ({ name }: Field): number => indexByName?.[name] ?? Number.MAX_SAFE_INTEGER
  const fields = frame.fields
    .filter(({ name }) => excludeByName?.[name] !== true)
    .toSorted((one, other) => place(one) - place(other))
    .map((one) => (renameByName?.[one.name] ? { ...one, name: renameByName[one.name]! } : one))
  return { ...frame, fields }
}
