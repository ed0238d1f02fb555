import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/platform/log.ts'
import {
  createBatchWriter,
  createShapes,
  type ShapedRows,
} from '../../../../src/platform/store/batch-writer.ts'
import { StoreUnavailable } from '../../../../src/platform/store/failure.ts'
import { createStoreCounters } from '../../../../src/platform/store/stats.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

const turn = () => new Promise((done) => setImmediate(done))

function rig() {
  const clock = fakeClock()
  const counters = createStoreCounters()
  const written: { table: string; rows: readonly unknown[][] }[] = []
  const state = { away: false, refuse: false, flushes: 0 }
  const writer = createBatchWriter({
    shapeOf: createShapes(),
    clock,
    counters,
    log: silentLog,
    ready: () => !state.away,
    onUnavailable: () => {
      state.away = true
    },
    async write(segments: readonly ShapedRows[]) {
      state.flushes++
      if (state.refuse) throw new StoreUnavailable('full')
      for (const { shape, rows } of segments) written.push({ table: shape.table, rows: [...rows] })
      return { written: segments.reduce((sum, s) => sum + s.rows.length, 0), rejected: 0 }
    },
  })
  const rowsOf = (table: string) => written.filter((w) => w.table === table).flatMap((w) => w.rows)
  return { clock, counters, state, writer, written, rowsOf }
}

describe('batched writer', () => {
  it('waits 100 ms for company, then writes all of it at once', async () => {
    const { clock, writer, state, rowsOf } = rig()
    writer.enqueue('t', [{ a: 1 }], undefined)
    clock.advance(60)
    writer.enqueue('t', [{ a: 2 }], undefined)
    clock.advance(39)
    expect(state.flushes).toBe(0)
    clock.advance(1)
    await turn()
    expect(state.flushes).toBe(1)
    expect(rowsOf('t')).toEqual([[1], [2]])
  })

  it('writes at once when a thousand rows wait', async () => {
    const { writer, rowsOf } = rig()
    for (let i = 0; i < 1_000; i++) writer.enqueue('t', [{ a: i }], undefined)
    await turn()
    expect(rowsOf('t')).toHaveLength(1_000)
  })

  it('keeps the order within a table, whatever shapes and tables come between', async () => {
    const { writer, rowsOf } = rig()
    writer.enqueue('t', [{ a: 1 }], undefined)
    writer.enqueue('u', [{ b: 1 }], undefined)
    writer.enqueue('t', [{ a: 2, c: 2 }], undefined)
    writer.enqueue('u', [{ b: 2 }], undefined)
    writer.enqueue('t', [{ a: 3, c: undefined }], undefined)
    await writer.flush()
    expect(rowsOf('t')).toEqual([[1], [2, 2], [3]])
    expect(rowsOf('u')).toEqual([[1], [2]])
  })

  it('keeps rows while the store is away and writes them in order when it is back', async () => {
    const { clock, writer, state, rowsOf, counters } = rig()
    state.refuse = true
    writer.enqueue('t', [{ a: 1 }], undefined)
    await expect(writer.flush()).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE' })
    writer.enqueue('t', [{ a: 2 }], undefined)
    clock.advance(10_000)
    expect(state.flushes).toBe(1)
    expect(writer.length()).toBe(2)
    state.refuse = false
    state.away = false
    writer.resume()
    await turn()
    expect(rowsOf('t')).toEqual([[1], [2]])
    expect(counters.dropped.queue_full).toBe(0)
  })

  it('refuses rows beyond 16 MiB of text, and takes them again when there is room', async () => {
    const { writer, state, counters } = rig()
    state.away = true
    const text = 'x'.repeat(1024 * 1024)
    const answers = Array.from({ length: 12 }, () => writer.enqueue('t', [{ text }], undefined))
    expect(answers.filter((answer) => answer === 'queued')).toHaveLength(8)
    expect(counters.dropped.queue_full).toBe(4)
    state.away = false
    await writer.flush()
    expect(writer.enqueue('t', [{ text }], undefined)).toBe('queued')
  })

  it('counts what is left when it gives up', () => {
    const { writer, counters } = rig()
    writer.enqueue('t', [{ a: 1 }, { a: 2 }], undefined)
    writer.abandon()
    expect(counters.dropped.closed).toBe(2)
    expect(writer.length()).toBe(0)
  })
})
