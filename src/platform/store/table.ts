import type { Kysely } from 'kysely'
import { column, required } from './migration-types.ts'

type Kind = keyof typeof column

/** What a column holds; with `?` it may be null. */
export type Column = Kind | `${Kind}?`

export interface TableShape {
  readonly columns: Readonly<Record<string, Column>>
  /** Primary key, after `daemon_id`. */
  readonly key: readonly string[]
  /** By what follows the name of the table in theirs: columns after `daemon_id`. */
  readonly indexes?: Readonly<Record<string, readonly string[]>>
}

/** The schema of the time of the migration. */
// biome-ignore lint/suspicious/noExplicitAny: as in `Migration`
type AnySchema = Kysely<any>

/** A table as every room has them: each row belongs to a daemon, which comes first in every key and index. */
export async function createTable(db: AnySchema, name: string, { columns, key, indexes = {} }: TableShape) {
  let table = db.schema.createTable(name).addColumn('daemon_id', column.text, required)
  for (const [field, kind] of Object.entries(columns)) {
    const type = column[(kind.endsWith('?') ? kind.slice(0, -1) : kind) as Kind]
    table = kind.endsWith('?') ? table.addColumn(field, type) : table.addColumn(field, type, required)
  }
  await table.addPrimaryKeyConstraint(`${name}_pk`, ['daemon_id', ...key] as never).execute()
  for (const [suffix, fields] of Object.entries(indexes)) {
    await db.schema
      .createIndex(`${name}_${suffix}`)
      .on(name)
      .columns(['daemon_id', ...fields])
      .execute()
  }
}
