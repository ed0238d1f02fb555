import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSqliteEngine, type SqliteEngine } from '../../../src/platform/store/sqlite-engine.ts'
import type { Reply, Request, WorkerMessage } from '../../../src/platform/store/sqlite-protocol.ts'
import type { Lane } from '../../../src/platform/store/stats.ts'
import { removeDir, temporaryDir } from './place.ts'

let dir: string
let engine: SqliteEngine
let messages: WorkerMessage[]

/** A transaction may take this long, unless that is what a test is about. */
const LONG_MS = 600_000

function open(transactionTimeoutMs: number): void {
  messages = []
  const options = {
    path: join(dir, 'a.db'),
    reservePath: join(dir, 'reserve'),
    reserveBytes: 4096,
    stamp: 'now',
    transactionTimeoutMs,
  }
  engine = createSqliteEngine(options, (message) => messages.push(message))
}
async function close(): Promise<void> {
  engine.accept([{ kind: 'close', id: 9_999 }])
  await reply(9_999)
}
beforeEach(() => {
  dir = temporaryDir()
  open(LONG_MS)
})
afterEach(async () => {
  await close()
  removeDir(dir)
})

const order = () => messages.flatMap((message) => message.replies.map((r) => r.id))
const find = (id: number) => messages.flatMap((message) => message.replies).find((r) => r.id === id)
async function reply(id: number): Promise<Reply | undefined> {
  await expect.poll(() => find(id), { interval: 1 }).toBeDefined()
  return find(id)
}
const write = (id: number, sql: string, lane: Lane = 'durable', tx?: number): Request => ({
  kind: 'run',
  id,
  lane,
  access: 'write',
  sql,
  parameters: [],
  ...(tx !== undefined && { tx }),
})

describe('SQLite engine', () => {
  it('serves the durable lane before batches that came first', async () => {
    engine.accept([
      write(1, 'create table t (a integer unique)', 'batch'),
      write(2, 'insert into t values (2)', 'batch'),
      write(3, 'create table u (a integer)'),
    ])
    await reply(2)
    expect(order()).toEqual([3, 1, 2])
  })

  it('commits statements of several messages together, each failing alone', async () => {
    engine.accept([write(1, 'create table t (a integer unique)')])
    await reply(1)
    engine.accept([write(2, 'insert into t values (1)')])
    engine.accept([write(3, 'insert into t values (1)')])
    engine.accept([write(4, 'insert into t values (2)')])
    await reply(4)
    expect(messages.at(-1)?.commits).toMatchObject([{ lane: 'durable', writes: 3 }])
    expect(find(3)).toMatchObject({ failure: { reason: 'constraint', constraint: 'unique' } })
    expect(find(4)).toMatchObject({ value: { changes: 1 } })
  })

  it('does the others over when one statement rolls the whole transaction back', async () => {
    engine.accept([write(1, 'create table t (a integer unique)'), write(2, 'insert into t values (1)')])
    await reply(2)
    engine.accept([
      write(3, 'insert into t values (5)'),
      write(4, 'insert or rollback into t values (1)'),
      write(5, 'insert into t values (6)'),
    ])
    await reply(5)
    expect([find(3)?.failure, find(4)?.failure?.reason, find(5)?.failure]).toEqual([
      undefined,
      'constraint',
      undefined,
    ])
    engine.accept([{ ...write(6, 'select a from t order by a'), access: 'read' } as Request])
    expect(await reply(6)).toMatchObject({ value: { rows: [{ a: 1 }, { a: 5 }, { a: 6 }] } })
  })

  it('lets nobody in between the statements of a transaction', async () => {
    engine.accept([write(1, 'create table t (a integer)')])
    await reply(1)
    engine.accept([{ kind: 'begin', id: 2, lane: 'durable', tx: 7 }])
    await reply(2)
    engine.accept([write(3, 'insert into t values (1)'), write(4, 'insert into t values (2)', 'durable', 7)])
    await reply(4)
    expect(find(3)).toBeUndefined()
    engine.accept([{ kind: 'rollback', id: 5, tx: 7 }])
    await reply(3)
    expect(order().slice(-2)).toEqual([5, 3])
  })

  it('rolls a transaction back that takes too long, and lets the others go on', async () => {
    await close()
    open(1_000)
    engine.accept([write(1, 'create table t (a integer)')])
    await reply(1)
    engine.accept([{ kind: 'begin', id: 2, lane: 'durable', tx: 7 }])
    await reply(2)
    engine.accept([write(3, 'insert into t values (1)', 'durable', 7), write(4, 'insert into t values (2)')])
    expect(await reply(3)).toMatchObject({ value: { changes: 1 } })
    await reply(4)
    engine.accept([{ kind: 'commit', id: 5, tx: 7 }])
    expect(await reply(5)).toMatchObject({ failure: { reason: 'timeout' } })
    engine.accept([{ ...write(6, 'select a from t'), access: 'read' } as Request])
    expect(await reply(6)).toMatchObject({ value: { rows: [{ a: 2 }] } })
  })

  it('lets a transaction that nobody waits for last as long as it takes', async () => {
    await close()
    open(20)
    engine.accept([write(1, 'create table t (a integer)')])
    await reply(1)
    engine.accept([{ kind: 'begin', id: 2, lane: 'durable', tx: 7, alone: true }])
    await reply(2)
    engine.accept([write(3, 'insert into t values (1)', 'durable', 7)])
    await reply(3)
    await delay(100)
    engine.accept([{ kind: 'commit', id: 4, tx: 7 }])
    expect(await reply(4)).toEqual({ id: 4, value: undefined })
  })
})
