import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  endLedger,
  epochUsage,
  type Ledger,
  openLedger,
  openNextEpoch,
  recordDeliverable,
  recordUse,
  setLedgerPaused,
} from '../../../src/usage/ledger.ts'
import {
  DELIVERABLE_TYPES,
  type EpochTotals,
  TOKEN_TYPES,
  type UsageRecord,
} from '../../../src/usage/model.ts'
import { at, BIRTH, used } from './moments.ts'

/** One thing that happens `afterMs` after the one before. */
type Step = { readonly afterMs: number } & (
  | { readonly do: 'record'; readonly records: readonly { lateMs: number; use: Partial<UsageRecord> }[] }
  | { readonly do: 'deliver'; readonly clock: 'reset' | 'kept' }
  | { readonly do: 'epoch'; readonly by: string }
  | { readonly do: 'pause' | 'resume' | 'restart' }
)

const count = fc.nat({ max: 10_000 })
const use = fc.record(
  {
    files: fc.array(fc.record({ op: fc.constantFrom('read', 'write', 'modify'), count }), { maxLength: 3 }),
    apiCalls: count,
    failedApiCalls: count,
    subtasks: count,
    // Whole cents add up exactly.
    costUsd: fc.nat({ max: 1_000 }),
    tokens: fc.record(Object.fromEntries(TOKEN_TYPES.map((type) => [type, count])), { requiredKeys: [] }),
    model: fc.constantFrom('m1', 'm2'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Partial<UsageRecord>>
const what = fc.oneof(
  fc.record({
    do: fc.constant('record' as const),
    records: fc.array(fc.record({ lateMs: fc.nat({ max: 120_000 }), use }), { maxLength: 4 }),
  }),
  fc.record({
    do: fc.constant('deliver' as const),
    clock: fc.constantFrom('reset' as const, 'kept' as const),
  }),
  fc.record({ do: fc.constant('epoch' as const), by: fc.constantFrom('r1', 'r2', 'r3') }),
  fc.record({ do: fc.constantFrom('pause' as const, 'resume' as const, 'restart' as const) }),
)
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.tuple(fc.nat({ max: 90_000 }), what).map(([afterMs, step]) => ({ afterMs, ...step })),
  { maxLength: 30 },
)

function apply(ledger: Ledger, step: Step, ms: number): Ledger {
  switch (step.do) {
    case 'record':
      return recordUse(
        ledger,
        step.records.map(({ lateMs, use }) => used(ms - lateMs, use)),
        at(ms),
      )
    case 'deliver':
      return recordDeliverable(ledger, DELIVERABLE_TYPES[0], step.clock, at(ms))
    case 'epoch':
      return openNextEpoch(ledger, step.by, at(ms)) ?? ledger
    case 'pause':
      return setLedgerPaused(ledger, 'paused', at(ms))
    case 'resume':
      return setLedgerPaused(ledger, 'running', at(ms))
    case 'restart':
      return JSON.parse(JSON.stringify(ledger)) as Ledger
  }
}

function* run(story: readonly Step[]): Generator<{ before: Ledger; after: Ledger; step: Step; ms: number }> {
  let ledger = openLedger(BIRTH, at(0))
  let ms = 0
  for (const step of story) {
    ms += step.afterMs
    const before = ledger
    ledger = apply(ledger, step, ms)
    yield { before, after: ledger, step, ms }
  }
}

function numbersOf(value: unknown, path = ''): [string, number][] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => numbersOf(inner, `${path}/${key}`))
}

const sumOf = (all: readonly EpochTotals[], pick: (totals: EpochTotals) => number) =>
  all.reduce((sum, totals) => sum + pick(totals), 0)

