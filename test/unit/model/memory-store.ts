import type { ControlTables } from '../../../src/control/tables.ts'
import type { ExhaustionTables } from '../../../src/exhaustion/tables.ts'
import { ConstraintError } from '../../../src/platform/store/failure.ts'
import type { Store, Write } from '../../../src/platform/store/store.ts'
import type { UsageTables } from '../../../src/usage/tables.ts'

export type Tables = UsageTables & ExhaustionTables & ControlTables
type RoomStore = Pick<Store<Tables>, 'db' | 'put' | 'enqueue' | 'daemonId'>
type Row = Record<string, unknown>

const DAEMON = 'daemon'

/** What is on the disk: outlives every daemon that is built over it. */
export interface Disk {
  rows<Table extends keyof Tables & string>(table: Table): readonly Tables[Table][]
  /** What one run of the daemon has of it. Writes wait for `take` while the disk is `slow`. */
  open(run: { readonly alive: () => boolean }): RoomStore
  setPace(pace: 'fast' | 'slow'): void
  isSlow(): boolean
  waiting(): number
  /** What waits is written, in order, and whoever waits for it is told. */
  take(): void
  /** What waits is lost. */
  lose(): void
}

const PRIMARY: Readonly<Record<string, readonly string[]>> = {
  control_actions: ['daemon_id', 'id'],
  control_holds: ['daemon_id', 'incarnation'],
  control_marks: ['daemon_id', 'name'],
}

/** Rows by their key in memory; all or nothing, and the one unique index that the journal relies on. */
export function createDisk(): Disk {
  const tables = new Map<string, Map<string, Row>>()
  let pace: 'fast' | 'slow' = 'fast'
  let queue: { readonly write: () => void }[] = []

  const tableOf = (name: string): Map<string, Row> => {
    const table = tables.get(name) ?? new Map<string, Row>()
    tables.set(name, table)
    return table
  }

  function apply(writes: readonly Write<Tables>[]): void {
    const staged: (() => void)[] = []
    for (const { table: name, rows, upsert } of writes) {
      const table = tableOf(name)
      const columns: readonly string[] = upsert?.key ?? PRIMARY[name] ?? []
      for (const row of rows as readonly Row[]) {
        const key = columns.map((column) => String(row[column])).join('\u0000')
        const before = table.get(key)
        if (before !== undefined && upsert === undefined) throw new ConstraintError('unique', name)
        if (before !== undefined && upsert?.update?.length === 0) continue
        if (name === 'control_actions' && row['claims_key'] === 1) {
          for (const other of table.values()) {
            if (other['claims_key'] === 1 && other['key'] === row['key'] && other['id'] !== row['id'])
              throw new ConstraintError('unique', 'control_actions_key')
          }
        }
        staged.push(() => table.set(key, row))
      }
    }
    for (const write of staged) write()
  }

  return {
    rows: (table) => [...tableOf(table).values()] as never,
    setPace(next) {
      pace = next
      if (next === 'fast') this.take()
    },
    isSlow: () => pace === 'slow',
    waiting: () => queue.length,
    take() {
      const taken = queue
      queue = []
      for (const { write } of taken) write()
    },
    lose() {
      queue = []
    },
    open: ({ alive }) => ({
      daemonId: DAEMON,
      enqueue: () => 'queued',
      db: queryable((name) => [...tableOf(name).values()], alive),
      put(writes) {
        if (!alive()) return new Promise(() => {})
        return new Promise((resolve, reject) => {
          const write = () => {
            try {
              apply(writes as readonly Write<Tables>[])
            } catch (error) {
              return reject(error)
            }
            if (alive()) resolve()
          }
          if (pace === 'slow') queue.push({ write })
          else write()
        })
      },
    }),
  }
}

type Test = (row: Row) => boolean

/** As much of the query builder as the rooms use to read. */
function queryable(rowsOf: (table: string) => readonly Row[], alive: () => boolean): RoomStore['db'] {
  function query(table: string, tests: readonly Test[], order: readonly [string, 1 | -1][], limit: number) {
    const run = (): Row[] => {
      const found = rowsOf(table).filter((row) => tests.every((test) => test(row)))
      found.sort((a, b) => {
        for (const [column, way] of order) {
          if (a[column] !== b[column]) return (a[column] as string) < (b[column] as string) ? -way : way
        }
        return 0
      })
      return found.slice(0, limit)
    }
    const answer = <T>(value: () => T): Promise<T> =>
      alive() ? Promise.resolve(value()) : new Promise(() => {})
    return {
      select: () => query(table, tests, order, limit),
      selectAll: () => query(table, tests, order, limit),
      where: (column: string, operator: string, value: unknown) =>
        query(table, [...tests, testOf(column, operator, value)], order, limit),
      orderBy: (column: string, way?: 'desc') =>
        query(table, tests, [...order, [column, way === 'desc' ? -1 : 1]], limit),
      limit: (most: number) => query(table, tests, order, most),
      execute: () => answer(run),
      executeTakeFirst: () => answer(() => run()[0]),
    }
  }
  const db = { selectFrom: (table: string) => query(table, [], [], Number.POSITIVE_INFINITY) }
  return db as unknown as RoomStore['db']
}

function testOf(column: string, operator: string, value: unknown): Test {
  switch (operator) {
    case '=':
      return (row) => row[column] === value
    case 'is':
      return (row) => (row[column] ?? null) === value
    case 'in':
      return (row) => (value as unknown[]).includes(row[column])
    case 'not in':
      return (row) => !(value as unknown[]).includes(row[column])
    case '>=':
      return (row) => (row[column] as number) >= (value as number)
    case '>':
      return (row) => (row[column] as number) > (value as number)
    case '<':
      return (row) => (row[column] as number) < (value as number)
    default:
      throw new Error(`the model's store does not know ${operator}`)
  }
}
