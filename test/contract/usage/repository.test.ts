import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { openStore } from '../../../src/platform/store/open.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import { endLedger, epochUsage, openLedger, openNextEpoch, recordUse } from '../../../src/usage/ledger.ts'
import type { Deliverable } from '../../../src/usage/model.ts'
import { createUsageRepository, type UsageBatch } from '../../../src/usage/repository.ts'
import { type UsageTables, usageMigration, usageRetention } from '../../../src/usage/tables.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { at, BIRTH, used } from '../../unit/usage/moments.ts'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function setUp() {
  const folder = temporaryFolder()
  cleanUps.push(() => folder[Symbol.dispose]())
  const store = await openStore<UsageTables>({
    url: 'sqlite',
    dataDir: folder.path,
    daemonId: 'daemon-a',
    clock: systemClock,
    log: silentLog,
    migrations: [usageMigration],
  })
  cleanUps.push(() => store.close())
  const state = { now: 1_000 }
  const repository = createUsageRepository(store, () => state.now)
  const put = (batch: Partial<UsageBatch>) =>
    repository.put({ ledgers: [], epochs: [], keys: [], deliverables: [], ...batch })
  return { store, repository, put, state }
}

const deliverable = (id: string, atMs: number, more: Partial<Deliverable> = {}): Deliverable => ({
  id,
  agent: 'a',
  incarnation: BIRTH.incarnation,
  epoch: 1,
  type: 'code_commit',
  description: undefined,
  artifacts: [],
  verified: undefined,
  atMs,
  ...more,
})

describe('ledgers in the store', () => {
  it('come back as they were, the last state of each life, without those that ended', async () => {
    const { repository, put } = await setUp()
    const first = openLedger(BIRTH, at(0))
    const used1 = recordUse(first, [used(1, { tokens: { input: 5 }, model: 'm', costUsd: 0.1 })], at(1.5))
    const ended = endLedger(openLedger({ ...BIRTH, incarnation: 'earlier' }, at(0)), at(2))
    await put({ ledgers: [first, ended] })
    await put({ ledgers: [used1] })
    expect(await repository.openLedgers()).toEqual([used1])
    expect(await repository.ledger('a', 'earlier')).toEqual(ended)
    expect(await repository.ledger('a', 'never')).toBeUndefined()
  })

  it('keep a closed epoch once, however often it is written', async () => {
    const { store, put } = await setUp()
    const ledger = openNextEpoch(openLedger(BIRTH, at(0)), 'resume-1', at(5))!
    const epoch = { usage: epochUsage(ledger, at(9)), role: 'coder', closedAtMs: at(9).wallMs }
    await put({ epochs: [epoch] })
    await put({ epochs: [epoch] })
    const rows = await store.db.selectFrom('usage_epochs').selectAll().execute()
    expect(rows).toEqual([expect.objectContaining({ epoch: 2, opened_by: 'resume-1', active_ms: 4 })])
  })
})

describe('idempotency keys in the store', () => {
  it('belong to a caller and an agent, and keep the first answer', async () => {
    const { repository, put } = await setUp()
    const use = { caller: 'token:x', agent: 'a', key: 'k1', bodyHash: 'h', answer: { phase: 'normal' } }
    await put({ keys: [use] })
    await put({ keys: [{ ...use, answer: { phase: 'warning' } }] })
    expect(await repository.findKey('token:x', 'a', 'k1')).toEqual(use)
    expect(await repository.findKey('token:y', 'a', 'k1')).toBeUndefined()
    expect(await repository.findKey('token:x', 'b', 'k1')).toBeUndefined()
  })
})

describe('deliverables in the store', () => {
  it('are listed newest first, page by page, of one agent', async () => {
    const { repository, put } = await setUp()
    const all = [
      deliverable('d1', 10, { description: 'first', artifacts: ['file:a'], verified: true }),
      deliverable('d2', 20, { verified: false }),
      deliverable('d3', 20),
      deliverable('d4', 5, { agent: 'b' }),
    ]
    await put({ deliverables: all })
    const page = await repository.deliverables('a', 2)
    expect(page).toEqual([all[2], all[1]])
    const rest = await repository.deliverables('a', 2, { atMs: 20, id: 'd2' })
    expect(rest).toEqual([all[0]])
  })
})

describe('a write', () => {
  it('is all or nothing', async () => {
    const { repository, put } = await setUp()
    const bad = { ...deliverable('d1', 1), type: null as never }
    await expect(put({ ledgers: [openLedger(BIRTH, at(0))], deliverables: [bad] })).rejects.toThrow()
    expect(await repository.openLedgers()).toEqual([])
  })
})

describe('retention', () => {
  it('forgets keys after a day, ledgers after thirty and deliverables after a year', async () => {
    const { store, repository, put, state } = await setUp()
    const day = 86_400_000
    state.now = Date.now() - 31 * day
    await put({
      ledgers: [openLedger(BIRTH, at(0))],
      keys: [{ caller: 'c', agent: 'a', key: 'old', bodyHash: 'h', answer: 1 }],
      deliverables: [deliverable('d1', state.now), deliverable('d2', state.now - 350 * day)],
    })
    state.now = Date.now()
    await put({ keys: [{ caller: 'c', agent: 'a', key: 'new', bodyHash: 'h', answer: 1 }] })
    const options = { store, clock: systemClock, log: silentLog, rules: usageRetention, everyMs: day }
    expect(await createRetention(options).run()).toBe(3)
    expect(await repository.findKey('c', 'a', 'new')).toBeDefined()
    expect((await repository.deliverables('a', 9)).map(({ id }) => id)).toEqual(['d1'])
  })
})
