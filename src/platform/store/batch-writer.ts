import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import { isUnavailable, StoreUnavailable } from './failure.ts'
import type { RowsValue } from './sqlite-protocol.ts'
import type { StoreCounters } from './stats.ts'
import type { Upsert } from './store.ts'

/** Rows wait at most this long for company. */
const FLUSH_AFTER_MS = 100
/** As many rows as a flush takes at once: some milliseconds of work, so a durable commit never waits long. */
const FLUSH_ROWS = 1_000
/** What may wait while the store is away: rooms lose samples before the daemon loses its memory budget. */
const BUFFER_MAX_ROWS = 50_000
const BUFFER_MAX_BYTES = 16 * 1024 * 1024
/** Cost of one row and one cell besides the text in it. */
const ROW_BYTES = 64
const CELL_BYTES = 16

/** The statement a row goes into; one object per table, columns and upsert rule. */
export interface InsertShape {
  readonly table: string
  readonly columns: readonly string[]
  readonly upsert: Upsert<string> | undefined
}

export interface ShapedRows {
  readonly shape: InsertShape
  readonly rows: unknown[][]
}

/** Finds the statement of a row; equal shapes are the same object. */
export type Shapes = (table: string, row: object, upsert: Upsert<string> | undefined) => InsertShape

export function createShapes(): Shapes {
  const shapes = new Map<string, InsertShape>()
  return (table, row, upsert) => {
    const columns: string[] = []
    for (const [name, value] of Object.entries(row)) if (value !== undefined) columns.push(name)
    const key = `${table}|${columns.join()}|${upsert ? `${upsert.key.join()}|${upsert.update?.join()}` : ''}`
    let shape = shapes.get(key)
    if (!shape) {
      shape = { table, columns, upsert }
      shapes.set(key, shape)
    }
    return shape
  }
}

export interface BatchWriterDeps {
  readonly shapeOf: Shapes
  readonly clock: Clock
  readonly log: Log
  readonly counters: StoreCounters
  /** Writes all in one transaction. Throws StoreUnavailable when nothing was written; the rows are kept. */
  readonly write: (segments: readonly ShapedRows[]) => Promise<RowsValue>
  /** False while the store is known to be away: rows wait. */
  readonly ready: () => boolean
  readonly onUnavailable: (error: StoreUnavailable) => void
}

export interface BatchWriter {
  enqueue(table: string, rows: readonly object[], upsert: Upsert<string> | undefined): 'queued' | 'dropped'
  flush(): Promise<void>
  /** Call when the store is back. */
  resume(): void
  length(): number
  /** Gives up what is left, counted. */
  abandon(): void
}

export function createBatchWriter(deps: BatchWriterDeps): BatchWriter {
  const { clock, counters, log, shapeOf } = deps
  /** Rows of one table stay in order; the newest segment of a table takes more rows of the same shape. */
  let segments: ShapedRows[] = []
  let newest = new Map<string, ShapedRows>()
  let rows = 0
  let bytes = 0
  let inFlight = 0
  let timer: Timer | undefined
  let closed = false
  let writing: Promise<void> | undefined

  function enqueue(table: string, added: readonly object[], upsert: Upsert<string> | undefined) {
    if (closed) {
      counters.dropped.closed += added.length
      return 'dropped'
    }
    if (rows + inFlight + added.length > BUFFER_MAX_ROWS || bytes >= BUFFER_MAX_BYTES) {
      counters.dropped.queue_full += added.length
      return 'dropped'
    }
    for (const row of added) {
      const shape = shapeOf(table, row, upsert)
      const values = shape.columns.map((column) => (row as Record<string, unknown>)[column])
      let segment = newest.get(table)
      if (segment?.shape !== shape) {
        segment = { shape, rows: [] }
        segments.push(segment)
        newest.set(table, segment)
      }
      segment.rows.push(values)
      bytes += sizeOf(values)
    }
    rows += added.length
    if (rows >= FLUSH_ROWS) pump()
    else timer ??= clock.setTimer(FLUSH_AFTER_MS, pump)
    return 'queued'
  }

  function pump(): void {
    timer?.cancel()
    timer = undefined
    if (writing || rows === 0 || !deps.ready()) return
    writing = writeOnce()
      .catch(() => {})
      .finally(() => {
        writing = undefined
        if (rows >= FLUSH_ROWS) pump()
        else if (rows > 0) timer ??= clock.setTimer(FLUSH_AFTER_MS, pump)
      })
  }

  function take(): ShapedRows[] {
    const taken: ShapedRows[] = []
    let count = 0
    while (count < FLUSH_ROWS && segments[0]) {
      const segment = segments[0]
      if (newest.get(segment.shape.table) === segment) newest.delete(segment.shape.table)
      const room = FLUSH_ROWS - count
      if (segment.rows.length <= room) {
        segments.shift()
        taken.push(segment)
        count += segment.rows.length
      } else {
        taken.push({ shape: segment.shape, rows: segment.rows.splice(0, room) })
        count += room
      }
    }
    return taken
  }

  async function writeOnce(): Promise<void> {
    const taken = take()
    inFlight = taken.reduce((sum, segment) => sum + segment.rows.length, 0)
    rows -= inFlight
    const size = taken.reduce((sum, s) => sum + s.rows.reduce((inner, row) => inner + sizeOf(row), 0), 0)
    try {
      const { rejected, firstRejection } = await deps.write(taken)
      bytes -= size
      if (rejected > 0) {
        counters.dropped.rejected += rejected
        if (firstRejection) counters.failures[firstRejection.reason] += rejected
        log.warn('the store refused batched rows', { rejected, why: firstRejection?.message })
      }
    } catch (error) {
      if (error instanceof StoreUnavailable && isUnavailable(error.reason)) {
        segments = [...taken, ...segments]
        newest = new Map(segments.map((segment) => [segment.shape.table, segment]))
        rows += inFlight
        deps.onUnavailable(error)
      } else {
        // Not a fault of the store: trying again would fail again.
        bytes -= size
        counters.dropped.rejected += inFlight
        log.warn('the store refused batched rows', { rejected: inFlight, why: String(error) })
      }
      throw error
    } finally {
      inFlight = 0
    }
  }

  return {
    enqueue,
    resume: pump,
    length: () => rows + inFlight,
    async flush() {
      while (writing) await writing
      while (rows > 0) {
        const turn = writeOnce()
        writing = turn
          .catch(() => {})
          .finally(() => {
            writing = undefined
          })
        await turn
        while (writing) await writing
      }
    },
    abandon() {
      closed = true
      timer?.cancel()
      counters.dropped.closed += rows
      segments = []
      newest = new Map()
      rows = 0
      bytes = 0
    },
  }
}

function sizeOf(row: readonly unknown[]): number {
  let size = ROW_BYTES + row.length * CELL_BYTES
  for (const value of row) {
    if (typeof value === 'string') size += value.length * 2
    else if (value instanceof Uint8Array) size += value.byteLength
  }
  return size
}
