import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../src/platform/log.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Quarantine, Store } from '../../../src/platform/store/store.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { agent, sample, type TestTables } from './fixture.ts'
import { openTestStore, removeDir, temporaryDir } from './place.ts'

const PAGE = 4096
const MOUNT = '/usr/bin/mount'
const UMOUNT = '/usr/bin/umount'

let dataDir: string
let store: Store<TestTables> | undefined
beforeEach(() => {
  dataDir = temporaryDir()
})
afterEach(async () => {
  await store?.close()
  store = undefined
  removeDir(dataDir)
})

const unavailable = { code: 'AE_STORE_UNAVAILABLE' }
const file = () => join(dataDir, 'agent-exporter.db')
const damagedFiles = () => readdirSync(dataDir).filter((f) => /\.damaged-\d{8}T\d{6}Z(\.\d+)?$/.test(f))

describe('damaged SQLite file', () => {
  function scribble(fromPage: number): void {
    const fd = openSync(file(), 'r+')
    writeSync(fd, Buffer.alloc(PAGE * 4, 0xa5), 0, PAGE * 4, fromPage * PAGE)
    closeSync(fd)
  }

  it.each([
    ['is no database at all', () => writeFileSync(file(), 'x'.repeat(10_000))],
    ['has broken pages inside', () => scribble(3)],
  ])('that %s is put aside at the start and a new one serves', async (_name, damage) => {
    store = await openTestStore({ dataDir })
    store.enqueue(
      'samples',
      Array.from({ length: 2_000 }, (_, i) => sample(i)),
    )
    await store.close()
    damage()
    const size = statSync(file()).size
    const seen: Quarantine[] = []
    store = await openTestStore({ dataDir, onQuarantine: (quarantine) => seen.push(quarantine) })
    await store.db.insertInto('agents').values(agent('new')).execute()
    expect(await store.db.selectFrom('samples').selectAll().execute()).toEqual([])
    expect(damagedFiles()).toHaveLength(1)
    expect(seen).toMatchObject([{ path: join(dataDir, damagedFiles()[0] ?? ''), kept: 1 }])
    expect(statSync(seen[0]?.path ?? '').size).toBe(size)
    expect(store.health()).toMatchObject({ status: 'degraded', quarantine: { kept: 1 } })
    expect(store.stats()).toMatchObject({ quarantines: 1, up: true })
  })

  it('is replaced while in use, and the store goes on by itself', async () => {
    const clock = fakeClock()
    const seen: Quarantine[] = []
    store = await openTestStore({ dataDir, clock, onQuarantine: (quarantine) => seen.push(quarantine) })
    store.enqueue(
      'samples',
      Array.from({ length: 20_000 }, (_, i) => sample(i, i, 'x'.repeat(100))),
    )
    await store.flush()
    await store.compact()
    // Beyond the page cache of the connection (2 MB), so that the damage is met when read.
    for (let page = 20; page < 400; page += 4) scribble(page)
    await expect(store.db.selectFrom('samples').selectAll().execute()).rejects.toMatchObject({
      ...unavailable,
      reason: 'damaged',
    })
    expect(store.stats().up).toBe(false)
    await expect
      .poll(() =>
        store?.db
          .insertInto('agents')
          .values(agent('new'))
          .execute()
          .then(() => 'written'),
      )
      .toBe('written')
    expect(seen).toHaveLength(1)
    expect(damagedFiles()).toHaveLength(1)
    clock.advance(1_000)
    await expect.poll(() => store?.stats().up).toBe(true)
    expect(store.stats()).toMatchObject({ quarantines: 1, recoveries: 1 })
  })

  it('never overwrites an older damaged file', async () => {
    const clock = fakeClock()
    for (let n = 1; n <= 3; n++) {
      writeFileSync(file(), `not a database ${n}`.repeat(100))
      store = await openTestStore({ dataDir, clock })
      expect(store.health()).toMatchObject({ quarantine: { kept: n } })
      await store.close()
    }
    expect(damagedFiles()).toHaveLength(3)
  })
})

