import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { OwnedTables, Store } from './store.ts'

/** A store that keeps nothing and finds nothing, for a single collection that leaves no trace (`--once`). */
export function createNoStore<DB extends OwnedTables<DB>>(): Pick<
  Store<DB>,
  'db' | 'enqueue' | 'put' | 'flush' | 'daemonId'
> {
  const db = new Kysely<DB>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => new SqliteIntrospector(kysely),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
  return { db, daemonId: 'none', enqueue: () => 'queued', put: async () => {}, flush: async () => {} }
}
