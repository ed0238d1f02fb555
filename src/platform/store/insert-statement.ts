import { type CompiledQuery, type InsertQueryBuilder, type InsertResult, type Kysely, sql } from 'kysely'
import type { InsertShape } from './batch-writer.ts'

type AnyTable = Record<string, Record<string, unknown>>

/** The insert of one shape for these rows, compiled by the dialect of `db`. */
export function compileInsert(
  db: Kysely<AnyTable>,
  shape: InsertShape,
  rows: readonly (readonly unknown[])[],
): CompiledQuery<InsertResult> {
  return insertQuery(db, shape, rows).compile()
}

/** The same, ready to run. */
export function insertQuery(
  db: Kysely<AnyTable>,
  { table, columns, upsert }: InsertShape,
  rows: readonly (readonly unknown[])[],
): InsertQueryBuilder<AnyTable, string, InsertResult> {
  const values = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))
  const insert = db.insertInto(table).values(values)
  if (!upsert) return insert
  const key = upsert.key
  const update = upsert.update ?? columns.filter((column) => !key.includes(column))
  return insert.onConflict((conflict) => {
    const onKey = conflict.columns(key)
    if (update.length === 0) return onKey.doNothing()
    return onKey.doUpdateSet(Object.fromEntries(update.map((c) => [c, sql.ref(`excluded.${c}`)])))
  })
}