describe('SQLite file', () => {
  it('is refused as a symbolic link', async () => {
    symlinkSync('/dev/null', file())
    await expect(openTestStore({ dataDir })).rejects.toMatchObject({ code: 'AE_DATA_DIR' })
  })

  it('is readable by its owner only, and its reserve takes real room', async () => {
    store = await openTestStore({ dataDir })
    await store.db.insertInto('agents').values(agent('a')).execute()
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(file() + suffix).mode & 0o077).toBe(0)
    expect(statSync(join(dataDir, 'agent-exporter.reserve')).size).toBe(1024 * 1024)
    expect(statSync(join(dataDir, 'agent-exporter.reserve')).blocks * 512).toBeGreaterThanOrEqual(1024 * 1024)
  })

  it('shrinks to what is left after retention', async () => {
    const clock = fakeClock(1_000_000)
    store = await openTestStore({ dataDir })
    for (let round = 0; round < 4; round++) {
      store.enqueue(
        'samples',
        Array.from({ length: 10_000 }, (_, i) => sample(i, 1, 'x'.repeat(400))),
      )
      await store.flush()
    }
    store.enqueue('samples', sample(1, 1_000_000))
    await store.flush()
    const full = statSync(file()).size + statSync(`${file()}-wal`).size
    expect(full).toBeGreaterThan(16 * 1024 * 1024)
    const rules = [{ table: 'samples', column: 'at_ms', keepMs: 60_000 }]
    expect(await createRetention({ store, clock, log: silentLog, rules, everyMs: 1 }).run()).toBe(40_000)
    expect(statSync(file()).size + statSync(`${file()}-wal`).size).toBeLessThan(256 * 1024)
  })

  it('runs the retention of a room again and again on its clock', async () => {
    const clock = fakeClock(1_000_000)
    store = await openTestStore({ dataDir })
    const rules = [{ table: 'samples', column: 'at_ms', keepMs: 1_000 }]
    const retention = createRetention({ store, clock, log: silentLog, rules, everyMs: 60_000 })
    retention.start()
    const count = async () => (await store?.db.selectFrom('samples').select('seq').execute())?.length
    for (let round = 0; round < 2; round++) {
      await store.db.insertInto('samples').values(sample(round, 1)).execute()
      // The next pass is set when the one before has ended: only then does the clock reach it.
      await expect
        .poll(() => {
          clock.advance(60_000)
          return count()
        })
        .toBe(0)
    }
    retention.stop()
  })
})

describe('SQLite under load', () => {
  it('refuses statements beyond its bound with a code, and answers all it took', async () => {
    store = await openTestStore({ dataDir })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 6_000 }, (_, i) => store?.db.insertInto('samples').values(sample(i)).execute()),
    )
    const refused = outcomes.filter((o) => o.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    for (const { reason } of refused) expect(reason).toMatchObject({ ...unavailable, reason: 'queue_full' })
    const rows = await store.db.selectFrom('samples').select('seq').execute()
    expect(rows).toHaveLength(6_000 - refused.length)
    expect(store.stats().failures.queue_full).toBe(refused.length)
  })

  it('shares commits between statements of one turn', async () => {
    store = await openTestStore({ dataDir })
    const before = store.stats().commits.durable.count
    await Promise.all(
      Array.from({ length: 500 }, (_, i) => store?.db.insertInto('samples').values(sample(i)).execute()),
    )
    expect(store.stats().commits.durable.count - before).toBeLessThan(20)
  })

  it('answers reads in the order in which they were asked, after the writes before them', async () => {
    store = await openTestStore({ dataDir })
    const seen: number[] = []
    const steps: Promise<unknown>[] = []
    for (let i = 0; i < 50; i++) {
      steps.push(store.db.insertInto('samples').values(sample(i)).execute())
      steps.push(
        store.db
          .selectFrom('samples')
          .select('seq')
          .execute()
          .then((rows) => seen.push(rows.length)),
      )
    }
    await Promise.all(steps)
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
  })
})

/** A file system of its own that can be filled to the last byte. Undefined where mounting is not allowed. */
function mountSmall(path: string, megabytes: number): string | undefined {
  mkdirSync(path, { mode: 0o700 })
  try {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', path], {
      stdio: 'pipe',
    })
    return path
  } catch {
    return undefined
  }
}

const probeDir = temporaryDir()
const mountable = mountSmall(join(probeDir, 'm'), 1)
if (mountable) execFileSync(UMOUNT, [mountable])
removeDir(probeDir)