describe('a ledger, whatever happens', () => {
  it('never lets a counter fall', () => {
    fc.assert(
      fc.property(steps, (story) => {
        for (const { before, after } of run(story)) {
          const now = new Map(numbersOf(after.lifetime))
          for (const [path, value] of numbersOf(before.lifetime)) {
            expect(now.get(path) ?? Number.NaN).toBeGreaterThanOrEqual(value)
          }
          expect(after.lastActivityAtMs).toBeGreaterThanOrEqual(before.lastActivityAtMs)
        }
      }),
    )
  })

  it('counts no paused time, and all other time', () => {
    fc.assert(
      fc.property(steps, (story) => {
        let epochActive = 0
        let sinceDeliverable = 0
        let paused = false
        for (const { before, after, step, ms } of run(story)) {
          if (!paused) {
            epochActive += step.afterMs
            sinceDeliverable += step.afterMs
          }
          if (step.do === 'pause') paused = true
          if (step.do === 'resume') paused = false
          if (after.epoch !== before.epoch) epochActive = sinceDeliverable = 0
          if (step.do === 'deliver' && step.clock === 'reset') sinceDeliverable = 0
          const usage = epochUsage(after, at(ms))
          expect([usage.wallClockMs, usage.sinceDeliverableMs]).toEqual([epochActive, sinceDeliverable])
        }
      }),
    )
  })

  it('has in its epochs, closed and present, exactly what its counters have', () => {
    fc.assert(
      fc.property(steps, (story) => {
        const epochs: EpochTotals[] = []
        let last = openLedger(BIRTH, at(0))
        for (const { before, after } of run(story)) {
          if (after.epoch !== before.epoch) epochs.push(before.totals)
          last = after
        }
        epochs.push(last.totals)
        const { files, subtasks, llm } = last.lifetime
        expect(sumOf(epochs, ({ filesRead }) => filesRead)).toBe(files.read)
        expect(sumOf(epochs, ({ filesWritten }) => filesWritten)).toBe(files.write)
        expect(sumOf(epochs, ({ filesModified }) => filesModified)).toBe(files.modify)
        expect(sumOf(epochs, (totals) => totals.subtasks)).toBe(subtasks)
        const calls = llm.reduce((sum, { requests = 0 }) => sum + requests, 0)
        expect(sumOf(epochs, ({ apiCalls }) => apiCalls)).toBe(calls)
        const cost = llm.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0)
        expect(sumOf(epochs, ({ costUsd }) => costUsd)).toBe(cost)
        for (const type of TOKEN_TYPES) {
          const tokens = llm.reduce((sum, one) => sum + (one.tokens[type] ?? 0), 0)
          expect(sumOf(epochs, (totals) => totals.tokens[type])).toBe(tokens)
        }
      }),
    )
  })

  it('is the same whether the daemon was restarted or not', () => {
    fc.assert(
      fc.property(steps, (story) => {
        const finish = (all: readonly Step[]) => {
          let ledger = openLedger(BIRTH, at(0))
          let ms = 0
          for (const step of all) {
            ms += step.afterMs
            ledger = apply(ledger, step, ms)
          }
          return [ledger, epochUsage(ledger, at(ms + 1)), endLedger(ledger, at(ms + 1))]
        }
        const restarted = story.flatMap((step): Step[] => [step, { do: 'restart', afterMs: 0 }])
        expect(finish(restarted)).toEqual(finish(story))
      }),
    )
  })

  it('is the same whether records come together or one by one', () => {
    const models = fc.record({
      model: fc.constantFrom(...'abcdefghijklm', 'other'),
      provider: fc.constantFrom('p', 'other'),
    })
    const late = fc.nat({ max: 120_000 })
    const records = fc.array(fc.tuple(late, use, models), { maxLength: 60 })
    fc.assert(
      fc.property(records, fc.boolean(), (all, isOver) => {
        const now = at(90_000)
        const opened = openNextEpoch(openLedger(BIRTH, at(0)), 'r1', at(30_000))!
        const from = isOver ? endLedger(opened, at(60_000)) : opened
        const told = all.map(([lateMs, use, name]) => used(90_000 - lateMs, { ...use, ...name }))
        const together = recordUse(from, told, now)
        expect(told.reduce((ledger, one) => recordUse(ledger, [one], now), from)).toEqual(
          told.length === 0 ? from : together,
        )
      }),
    )
  })

  it('has no more tokens in the last minute than in the epoch', () => {
    fc.assert(
      fc.property(steps, (story) => {
        for (const { after, ms } of run(story)) {
          const { tokensLastMinute, totals } = epochUsage(after, at(ms))
          for (const type of TOKEN_TYPES) {
            expect(tokensLastMinute[type] ?? 0).toBeLessThanOrEqual(totals.tokens[type])
          }
          expect(after.window.length).toBeLessThanOrEqual(60)
        }
      }),
    )
  })
})
