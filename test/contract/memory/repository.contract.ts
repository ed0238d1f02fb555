import { afterEach, beforeEach, expect, it } from 'vitest'
import type { StoredAlert } from '../../../src/memory/record.ts'
import { type AlertRepository, createAlertRepository } from '../../../src/memory/repository.ts'
import { type MemoryTables, memoryRetention } from '../../../src/memory/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Store } from '../../../src/platform/store/store.ts'

const DAY_MS = 86_400_000

function alert(id: string, more: Partial<StoredAlert> = {}): StoredAlert {
  return {
    ...{ id, agent: 'a', incarnation: 'a-life', type: 'warning', level: 'warning', atMs: 1_000 },
    ...{ bytes: 850, thresholdBytes: 800, message: 'Memory is above …', recommendation: 'Look at …' },
    acknowledgedAtMs: undefined,
    ...more,
  }
}

/** What every database must do for this room. */
export function alertRepositoryContract(open: () => Promise<Store<MemoryTables>>): void {
  let store: Store<MemoryTables>
  let repository: AlertRepository

  beforeEach(async () => {
    store = await open()
    repository = createAlertRepository(store)
  })
  afterEach(() => store.close())

  it('gives back what it was told, bytes as whole numbers and unknown ones as unknown', async () => {
    const told = alert('1', { bytes: 12_345_678_901.6, thresholdBytes: undefined })
    repository.save(told)
    await store.flush()
    expect(await repository.find('1')).toEqual({ ...told, bytes: 12_345_678_902, origin: 'daemon-a' })
    expect(await repository.find('2')).toBeUndefined()
  })

  it('lists newest first, by agent, type, time and acknowledgement, page by page', async () => {
    for (const [i, type] of (['warning', 'critical', 'recovered'] as const).entries()) {
      repository.save(alert(`a${i}`, { type, atMs: 1_000 * i }))
      repository.save(alert(`b${i}`, { agent: 'b', type, atMs: 1_000 * i }))
    }
    await store.flush()
    const ids = async (...args: Parameters<AlertRepository['list']>) =>
      (await repository.list(...args)).map(({ id }) => id)
    expect(await ids({}, 10)).toEqual(['b2', 'a2', 'b1', 'a1', 'b0', 'a0'])
    expect(await ids({ agent: 'a' }, 2)).toEqual(['a2', 'a1'])
    expect(await ids({ agent: 'a' }, 2, [1_000, 'a1'])).toEqual(['a0'])
    expect(await ids({}, 10, [1_000, 'b1'])).toEqual(['a1', 'b0', 'a0'])
    expect(await ids({ type: 'critical' }, 10)).toEqual(['b1', 'a1'])
    expect(await ids({ sinceMs: 2_000 }, 10)).toEqual(['b2', 'a2'])
    await repository.acknowledge((await repository.find('a1'))!, 9_000)
    expect(await ids({ acknowledged: 'acknowledged' }, 10)).toEqual(['a1'])
    expect(await ids({ acknowledged: 'open' }, 10)).toHaveLength(5)
  })

  it('knows who raised it, and how many there are of each agent', async () => {
    const far = alert('far', { origin: 'host-7', incarnation: undefined })
    await repository.keep(far)
    repository.save(alert('own'))
    repository.save(alert('b', { agent: 'b', atMs: 2_000 }))
    expect(await repository.find('far')).toEqual(far)
    expect((await repository.list({ origin: 'host-7' }, 10)).map(({ id }) => id)).toEqual(['far'])
    expect(await repository.counts({})).toEqual(
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    )
    expect(await repository.counts({ sinceMs: 2_000 })).toEqual(new Map([['b', 1]]))
    expect(await repository.counts({ acknowledged: 'acknowledged' })).toEqual(new Map())
  })

  it('keeps one row of an alert, and its acknowledgement, however often it is told', async () => {
    await repository.keep(alert('1'))
    await repository.acknowledge((await repository.find('1'))!, 5_000)
    await repository.keep(alert('1', { message: 'again' }))
    repository.save(alert('1', { message: 'again' }))
    expect(await repository.list({}, 10)).toEqual([
      { ...alert('1'), origin: 'daemon-a', acknowledgedAtMs: 5_000 },
    ])
  })

  it('keeps the first acknowledgement', async () => {
    repository.save(alert('1'))
    await store.flush()
    const first = await repository.acknowledge((await repository.find('1'))!, 5_000)
    expect(first.acknowledgedAtMs).toBe(5_000)
    expect(await repository.acknowledge(first, 6_000)).toEqual(first)
    expect((await repository.find('1'))?.acknowledgedAtMs).toBe(5_000)
  })

  it('forgets alerts after a month', async () => {
    repository.save(alert('old', { atMs: 0 }))
    repository.save(alert('new', { atMs: 20 * DAY_MS }))
    await store.flush()
    const clock = { ...systemClock, now: () => 31 * DAY_MS }
    await createRetention({ store, clock, log: silentLog, rules: [...memoryRetention], everyMs: 1 }).run()
    expect((await repository.list({}, 10)).map(({ id }) => id)).toEqual(['new'])
  })
}
