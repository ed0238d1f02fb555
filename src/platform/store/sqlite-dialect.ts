import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Admission, SqliteClient } from './sqlite-client.ts'
import type { RunValue } from './sqlite-protocol.ts'
import type { Lane } from './stats.ts'

export interface SqliteDialectOptions {
  readonly client: SqliteClient
  readonly lane: Lane
  /** `exempt` for migrations, which run while ordinary statements wait. */
  readonly admission: Admission
  /** Settles when statements may go; rejects when the store gave up. */
  readonly gate: () => Promise<void> | undefined
}

/** Kysely over the worker. Compiler, adapter and introspector are Kysely's; only the driver is ours. */
export function createSqliteDialect(options: SqliteDialectOptions): Dialect {
  return {
    createDriver: () => createDriver(options),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new ConcurrentSqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  }
}

/** Kysely would hold a mutex per statement; the worker keeps the order itself and must see statements together. */
class ConcurrentSqliteAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

interface Connection extends DatabaseConnection {
  begin(): Promise<void>
  end(how: 'commit' | 'rollback'): Promise<void>
}

function createDriver(options: SqliteDialectOptions): Driver {
  const of = (connection: DatabaseConnection) => connection as Connection
  const savepoint = (connection: DatabaseConnection, command: string, name: string) =>
    connection.executeQuery(CompiledQuery.raw(`${command} "${name.replaceAll('"', '""')}"`)).then(() => {})
  return {
    init: async () => {},
    acquireConnection: async () => createConnection(options),
    beginTransaction: (connection) => of(connection).begin(),
    commitTransaction: (connection) => of(connection).end('commit'),
    rollbackTransaction: (connection) => of(connection).end('rollback'),
    savepoint: (connection, name) => savepoint(connection, 'savepoint', name),
    rollbackToSavepoint: (connection, name) => savepoint(connection, 'rollback to', name),
    releaseSavepoint: (connection, name) => savepoint(connection, 'release', name),
    releaseConnection: (connection) => of(connection).end('rollback'),
    destroy: async () => {},
  }
}

/** What Kysely calls a connection is, with one real connection in the worker, only the memory of a transaction. */
function createConnection({ client, lane, admission, gate }: SqliteDialectOptions): Connection {
  let tx: number | undefined

  async function executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (tx === undefined) {
      const closed = gate()
      if (closed) await closed
    }
    const value = await client.submit<RunValue>(
      {
        kind: 'run',
        lane,
        access: SelectQueryNode.is(query.query) ? 'read' : 'write',
        sql: query.sql,
        parameters: query.parameters,
        ...(tx !== undefined && { tx }),
      },
      tx === undefined ? admission : 'exempt',
    )
    return {
      rows: value.rows as R[],
      ...(value.changes !== undefined && { numAffectedRows: BigInt(value.changes) }),
      ...(value.insertId !== undefined && { insertId: BigInt(value.insertId) }),
    }
  }

  return {
    executeQuery,
    async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
      // The worker answers whole results: a cursor held open would stop every writer meanwhile.
      yield await executeQuery<R>(query)
    },
    async begin() {
      const closed = gate()
      if (closed) await closed
      const id = client.nextTransaction()
      await client.submit({ kind: 'begin', lane, tx: id, alone: admission === 'exempt' }, admission)
      tx = id
    },
    async end(how) {
      if (tx === undefined) return
      const id = tx
      tx = undefined
      await client.submit({ kind: how, tx: id }, 'exempt')
    },
  }
}
