import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { describeWith } from '../../support/services.ts'
import { agent, sample } from './fixture.ts'
import { openTestStore, removeDir, temporaryDir } from './place.ts'
import { storeContract } from './store.contract.ts'

describeWith('postgres', 'store on PostgreSQL', ({ postgres }) => {
  let server: TestPostgres
  const dataDir = temporaryDir()

  beforeAll(async () => {
    server = await startPostgres(postgres)
  })
  afterAll(async () => {
    await server?.destroy()
    removeDir(dataDir)
  })

  storeContract(async () => {
    const url = await server.createDatabase()
    return {
      open: (migrations) => openTestStore({ dataDir, url, ...(migrations && { migrations }) }),
      remove: async () => {},
    }
  })

  describe('server away', () => {
    it('says at the start that the server cannot be reached', async () => {
      await expect(
        openTestStore({ dataDir, url: 'postgres://u:secret@127.0.0.1:1/none' }),
      ).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE', reason: 'connection' })
    })

    it('gives a server up that accepts and never answers', async () => {
      const silent = createServer(() => {})
      await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
      const { port } = silent.address() as AddressInfo
      try {
        const url = `postgres://u@127.0.0.1:${port}/none`
        await expect(openTestStore({ dataDir, url })).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE' })
      } finally {
        silent.close()
      }
    })

    it('lives on when a connection is lost between two statements of a transaction', async () => {
      const store = await openTestStore({ dataDir, url: await server.createDatabase() })
      try {
        const broken = store.db.transaction().execute(async (transaction) => {
          await transaction.insertInto('agents').values(agent('half')).execute()
          await server.stop()
          // The loss is told while nobody asks anything of this connection; unheard it would end the process.
          await new Promise((resolve) => setTimeout(resolve, 200))
          await transaction.insertInto('agents').values(agent('other')).execute()
        })
        await expect(broken).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE' })
        await server.start()
        await expect.poll(() => store.stats().up, { timeout: 60_000, interval: 100 }).toBe(true)
        expect(await store.db.selectFrom('agents').select('id').execute()).toEqual([])
      } finally {
        await store.close()
      }
    })

    it('fails durable writes, keeps batched ones and recovers by itself after a restart', async () => {
      const store = await openTestStore({ dataDir, url: await server.createDatabase() })
      try {
        await store.db.insertInto('agents').values(agent('before')).execute()
        await server.stop()
        await expect(store.db.insertInto('agents').values(agent('lost')).execute()).rejects.toMatchObject({
          code: 'AE_STORE_UNAVAILABLE',
        })
        store.enqueue('samples', sample(1))
        expect(store.stats().up).toBe(false)
        expect(store.health()).toMatchObject({ status: 'degraded', reason: 'connection' })
        await server.start()
        await expect.poll(() => store.stats().up, { timeout: 60_000, interval: 100 }).toBe(true)
        await store.flush()
        expect(await store.db.selectFrom('samples').select('seq').execute()).toEqual([{ seq: 1 }])
        expect(await store.db.selectFrom('agents').select('id').execute()).toEqual([{ id: 'before' }])
        expect(store.stats().recoveries).toBe(1)
        expect(store.stats().failures.connection).toBeGreaterThan(0)
      } finally {
        await store.close()
      }
    })

    it('lets two daemons start on one empty database at once', async () => {
      const url = await server.createDatabase()
      const stores = await Promise.all([1, 2].map(() => openTestStore({ dataDir, url })))
      const tables = await stores[0]?.db.introspection.getTables()
      expect(tables?.map((table) => table.name).sort()).toEqual([
        'agent_exporter_migrations',
        'agents',
        'samples',
      ])
      for (const store of stores) await store.close()
    })
  })
})
