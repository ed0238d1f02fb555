import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RemoteSample } from '../../../src/compat/model.ts'
import { createMetricsRepository, type MetricsRepository } from '../../../src/compat/repository.ts'
import { type CompatTables, compatRetention } from '../../../src/compat/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { remoteSample } from '../../support/remote-samples.ts'

const DAY_MS = 86_400_000

/** What every database must do for this room (R22, R24, R28). */
export function metricsRepositoryContract(open: () => Promise<Store<CompatTables>>): void {
  let store: Store<CompatTables>
  let repository: MetricsRepository

  beforeEach(async () => {
    store = await open()
    repository = createMetricsRepository(store)
  })
  afterEach(() => store.close())

  const history = (origin: string, agent: string, sinceMs = 0, limit = 99) =>
    repository.history(origin, agent, sinceMs, limit)

  it('gives back what it was told, bytes as whole numbers and unknown ones as unknown (E21)', async () => {
    const full: RemoteSample = {
      ...{ agent: 'a', toldAtMs: 2_000, atMs: 1_500, status: 'running', pid: 77, rssBytes: 2 ** 40 + 0.4 },
      ...{ heapUsedBytes: 0.6 * 1_000_001, heapTotalBytes: 9, cpuPercent: 0.4, trend: 'growing' },
      ...{ trendRatePerMinute: -3.5, alertLevel: 'oom_imminent', highWatermark: 8, lowWatermark: 1.2 },
      ...{ averageRss: 4.5, limitBytes: 2 ** 41, uptimeMs: 99.9, startedAtMs: 12 },
    }
    const bare = remoteSample({ agent: 'b', toldAtMs: 7, atMs: 7, rssBytes: undefined })
    await repository.save('host-1', [full, bare])
    expect(await history('host-1', 'a')).toEqual([
      {
        ...full,
        origin: 'host-1',
        ...{ rssBytes: 2 ** 40, heapUsedBytes: 600_001, trendRatePerMinute: -3, lowWatermark: 1 },
        ...{ averageRss: 5, uptimeMs: 100 },
      },
    ])
    expect(await history('host-1', 'b')).toEqual([{ ...bare, origin: 'host-1' }])
  })

  it('keeps one row of a sample, however often it is told, and one batch whole (E21)', async () => {
    const samples = Array.from({ length: 1_000 }, (_, n) => remoteSample({ agent: `a-${n}` }))
    await repository.save('host-1', samples)
    await repository.save('host-1', [...samples, remoteSample({ agent: 'late' })])
    await repository.save('host-2', samples.slice(0, 3))
    expect(await repository.newest(0)).toHaveLength(1_004)
    expect(await history('host-1', 'a-5')).toHaveLength(1)
    expect(await history('host-2', 'a-5')).toEqual([])
  })

  it('lists newest first since a time, and sums up all of it (R24)', async () => {
    for (const [i, rssBytes] of [100, 300, undefined, 500].entries()) {
      const atMs = 1_000 * i
      await repository.save('host-1', [remoteSample({ agent: 'a', atMs, toldAtMs: atMs, rssBytes })])
    }
    await repository.save('host-2', [remoteSample({ agent: 'a', rssBytes: 9_999 })])
    expect((await history('host-1', 'a', 1_000, 2)).map(({ atMs }) => atMs)).toEqual([3_000, 2_000])
    expect(await repository.stats('host-1', 'a', 1_000)).toEqual({
      ...{ count: 3, avgRss: 400, maxRss: 500, minRss: 300 },
    })
    expect(await repository.stats('host-1', 'a', 99_000)).toEqual({
      ...{ count: 0, avgRss: undefined, maxRss: undefined, minRss: undefined },
    })
  })

  it('finds the newest of each agent, however much another tells (E20)', async () => {
    await repository.save('host-1', [remoteSample({ agent: 'quiet', atMs: 1_000, toldAtMs: 1_000 })])
    for (let i = 0; i < 150; i++) {
      const atMs = 2_000 + i
      await repository.save('host-1', [remoteSample({ agent: 'busy', atMs, toldAtMs: atMs })])
    }
    // Two that were told for one moment are one.
    await repository.save('host-1', [remoteSample({ agent: 'busy', atMs: 2_149, toldAtMs: 9_000 })])
    const newest = await repository.newest(0)
    expect(newest.map(({ agent, atMs }) => `${agent} ${atMs}`).sort()).toEqual(['busy 2149', 'quiet 1000'])
    expect((await repository.newest(1_500)).map(({ agent }) => agent)).toEqual(['busy'])
  })

  it('shows one daemon nothing of another (E17)', async () => {
    await repository.save('host-1', [remoteSample({ agent: 'a' })])
    const other = createMetricsRepository({ ...store, daemonId: 'other' })
    expect(await other.newest(0)).toEqual([])
    expect(await other.history('host-1', 'a', 0, 9)).toEqual([])
    expect((await other.stats('host-1', 'a', 0)).count).toBe(0)
  })

  it('forgets what is older than a week and what is too much (E21)', async () => {
    const now = 30 * DAY_MS
    for (const [i, ago] of [0, 1, 2, 8].entries()) {
      const atMs = now - ago * DAY_MS
      await repository.save('host-1', [remoteSample({ agent: `a-${i}`, atMs, toldAtMs: atMs })])
    }
    const clock = { ...systemClock, now: () => now }
    const left = async (maxRows?: number) => {
      const rules = compatRetention.map((rule) => ({
        ...rule,
        ...(maxRows === undefined ? {} : { maxRows }),
      }))
      await createRetention({ store, clock, log: silentLog, rules, everyMs: 1 }).run()
      return (await repository.newest(0)).map(({ agent }) => agent).sort()
    }
    expect(await left()).toEqual(['a-0', 'a-1', 'a-2'])
    expect(await left(2)).toEqual(['a-0', 'a-1'])
  })
}
