import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { requestKey } from '../../../src/usage/keyring.ts'
import { type UsageTables, usageMigration } from '../../../src/usage/tables.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { createUsageTestRoom } from '../../unit/usage/room.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** A house in which the daemon is started, and killed, again and again. */
async function setUp() {
  const folder = temporaryFolder()
  cleanUps.push(() => folder[Symbol.dispose]())
  const clock = fakeClock()
  let open: Store<UsageTables> | undefined
  cleanUps.push(() => open?.close())
  return {
    clock,
    /** Starts a daemon; the one before is gone without a word: what it did not write is lost. */
    async daemon() {
      await open?.close()
      const store = await openStore<UsageTables>({
        url: 'sqlite',
        dataDir: folder.path,
        daemonId: 'daemon-a',
        clock,
        log: silentLog,
        migrations: [usageMigration],
      })
      open = store
      const room = createUsageTestRoom({ clock, store })
      await room.feature.start?.()
      return { ...room, store }
    },
  }
}

const key = (text: string, body: unknown, caller = 'token:x') => requestKey(caller, 'a', text, 'usage', body)

describe('a daemon that was killed', () => {
  it('has everything it acknowledged, and goes on in the same epoch', async () => {
    const house = await setUp()
    const first = await house.daemon()
    first.start('a')
    for (let i = 0; i < 20; i++) await first.record('a', [first.use({ apiCalls: 1, tokens: { input: 10 } })])
    first.usage.openEpoch('a', 'resume-1')
    await first.record('a', [first.use({ apiCalls: 2 })])
    house.clock.advance(30_000)

    const second = await house.daemon()
    second.start('a')
    expect(second.usage.epoch('a')).toMatchObject({
      epoch: 2,
      openedBy: 'resume-1',
      wallClockMs: 30_000,
      totals: { apiCalls: 2, tokens: { input: 0 } },
    })
    expect(second.usage.openEpoch('a', 'resume-1')).toBe('known')
    await second.record('a', [second.use({ apiCalls: 1 })])
    const [row] = await second.store.db.selectFrom('usage_ledgers').select('state').execute()
    expect(JSON.parse(row?.state ?? '').lifetime.llm[0]).toMatchObject({
      requests: 23,
      tokens: { input: 200 },
    })
    const epochs = await second.store.db.selectFrom('usage_epochs').select(['epoch', 'totals']).execute()
    expect(epochs.map(({ epoch, totals }) => [epoch, JSON.parse(totals).apiCalls])).toEqual([[1, 20]])
  })

  it('keeps time standing still for an agent that was paused', async () => {
    const house = await setUp()
    const first = await house.daemon()
    first.start('a')
    house.clock.advance(5_000)
    first.usage.setPaused('a', 'paused')
    await first.record('a', [])
    house.clock.advance(500_000)
    const second = await house.daemon()
    second.start('a')
    expect(second.usage.epoch('a')?.wallClockMs).toBe(5_000)
  })

  it('answers a key as it did before and counts nothing again', async () => {
    const house = await setUp()
    const first = await house.daemon()
    first.start('a')
    const answer = await first.record('a', [first.use()], key('k', { apiCalls: 1 }))
    const second = await house.daemon()
    second.start('a')
    expect(await second.record('a', [second.use()], key('k', { apiCalls: 1 }))).toEqual(answer)
    await expect(second.record('a', [second.use()], key('k', { apiCalls: 9 }))).rejects.toMatchObject({
      code: 'AE_IDEMPOTENCY_MISMATCH',
    })
    expect(second.usage.epoch('a')?.totals.apiCalls).toBe(1)
    await second.record('a', [second.use()], key('k', { apiCalls: 1 }, 'token:y'))
    expect(second.usage.epoch('a')?.totals.apiCalls).toBe(2)
  })

  it('counts two requests with one key at the same time once', async () => {
    const house = await setUp()
    const room = await house.daemon()
    room.start('a')
    const ask = () => room.record('a', [room.use()], key('k', {}))
    const [one, two] = await Promise.all([ask(), ask()])
    expect(two).toEqual(one)
    expect(room.usage.epoch('a')?.totals.apiCalls).toBe(1)
  })

  it('closes the epoch of an agent that ended meanwhile, once', async () => {
    const house = await setUp()
    const first = await house.daemon()
    first.start('a')
    await first.record('a', [first.use({ apiCalls: 3 })])
    const second = await house.daemon()
    house.clock.advance(600_000)
    expect(second.events).toEqual([
      {
        name: 'usage.epoch_ended',
        event: { role: 'coder', usage: expect.objectContaining({ agent: 'a', epoch: 1 }) },
      },
    ])
    await second.feature.stop?.()
    const third = await house.daemon()
    house.clock.advance(600_000)
    expect(third.events).toEqual([])
  })

  it('has the deliverables, and the clock they reset, also of an agent that was deleted (D19)', async () => {
    const house = await setUp()
    const first = await house.daemon()
    const agent = first.start('a')
    house.clock.advance(5_000)
    const input = { type: 'deployment', description: 'v1', artifacts: ['tag v1'] } as const
    const deliveryKey = requestKey('token:x', 'a', 'd', 'deliverables', input)
    const { deliverable } = await first.deliver('a', input, deliveryKey)
    const second = await house.daemon()
    second.start('a')
    expect(second.usage.epoch('a')).toMatchObject({ sinceDeliverableMs: 0, wallClockMs: 5_000 })
    expect(await second.deliver('a', input, deliveryKey)).toMatchObject({
      deliverable: { id: deliverable.id },
    })
    second.remove(agent)
    const rows = await second.store.db.selectFrom('deliverables').selectAll().execute()
    expect(rows).toEqual([
      expect.objectContaining({ id: deliverable.id, type: 'deployment', description: 'v1' }),
    ])
  })
})
