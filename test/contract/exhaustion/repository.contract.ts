import { afterEach, beforeEach, expect, it } from 'vitest'
import { FRESH } from '../../../src/exhaustion/judge.ts'
import type { ExhaustionEvent } from '../../../src/exhaustion/model.ts'
import {
  createExhaustionRepository,
  type ExhaustionRepository,
  type StoredState,
} from '../../../src/exhaustion/repository.ts'
import { type ExhaustionTables, exhaustionRetention } from '../../../src/exhaustion/tables.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { silentLog } from '../../../src/platform/log.ts'
import { createRetention } from '../../../src/platform/store/retention.ts'
import type { Store } from '../../../src/platform/store/store.ts'

const DAY_MS = 86_400_000

function event(id: string, more: Partial<ExhaustionEvent> = {}): ExhaustionEvent {
  return {
    ...{ id, agent: 'a', incarnation: 'a-life', role: undefined, epoch: 1, phase: 'warning' },
    ...{ previousPhase: 'normal', triggeredBy: 'tokens', actionTaken: 'warned', actionId: undefined },
    ...{ actor: 'budget', reason: 'tokens: 8 of 10 used' },
    metrics: { tokensConsumed: 8, lastDeliverableAt: null },
    thresholds: { maxTokensConsumed: 10 },
    atMs: 1_000,
    ...more,
  } as ExhaustionEvent
}

function state(more: Partial<StoredState> = {}): StoredState {
  return {
    ...{ agent: 'a', incarnation: 'a-life', judged: FRESH, epoch: 1, eventId: undefined, asked: undefined },
    ...{ extra: undefined, heard: {} },
    ...more,
  }
}

/** What every database must do for this room. */
export function exhaustionRepositoryContract(open: () => Promise<Store<ExhaustionTables>>): void {
  let store: Store<ExhaustionTables>
  let repository: ExhaustionRepository
  let now = 1_000

  beforeEach(async () => {
    now = 1_000
    store = await open()
    repository = createExhaustionRepository(store, () => now, silentLog)
  })
  afterEach(() => store.close())

  it('gives back what it was told, and the newest version of each', async () => {
    const since = { bootId: 'b', bootMs: 1.5, wallMs: 2 }
    const judged = {
      phase: 'intervention',
      triggeredBy: 'tokens',
      intervention: { since, answer: 'awaited' },
    } as const
    repository.saveEvent(event('e1', { phase: 'intervention', actionTaken: 'allowed' }), 'intervention')
    repository.saveState(state({ judged, eventId: 'e1', extra: { epoch: 2, budget: { maxApiCalls: 3 } } }))
    await repository.flushed()
    const told = event('e1', { phase: 'intervention', actionTaken: 'paused', actionId: 'act', role: 'coder' })
    repository.saveEvent(told, 'intervention')
    await repository.flushed()
    const restored = await repository.restore()
    expect(restored.states.get('a-life')).toEqual(
      state({ judged, eventId: 'e1', extra: { epoch: 2, budget: { maxApiCalls: 3 } } }),
    )
    expect(restored.events.get('e1')).toEqual({ ...told })
  })

  it('takes what is saved while it writes', async () => {
    for (let i = 0; i < 50; i++) {
      repository.saveEvent(event(`e${i}`), 'warning')
      await Promise.resolve()
    }
    await repository.flushed()
    expect(await repository.events({}, 100)).toHaveLength(50)
  })

  it('keeps an enrolment per incarnation', async () => {
    const enrolment = { agent: 'a', incarnation: 'a-life', enforce: true, profile: 'tight', budget: {} }
    await repository.saveEnrolment(enrolment)
    await repository.saveEnrolment({ ...enrolment, enforce: false, profile: undefined })
    expect((await repository.restore()).enrolments).toEqual([
      { ...enrolment, enforce: false, profile: undefined },
    ])
  })

  it('lists events newest first, page by page, also within a millisecond', async () => {
    for (const id of ['c', 'a', 'b']) repository.saveEvent(event(id, { atMs: 5_000 }), 'warning')
    repository.saveEvent(event('old', { atMs: 1, agent: 'z', phase: 'normal' }), undefined)
    await repository.flushed()
    const ids = async (...args: Parameters<ExhaustionRepository['events']>) =>
      (await repository.events(...args)).map(({ id }) => id)
    expect(await ids({}, 2)).toEqual(['c', 'b'])
    expect(await ids({}, 2, [5_000, 'b'])).toEqual(['a', 'old'])
    expect(await ids({ agent: 'z' }, 9)).toEqual(['old'])
    expect(await ids({ phase: 'normal' }, 9)).toEqual(['old'])
    expect(await ids({ sinceMs: 5_000 }, 9)).toEqual(['c', 'b', 'a'])
  })

  it('adds up totals without reading the events', async () => {
    repository.saveEvent(event('w1'), 'warning')
    repository.saveEvent(event('w2', { atMs: 9_000 }), 'warning')
    repository.saveEvent(event('i1', { agent: 'b' }), 'intervention')
    repository.saveEvent(event('r1'), undefined)
    await repository.flushed()
    const sorted = async (since?: number) =>
      (await repository.totals(since)).map((t) => `${t.agent} ${t.countsAs} ${t.count}`).sort()
    expect(await sorted()).toEqual(['a warning 2', 'b intervention 1'])
    expect(await sorted(2_000)).toEqual(['a warning 1'])
  })

  it('shows one daemon nothing of another', async () => {
    repository.saveEvent(event('mine'), 'warning')
    await repository.flushed()
    const other = createExhaustionRepository({ ...store, daemonId: 'other' }, () => now, silentLog)
    expect(await other.events({}, 9)).toEqual([])
    expect(await other.totals(undefined)).toEqual([])
    expect((await other.restore()).states.size).toBe(0)
  })

  it('forgets events after a month and what has not been seen for as long (D17)', async () => {
    repository.saveEvent(event('old', { atMs: 1 }), 'warning')
    repository.saveState(state({ incarnation: 'dead' }))
    now = 29 * DAY_MS
    repository.saveEvent(event('new', { atMs: now }), 'warning')
    await repository.flushed()
    repository.saveState(state({ incarnation: 'alive' }))
    await repository.flushed()
    const clock = { ...systemClock, now: () => 31 * DAY_MS }
    const rules = [...exhaustionRetention]
    await createRetention({ store, clock, log: silentLog, rules, everyMs: 1 }).run()
    expect((await repository.events({}, 9)).map(({ id }) => id)).toEqual(['new'])
    expect([...(await repository.restore()).states.keys()]).toEqual(['alive'])
  })
}
