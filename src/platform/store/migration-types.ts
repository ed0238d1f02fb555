import type { ColumnDefinitionBuilder } from 'kysely'

/**
 * Column types that mean the same on SQLite and PostgreSQL, for migrations. `createTable` takes them by name.
 *
 * `bigint` is 64 bits in PostgreSQL and INTEGER affinity in SQLite, where every integer is 64 bits; a plain
 * `integer` would be 32 bits in PostgreSQL. A flag is 0 or 1 because not every `node:sqlite` binds booleans.
 */
export const column = {
  text: 'text',
  /** 64 bits; values beyond ±2^53 are refused when read. */
  integer: 'bigint',
  /** Double precision: `double precision` has REAL affinity in SQLite (datatype3.html §3.1). */
  real: 'double precision',
  /** Milliseconds since the epoch, wall clock. */
  time: 'bigint',
  /** JSON as text: rooms parse it themselves and never query into it. */
  json: 'text',
  /** 0 or 1. */
  flag: 'smallint',
} as const

export function required(definition: ColumnDefinitionBuilder): ColumnDefinitionBuilder {
  return definition.notNull()
}
