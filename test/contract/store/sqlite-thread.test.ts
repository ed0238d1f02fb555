import type { Worker } from 'node:worker_threads'
import { expect, it, vi } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { agent, sample } from './fixture.ts'
import { openTestStore, removeDir, temporaryDir } from './place.ts'

const threads = vi.hoisted(() => [] as Worker[])
vi.mock('node:worker_threads', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:worker_threads')>()
  class Watched extends original.Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args)
      threads.push(this)
    }
  }
  return { ...original, Worker: Watched }
})

it('refuses what was in flight when its thread dies, starts a new one and keeps all rows', async () => {
  const dataDir = temporaryDir()
  const clock = fakeClock()
  const store = await openTestStore({ dataDir, clock })
  try {
    await store.db.insertInto('agents').values(agent('before')).execute()
    const inFlight = store.db.insertInto('agents').values(agent('in flight')).execute()
    await threads[0]?.terminate()
    await Promise.allSettled([inFlight])
    const refused = store.db.insertInto('agents').values(agent('lost')).execute()
    await expect(refused).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE' })
    expect(store.stats().up).toBe(false)
    store.enqueue('samples', sample(1))
    clock.advance(1_000)
    await expect.poll(() => store.stats().up).toBe(true)
    await store.flush()
    expect(threads).toHaveLength(2)
    expect(await store.db.selectFrom('samples').select('seq').execute()).toEqual([{ seq: 1 }])
    const ids = (await store.db.selectFrom('agents').select('id').execute()).map((row) => row.id)
    expect(ids).toContain('before')
    expect(ids).not.toContain('lost')
  } finally {
    await store.close()
    removeDir(dataDir)
  }
})

it('closes within its deadline although a room holds a transaction open, and leaves no promise behind', async () => {
  const dataDir = temporaryDir()
  const store = await openTestStore({ dataDir })
  try {
    const trx = await store.db.startTransaction().execute()
    await trx.insertInto('agents').values(agent('half')).execute()
    const waiting = store.db.insertInto('agents').values(agent('waiting')).execute()
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'AE_STORE_UNAVAILABLE', reason: 'closed' })
    await store.close()
    await outcome
    const again = await openTestStore({ dataDir })
    expect(await again.db.selectFrom('agents').select('id').execute()).toEqual([])
    await again.close()
  } finally {
    removeDir(dataDir)
  }
})
