import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CrashRecord } from '../../../src/crashes/model.ts'
import { type CrashesRepository, createCrashesRepository } from '../../../src/crashes/repository.ts'
import { type CrashesTables, crashesRetention } from '../../../src/crashes/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Store } from '../../../src/platform/store/store.ts'
import { crashRecord } from '../../support/crash-records.ts'

/** What every database must do for this room (R13, R21, R28). */
export function crashesRepositoryContract(open: () => Promise<Store<CrashesTables>>): void {
  let store: Store<CrashesTables>
  let repository: CrashesRepository

  beforeEach(async () => {
    store = await open()
    repository = createCrashesRepository(store)
  })
  afterEach(() => store.close())

  const ids = async (...args: Parameters<CrashesRepository['list']>) =>
    (await repository.list(...args)).map(({ id }) => id)

  it('gives back what it was told, whole', async () => {
    const full = crashRecord({
      ...{ id: 'crash-full', runtime: 'container', role: 'coder', pid: 77, exitCode: 137, signal: 'SIGKILL' },
      ...{
        incarnation: 'life',
        reported: 'it said so',
        lastOutput: 'the end',
        recommendations: ['Do this.'],
      },
      memory: { lastBytes: 2 ** 40, peakBytes: 2 ** 41, averageBytes: 3.5, limitBytes: 9, trend: 'growing' },
      verdict: {
        ...{ reason: 'crashed', cause: 'oom_cgroup', confidence: 'high', summary: 'Its limit.' },
        evidence: [{ source: 'engine', says: 'event oom' }],
      },
    })
    const bare = crashRecord({ id: 'crash-bare' })
    await repository.save(full)
    await repository.save(bare)
    expect(await repository.find('crash-full')).toEqual(full)
    expect(await repository.find('crash-bare')).toEqual(bare)
    expect(await repository.find('crash-none')).toBeUndefined()
  })

  it('keeps one row of a crash, however often it is told', async () => {
    const record = crashRecord({ id: 'one' })
    await repository.save(record)
    const later: CrashRecord = { ...record, occurrences: 4, lastAtMs: record.atMs + 9, lastOutput: 'tail' }
    await repository.save(later)
    expect(await repository.list({}, 9)).toEqual([later])
  })

  it('says who witnessed it, and removes what it is told to, its own only', async () => {
    await repository.save(crashRecord({ id: 'seen' }))
    await repository.save(crashRecord({ id: 'alleged', witness: 'alleged' }))
    expect((await repository.find('alleged'))?.witness).toBe('alleged')
    await createCrashesRepository({ ...store, daemonId: 'other' }).remove(['seen', 'alleged'])
    await repository.remove([])
    await repository.remove(['alleged', 'none'])
    expect(await ids({}, 9)).toEqual(['seen'])
  })

  it('lists newest first, page by page, also within a millisecond', async () => {
    for (const id of ['c', 'a', 'b']) await repository.save(crashRecord({ id, atMs: 5_000 }))
    await repository.save(crashRecord({ id: 'old', atMs: 1, agent: 'z', origin: 'far' }))
    expect(await ids({}, 2)).toEqual(['c', 'b'])
    expect(await ids({}, 2, [5_000, 'b'])).toEqual(['a', 'old'])
    expect(await ids({ agent: 'z' }, 9)).toEqual(['old'])
    expect(await ids({ origin: 'far' }, 9)).toEqual(['old'])
    expect(await ids({ cause: 'error' }, 1)).toEqual(['c'])
    expect(await ids({ cause: 'segfault' }, 9)).toEqual([])
    expect(await ids({ sinceMs: 5_000 }, 9)).toEqual(['c', 'b', 'a'])
  })

  it('shows one daemon nothing of another (E17)', async () => {
    await repository.save(crashRecord({ id: 'mine' }))
    const other = createCrashesRepository({ ...store, daemonId: 'other' })
    expect(await other.list({}, 9)).toEqual([])
    expect(await other.find('mine')).toBeUndefined()
  })

  it('forgets what is old and what is too much (E13, E21)', async () => {
    const DAY_MS = 86_400_000
    const now = 100 * DAY_MS
    await repository.save(crashRecord({ id: 'old', atMs: now - 91 * DAY_MS }))
    for (let i = 0; i < 5; i++) await repository.save(crashRecord({ id: `new-${i}`, atMs: now - i }))
    const clock = { ...systemClock, now: () => now }
    await createRetention({
      store,
      clock,
      log: silentLog,
      rules: [crashesRetention(() => 3)],
      everyMs: 1,
    }).run()
    expect(await ids({}, 9)).toEqual(['new-0', 'new-1', 'new-2'])
  })
}
