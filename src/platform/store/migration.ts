import type { Kysely } from 'kysely'

/**
 * One step of the schema. Written once for SQLite and PostgreSQL; never changed after it has shipped.
 * `name` sorts the steps: `0001_agents`.
 */
export interface Migration {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: a migration runs against the schema of its own time (Kysely's advice)
  up(db: Kysely<any>): Promise<void>
}