describe.skipIf(mountable === undefined)('SQLite on a full disk (needs the right to mount a tmpfs)', () => {
  let mounted: string
  const filler = () => join(mounted, 'filler')
  const reserve = () => join(mounted, 'agent-exporter.reserve')

  beforeEach(() => {
    mounted = mountSmall(join(dataDir, 'small'), 8) ?? ''
  })
  afterEach(async () => {
    await store?.close()
    store = undefined
    execFileSync(UMOUNT, ['-l', mounted])
  })

  /** Takes every byte that is left. */
  function fillDisk(): void {
    const fd = openSync(filler(), 'a')
    for (const size of [65_536, 4_096, 1]) {
      try {
        for (;;) if (writeSync(fd, Buffer.alloc(size)) < size) break
      } catch {
        // ENOSPC: smaller pieces until nothing fits.
      }
    }
    closeSync(fd)
  }
  const freeDisk = () => writeFileSync(filler(), '')

  it('uses the reserve for durable writes, then refuses them, keeps reading, and recovers', async () => {
    const clock = fakeClock()
    store = await openTestStore({ dataDir: mounted, clock })
    const db = store.db
    await db.insertInto('agents').values(agent('before')).execute()
    fillDisk()
    const big = (i: number) => sample(i, i, 'x'.repeat(20_000))
    let acknowledged = 0
    let refusal: unknown
    while (refusal === undefined && acknowledged < 1_000) {
      try {
        if (acknowledged % 2 === 0) await db.insertInto('samples').values(big(acknowledged)).execute()
        else
          await db
            .transaction()
            .execute((trx) => trx.insertInto('samples').values(big(acknowledged)).execute())
        acknowledged++
      } catch (error) {
        refusal = error
      }
    }
    expect(acknowledged).toBeGreaterThanOrEqual(10)
    expect(refusal).toMatchObject({ ...unavailable, reason: 'full' })
    expect(existsSync(reserve())).toBe(false)
    expect(await db.selectFrom('agents').select('id').execute()).toEqual([{ id: 'before' }])
    const transaction = db
      .transaction()
      .execute((trx) => trx.insertInto('samples').values(big(9_999)).execute())
    await expect(transaction).rejects.toMatchObject(unavailable)
    expect(store.stats()).toMatchObject({ up: false })
    expect(store.health()).toMatchObject({ status: 'degraded', reason: 'full' })

    store.enqueue('agents', agent('batched'))
    await expect(store.flush()).rejects.toMatchObject(unavailable)
    clock.advance(1_000)
    await db.selectFrom('agents').select('id').execute()
    expect(store.stats().up).toBe(false)

    freeDisk()
    await expect
      .poll(() => {
        clock.advance(30_000)
        return store?.stats().up
      })
      .toBe(true)
    await store.flush()
    expect((await db.selectFrom('agents').select('id').orderBy('id').execute()).map((row) => row.id)).toEqual(
      ['batched', 'before'],
    )
    expect(await db.selectFrom('samples').select('seq').execute()).toHaveLength(acknowledged)
    expect(statSync(reserve()).size).toBe(1024 * 1024)
    expect(store.stats().recoveries).toBe(1)
    expect(store.stats().failures.full).toBeGreaterThan(0)
  })

  it('drops and counts batched rows beyond the buffer while the disk is full', async () => {
    store = await openTestStore({ dataDir: mounted, clock: fakeClock() })
    fillDisk()
    const text = 'x'.repeat(4_000)
    let queued = 0
    for (let i = 0; i < 60; i++) {
      const rows = Array.from({ length: 100 }, (_, n) => sample(n, n, text))
      if (store.enqueue('samples', rows) === 'queued') queued += rows.length
      await store.flush().catch(() => {})
    }
    expect(store.stats().dropped.queue_full).toBe(6_000 - queued)
    expect(queued).toBeLessThan(6_000)
    expect(existsSync(reserve())).toBe(true)
  })

  it('starts on a full disk with an existing database', async () => {
    store = await openTestStore({ dataDir: mounted })
    await store.db.insertInto('agents').values(agent('before')).execute()
    await store.close()
    fillDisk()
    store = await openTestStore({ dataDir: mounted })
    expect(await store.db.selectFrom('agents').select('id').execute()).toEqual([{ id: 'before' }])
  })

  it('says why when there is no room for a first database', async () => {
    fillDisk()
    await expect(openTestStore({ dataDir: mounted })).rejects.toMatchObject(unavailable)
  })
})
