import { sql } from 'kysely'
import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import type { OwnedTables, Store } from './store.ts'

/** Rows deleted per statement: some milliseconds, so that nobody waits long behind it. */
const SLICE_ROWS = 5_000

/** What a room says about one of its tables. */
export interface RetentionRule {
  readonly table: string
  /** Column with the row's time in milliseconds; index it. */
  readonly column: string
  readonly keepMs: number
  /** The newest rows that stay, whatever their age. */
  readonly maxRows?: number
}

export interface Retention {
  start(): void
  stop(): void
  /** One pass over every rule now; answers how many rows went. */
  run(): Promise<number>
}

export interface RetentionDeps<DB extends OwnedTables<DB>> {
  readonly store: Store<DB>
  readonly clock: Clock
  readonly log: Log
  readonly rules: readonly RetentionRule[]
  readonly everyMs: number
}

/** Deletes what is old or too much, in bounded slices of the batch lane, then gives the space back. Own rows only. */
export function createRetention<DB extends OwnedTables<DB>>(deps: RetentionDeps<DB>): Retention {
  const { store, clock, log, rules, everyMs } = deps
  // The physical name of a row, so that tables need no key of one column.
  const row = store.kind === 'sqlite' ? sql.raw('rowid') : sql.raw('ctid')
  let timer: Timer | undefined
  let stopped = true

  async function deleteSlices(rule: RetentionRule, doomed: ReturnType<typeof sql>): Promise<number> {
    const table = sql.table(rule.table)
    let total = 0
    for (;;) {
      const result = await sql`delete from ${table} where ${row} in (${doomed})`.execute(store.batch)
      const gone = Number(result.numAffectedRows ?? 0)
      total += gone
      if (gone < SLICE_ROWS) return total
    }
  }

  async function apply(rule: RetentionRule, now: number): Promise<number> {
    const table = sql.table(rule.table)
    const column = sql.ref(rule.column)
    const own = sql`from ${table} where daemon_id = ${store.daemonId}`
    let gone = await deleteSlices(
      rule,
      sql`select ${row} ${own} and ${column} < ${now - rule.keepMs} limit ${sql.lit(SLICE_ROWS)}`,
    )
    if (rule.maxRows !== undefined) {
      gone += await deleteSlices(
        rule,
        sql`select ${row} ${own} order by ${column} desc limit ${sql.lit(SLICE_ROWS)} offset ${sql.lit(rule.maxRows)}`,
      )
    }
    return gone
  }

  async function run(): Promise<number> {
    let gone = 0
    for (const rule of rules) gone += await apply(rule, clock.now())
    if (gone > 0) await store.compact()
    return gone
  }

  function schedule(): void {
    timer = clock.setTimer(everyMs, () => {
      run()
        .catch((error: unknown) =>
          log.warn('retention did not finish; it runs again', { error: String(error) }),
        )
        .finally(() => {
          if (!stopped) schedule()
        })
    })
  }

  return {
    run,
    start() {
      stopped = false
      schedule()
    },
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
