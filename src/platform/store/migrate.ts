import { type Kysely, sql } from 'kysely'
import type { Migration } from './migration.ts'
import type { StoreKind } from './store.ts'

const APPLIED = 'agent_exporter_migrations'
/** Any constant: all daemons that share one PostgreSQL must take the same advisory lock. */
const MIGRATION_LOCK = 0x41455850

interface MigrationTables {
  readonly [APPLIED]: { readonly name: string; readonly applied_at: number }
}

/**
 * Applies what has not been applied yet, in the order of the names, each step in a transaction of its own
 * (DDL is transactional in both engines). Safe when several daemons start on one PostgreSQL at once. Rooms
 * number their steps independently, so a step may come in before one that is already there.
 *
 * @returns names of the steps applied now.
 * @throws Error when two steps have one name; whatever a step throws.
 */
export async function migrate(
  anyDb: Kysely<never>,
  kind: StoreKind,
  migrations: readonly Migration[],
  now: number,
): Promise<readonly string[]> {
  const db = anyDb as unknown as Kysely<MigrationTables>
  const steps = [...migrations].sort((a, b) => (a.name < b.name ? -1 : 1))
  for (let i = 1; i < steps.length; i++) {
    if (steps[i - 1]?.name === steps[i]?.name) throw new Error(`two migrations are named ${steps[i]?.name}`)
  }
  await db.transaction().execute(async (trx) => {
    await lock(trx, kind)
    await trx.schema
      .createTable(APPLIED)
      .ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('applied_at', 'bigint', (c) => c.notNull())
      .execute()
  })
  const applied: string[] = []
  for (const step of steps) {
    await db.transaction().execute(async (trx) => {
      await lock(trx, kind)
      const there = await trx
        .selectFrom(APPLIED)
        .select('name')
        .where('name', '=', step.name)
        .executeTakeFirst()
      if (there) return
      await step.up(trx)
      await trx.insertInto(APPLIED).values({ name: step.name, applied_at: now }).execute()
      applied.push(step.name)
    })
  }
  return applied
}

async function lock(trx: Kysely<MigrationTables>, kind: StoreKind): Promise<void> {
  if (kind === 'postgres') await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx)
}
