import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../src/platform/log.ts'
import { ConstraintError } from '../../../src/platform/store/failure.ts'
import type { Migration } from '../../../src/platform/store/migration.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { type AgentsTables, agent, DAEMON, sample, type TestTables, testMigrations } from './fixture.ts'

/** An empty place for data; every `open` of one place meets the same data. */
export interface StorePlace {
  open(migrations?: readonly Migration[]): Promise<Store<TestTables>>
  remove(): Promise<void>
}

/** What every store promises, whatever engine is below. */
export function storeContract(newPlace: () => Promise<StorePlace>): void {
  let place: StorePlace
  let store: Store<TestTables>

  beforeEach(async () => {
    place = await newPlace()
    store = await place.open(testMigrations)
  })
  afterEach(async () => {
    await store.close()
    await place.remove()
  })

  const states = () => store.db.selectFrom('agents').select(['id', 'state']).orderBy('id').execute()
  const countSamples = async () => {
    const { n } = await store.db
      .selectFrom('samples')
      .select((e) => e.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
    return n
  }

  describe('schema', () => {
    it('applies migrations once, in the order of their names', async () => {
      await store.db.insertInto('agents').values(agent('a')).execute()
      await store.close()
      const order: string[] = []
      const later = (name: string): Migration => ({
        name,
        up: async () => void order.push(name),
      })
      store = await place.open([later('0004_b'), later('0003_a'), ...testMigrations])
      expect(order).toEqual(['0003_a', '0004_b'])
      expect(await states()).toEqual([{ id: 'a', state: 'running' }])
    })

    it('leaves nothing behind of a migration that fails half way', async () => {
      await store.close()
      const broken: Migration = {
        name: '0003_broken',
        async up(db) {
          await db.schema.createTable('half').addColumn('a', 'text').execute()
          await sql`select * from nowhere`.execute(db)
        },
      }
      await expect(place.open([...testMigrations, broken])).rejects.toThrow(/nowhere/)
      store = await place.open(testMigrations)
      await expect(sql`select * from half`.execute(store.db)).rejects.toThrow(/half/)
    })
  })

  describe('statements', () => {
    it('gives back what was inserted, with numbers as numbers', async () => {
      const seen_ms = 1_790_000_000_123
      await store.db
        .insertInto('agents')
        .values({ ...agent('ä "quoted" \n'), seen_ms, labels: '{"k":1}' })
        .execute()
      const row = await store.db.selectFrom('agents').selectAll().executeTakeFirstOrThrow()
      expect(row).toEqual({
        daemon_id: DAEMON,
        id: 'ä "quoted" \n',
        state: 'running',
        seen_ms,
        labels: '{"k":1}',
      })
    })

    it('returns inserted rows and counts changed ones', async () => {
      const inserted = await store.db
        .insertInto('agents')
        .values([agent('a'), agent('b')])
        .returning('id')
        .execute()
      expect(inserted).toEqual([{ id: 'a' }, { id: 'b' }])
      const updated = await store.db.updateTable('agents').set({ state: 'exited' }).executeTakeFirstOrThrow()
      expect(updated.numUpdatedRows).toBe(2n)
    })

    it('says which kind of rule a row broke', async () => {
      await store.db.insertInto('agents').values(agent('a')).execute()
      const twice = store.db.insertInto('agents').values(agent('a')).execute()
      await expect(twice).rejects.toBeInstanceOf(ConstraintError)
      await expect(twice).rejects.toMatchObject({ kind: 'unique' })
      const empty = { ...agent('b'), state: null as unknown as string }
      await expect(store.db.insertInto('agents').values(empty).execute()).rejects.toMatchObject({
        kind: 'not_null',
      })
    })

    it('lets a failing statement among many of the same turn fail alone', async () => {
      const ids = ['a', 'b', 'a', 'c']
      const outcomes = await Promise.allSettled(
        ids.map((id) => store.db.insertInto('agents').values(agent(id)).execute()),
      )
      expect(outcomes.filter((o) => o.status === 'rejected')).toHaveLength(1)
      expect((await states()).map((row) => row.id)).toEqual(['a', 'b', 'c'])
    })

    it.each([
      ['a boolean', true],
      ['an object that cannot be copied', { call() {} }],
    ])('refuses %s as a value, and only that statement', async (_name, value) => {
      const odd = { ...agent('odd'), seen_ms: value as unknown as number }
      const [bad, good] = await Promise.allSettled(
        [odd, agent('good')].map((row) => store.db.insertInto('agents').values(row).execute()),
      )
      expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled'])
      expect(await states()).toEqual([{ id: 'good', state: 'running' }])
    })
  })

  describe('transactions', () => {
    it('keeps all of a transaction or nothing', async () => {
      const failing = store.db.transaction().execute(async (trx) => {
        await trx.insertInto('agents').values(agent('a')).execute()
        throw new Error('changed my mind')
      })
      await expect(failing).rejects.toThrow('changed my mind')
      expect(await states()).toEqual([])
      await store.db.transaction().execute(async (trx) => {
        await trx.insertInto('agents').values(agent('b')).execute()
        await trx.insertInto('agents').values(agent('c')).execute()
      })
      expect(await states()).toHaveLength(2)
    })

    it('serialises read-then-write, so that concurrent writers lose nothing', async () => {
      await store.db
        .insertInto('agents')
        .values(agent('counter', 'running', 0))
        .execute()
      const add = () =>
        store.db.transaction().execute(async (trx) => {
          const row = await trx
            .selectFrom('agents')
            .select('seen_ms')
            .where('id', '=', 'counter')
            .$if(store.kind === 'postgres', (q) => q.forUpdate())
            .executeTakeFirstOrThrow()
          await trx
            .updateTable('agents')
            .set({ seen_ms: row.seen_ms + 1 })
            .execute()
        })
      await Promise.all(Array.from({ length: 20 }, add))
      const row = await store.db.selectFrom('agents').select('seen_ms').executeTakeFirstOrThrow()
      expect(row.seen_ms).toBe(20)
    })

    it('rolls back to a savepoint and goes on', async () => {
      const trx = await store.db.startTransaction().execute()
      await trx.insertInto('agents').values(agent('a')).execute()
      const inner = await trx.savepoint('inner').execute()
      await inner.insertInto('agents').values(agent('b')).execute()
      const outer = await inner.rollbackToSavepoint('inner').execute()
      await outer.insertInto('agents').values(agent('c')).execute()
      await trx.commit().execute()
      expect((await states()).map((row) => row.id)).toEqual(['a', 'c'])
    })
  })

  describe('put', () => {
    it('has rows of several tables on disk when it settles', async () => {
      await store.put([
        { table: 'agents', rows: [agent('a'), agent('b')], upsert: { key: ['daemon_id', 'id'] } },
        { table: 'samples', rows: [sample(1)] },
      ])
      await store.put([
        { table: 'agents', rows: [agent('a', 'paused')], upsert: { key: ['daemon_id', 'id'] } },
        { table: 'samples', rows: [] },
      ])
      expect(await states()).toEqual([
        { id: 'a', state: 'paused' },
        { id: 'b', state: 'running' },
      ])
      expect(await countSamples()).toBe(1)
    })

    it('keeps none of them when one breaks a rule, and says which', async () => {
      await store.put([{ table: 'agents', rows: [agent('a')] }])
      const refused = store.put([
        { table: 'samples', rows: [sample(1)] },
        { table: 'agents', rows: [agent('b'), agent('a')] },
      ])
      await expect(refused).rejects.toMatchObject({ name: 'ConstraintError', kind: 'unique' })
      expect(await countSamples()).toBe(0)
      expect(await states()).toEqual([{ id: 'a', state: 'running' }])
    })
  })

  describe('batched writer', () => {
    it('writes rows in order and has them on disk after flush', async () => {
      for (let i = 0; i < 2_500; i++) expect(store.enqueue('samples', sample(i))).toBe('queued')
      await store.flush()
      const rows = await store.db.selectFrom('samples').select('seq').execute()
      expect(rows.map((row) => row.seq)).toEqual(Array.from({ length: 2_500 }, (_, i) => i))
      await store.close()
      store = await place.open(testMigrations)
      expect(await countSamples()).toBe(2_500)
    })

    it('keeps the last state of a key that comes many times', async () => {
      const key = ['daemon_id', 'id'] as const
      for (const state of ['starting', 'running', 'idle']) {
        store.enqueue('agents', agent('a', state), { key })
        store.enqueue('samples', sample(1))
        store.enqueue('agents', agent('b', state, 5), { key, update: ['state'] })
      }
      store.enqueue('agents', agent('b', 'exited', 9), { key, update: [] })
      await store.flush()
      expect(await states()).toEqual([
        { id: 'a', state: 'idle' },
        { id: 'b', state: 'idle' },
      ])
      expect(await countSamples()).toBe(3)
    })

    it('drops a row that breaks a rule, keeps its neighbours, counts it', async () => {
      store.enqueue('agents', [agent('a'), agent('a'), agent('b')])
      await store.flush()
      expect((await states()).map((row) => row.id)).toEqual(['a', 'b'])
      expect(store.stats().dropped.rejected).toBe(1)
      expect(store.stats().failures.constraint).toBeGreaterThanOrEqual(1)
    })

    it('refuses rows beyond its bound and counts them', async () => {
      const many = Array.from({ length: 50_000 }, (_, i) => sample(i))
      expect(store.enqueue('samples', many)).toBe('queued')
      expect(store.enqueue('samples', sample(50_001))).toBe('dropped')
      expect(store.stats().dropped.queue_full).toBe(1)
      expect(store.stats().queueLength.batch).toBe(50_000)
      await store.flush()
      expect(await countSamples()).toBe(50_000)
    })

    it('writes what is buffered when it closes', async () => {
      store.enqueue('samples', sample(1))
      await store.close()
      store = await place.open(testMigrations)
      expect(await countSamples()).toBe(1)
    })
  })

  describe('a room', () => {
    /** How a room's repository looks: it sees its own tables only and knows no dialect. */
    function createAgentsRepository(own: Store<AgentsTables>) {
      return {
        register: (row: AgentsTables['agents']) => own.db.insertInto('agents').values(row).execute(),
        seen: (row: AgentsTables['agents']) => own.enqueue('agents', row, { key: ['daemon_id', 'id'] }),
        all: () =>
          own.db
            .selectFrom('agents')
            .select(['id', 'state', 'seen_ms'])
            .where('daemon_id', '=', own.daemonId)
            .orderBy('id')
            .execute(),
      }
    }

    it('registers durably, refreshes in batches and reads its rows back', async () => {
      const repository = createAgentsRepository(store.of<AgentsTables>())
      await repository.register(agent('a', 'starting', 1))
      repository.seen(agent('a', 'running', 2))
      repository.seen(agent('b', 'running', 2))
      await store.flush()
      expect(await repository.all()).toEqual([
        { id: 'a', state: 'running', seen_ms: 2 },
        { id: 'b', state: 'running', seen_ms: 2 },
      ])
    })

    it('cannot name a table or a column that is not its own', () => {
      const own = store.of<AgentsTables>()
      // @ts-expect-error: the table of another room
      expect(() => own.enqueue('samples', sample(1))).not.toThrow()
      // @ts-expect-error: no such column
      expect(() => own.db.selectFrom('agents').select('nothing')).not.toThrow()
      // @ts-expect-error: not all of the room's tables are in this store
      expect(store.of<{ missing: { daemon_id: string } }>()).toBe(store)
    })
  })

  describe('retention', () => {
    it('deletes what is old or too much, of this daemon only', async () => {
      const clock = fakeClock(1_000_000)
      store.enqueue(
        'samples',
        Array.from({ length: 12_000 }, (_, i) => sample(i, i < 11_000 ? 1 : 999_000)),
      )
      store.enqueue('samples', { ...sample(1, 1), daemon_id: 'another' })
      await store.flush()
      const rules = [{ table: 'samples', column: 'at_ms', keepMs: 60_000, maxRows: 900 }]
      const retention = createRetention({ store, clock, log: silentLog, rules, everyMs: 60_000 })
      expect(await retention.run()).toBe(11_100)
      expect(await countSamples()).toBe(901)
      expect(await retention.run()).toBe(0)
    })
  })

  describe('what it says of itself', () => {
    it('is healthy and counts writes by lane', async () => {
      await store.db.insertInto('agents').values(agent('a')).execute()
      const before = store.stats().writes.batch
      store.enqueue('samples', [sample(1), sample(2)])
      await store.flush()
      const stats = store.stats()
      expect(store.health()).toEqual({ status: 'healthy', kind: store.kind })
      expect(stats.up).toBe(true)
      expect(stats.writes.durable).toBeGreaterThanOrEqual(1)
      expect(stats.writes.batch - before).toBe(2)
      expect(stats.commits.durable.count).toBeGreaterThanOrEqual(1)
      expect(stats.commits.batch.count).toBeGreaterThanOrEqual(1)
      expect(stats.queueLength).toEqual({ durable: 0, batch: 0 })
    })

    it('answers AE_STORE_UNAVAILABLE after it was closed', async () => {
      await store.close()
      expect(store.enqueue('samples', sample(1))).toBe('dropped')
      expect(store.stats().dropped.closed).toBe(1)
      await expect(store.db.selectFrom('agents').selectAll().execute()).rejects.toMatchObject({
        code: 'AE_STORE_UNAVAILABLE',
      })
    })
  })
}
