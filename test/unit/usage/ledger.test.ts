import { describe, expect, it } from 'vitest'
import {
  endLedger,
  epochUsage,
  openLedger,
  openNextEpoch,
  recordDeliverable,
  recordUse,
  setLedgerPaused,
} from '../../../src/usage/ledger.ts'
import { at, BIRTH, used } from './moments.ts'

const born = openLedger(BIRTH, at(0))

describe('what an agent used (A01, A29)', () => {
  it('counts files by operation, calls, subtasks, tokens by type and cost', () => {
    const ledger = recordUse(
      born,
      [
        used(0, {
          files: [
            { op: 'read', count: 3 },
            { op: 'write', count: 2 },
          ],
          apiCalls: 2,
          subtasks: 1,
        }),
        used(0, {
          files: [{ op: 'modify', count: 1 }],
          tokens: { input: 10, cache_read: 90 },
          costUsd: 0.25,
        }),
      ],
      at(1_000),
    )
    expect(epochUsage(ledger, at(1_000)).totals).toEqual({
      filesRead: 3,
      filesWritten: 2,
      filesModified: 1,
      apiCalls: 2,
      subtasks: 1,
      tokens: { input: 10, output: 0, cache_read: 90, cache_write: 0, unspecified: 0 },
      costUsd: 0.25,
    })
  })

  it('counts calls that failed, also when nobody said how many there were in all', () => {
    const ledger = recordUse(
      born,
      [
        used(0, { failedApiCalls: 2, provider: 'p', model: 'm' }),
        used(0, { apiCalls: 3, failedApiCalls: 1 }),
      ],
      at(0),
    )
    expect(ledger.totals.apiCalls).toBe(5)
    expect(ledger.lifetime.llm).toEqual([
      { provider: 'p', model: 'm', requests: 2, failures: 2, tokens: {} },
      { provider: 'unknown', model: 'unknown', requests: 3, failures: 1, tokens: {} },
    ])
  })

  it('stays at the last exact integer instead of losing additions', () => {
    const much = used(0, { apiCalls: Number.MAX_SAFE_INTEGER, tokens: { input: Number.MAX_SAFE_INTEGER } })
    const ledger = recordUse(born, [much, much], at(0))
    expect(ledger.totals.apiCalls).toBe(Number.MAX_SAFE_INTEGER)
    expect(ledger.lifetime.llm[0]?.tokens.input).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('tells ten models apart and calls the rest other', () => {
    const records = Array.from({ length: 14 }, (_, i) =>
      used(0, { apiCalls: 1, provider: 'p', model: `m${i}` }),
    )
    const { llm } = recordUse(born, records, at(0)).lifetime
    expect(llm).toHaveLength(11)
    expect(llm.at(-1)).toMatchObject({ provider: 'other', model: 'other', requests: 4 })
  })

  it('changes nothing that was handed out before', () => {
    const before = JSON.stringify(born)
    recordUse(born, [used(0, { apiCalls: 1, tokens: { input: 5 } })], at(9))
    expect(JSON.stringify(born)).toBe(before)
  })
})

describe('the token rate', () => {
  it('holds what was used within the last minute of active time', () => {
    const ledger = recordUse(
      born,
      [used(10_000, { tokens: { input: 7 } }), used(60_000, { tokens: { output: 1 } })],
      at(60_000),
    )
    expect(epochUsage(ledger, at(60_000)).tokensLastMinute).toEqual({ input: 7, output: 1 })
    expect(epochUsage(ledger, at(71_000)).tokensLastMinute).toEqual({ output: 1 })
    const paused = setLedgerPaused(ledger, 'paused', at(61_000))
    expect(epochUsage(paused, at(900_000)).tokensLastMinute).toEqual({ input: 7, output: 1 })
  })

  it('places late records where they belong and counts them nevertheless', () => {
    const ledger = recordUse(born, [used(20_000, { tokens: { input: 7 } })], at(100_000))
    expect(epochUsage(ledger, at(100_000)).tokensLastMinute).toEqual({})
    expect(ledger.totals.tokens.input).toBe(7)
  })

  it('begins anew with an epoch', () => {
    const first = recordUse(born, [used(1_000, { tokens: { input: 7 } })], at(1_000))
    const next = openNextEpoch(first, 'resume-1', at(2_000))!
    const late = recordUse(next, [used(1_500, { tokens: { input: 9 } })], at(3_000))
    expect(epochUsage(late, at(3_000)).tokensLastMinute).toEqual({})
    expect(late.totals.tokens.input).toBe(9)
  })
})

describe('activity', () => {
  it('never goes back for a late record', () => {
    const ledger = recordUse(recordUse(born, [used(50_000, {})], at(50_000)), [used(10_000, {})], at(51_000))
    expect(ledger.lastActivityAtMs).toBe(at(50_000).wallMs)
  })
})

describe('time (A12)', () => {
  it('stands still while paused', () => {
    const paused = setLedgerPaused(born, 'paused', at(10_000))
    expect(epochUsage(paused, at(500_000))).toMatchObject({ wallClockMs: 10_000, sinceDeliverableMs: 10_000 })
    const running = setLedgerPaused(paused, 'running', at(500_000))
    expect(epochUsage(running, at(501_000))).toMatchObject({
      wallClockMs: 11_000,
      sinceDeliverableMs: 11_000,
    })
  })

  it('goes on while the daemon is down, on the clock of the boot', () => {
    const stored = JSON.parse(JSON.stringify(recordUse(born, [used(5_000, {})], at(5_000))))
    const wallJumped = { ...at(65_000), wallMs: at(65_000).wallMs - 3_600_000 }
    expect(epochUsage(stored, wallJumped).wallClockMs).toBe(65_000)
  })

  it('never runs backwards over a reboot', () => {
    const past = { bootId: 'boot-2', bootMs: 3, wallMs: at(-90_000).wallMs }
    expect(epochUsage(recordUse(born, [], at(5_000)), past).wallClockMs).toBe(5_000)
  })

  it('since a deliverable begins anew with it, unless it was not verified (A11)', () => {
    const kept = recordDeliverable(born, 'code_commit', 'kept', at(4_000))
    expect(epochUsage(kept, at(5_000))).toMatchObject({
      sinceDeliverableMs: 5_000,
      lastDeliverableAtMs: undefined,
    })
    const reset = recordDeliverable(kept, 'code_commit', 'reset', at(5_000))
    expect(epochUsage(reset, at(6_000))).toMatchObject({
      wallClockMs: 6_000,
      sinceDeliverableMs: 1_000,
      lastDeliverableAtMs: at(5_000).wallMs,
    })
    expect(reset.lifetime.deliverables).toEqual({ code_commit: 2 })
  })
})

describe('epochs', () => {
  it('begin with empty totals and clocks, once for each cause', () => {
    const spent = recordUse(born, [used(1_000, { apiCalls: 50 })], at(1_000))
    const next = openNextEpoch(spent, 'resume-1', at(2_000))!
    expect(epochUsage(next, at(2_500))).toMatchObject({
      epoch: 2,
      openedBy: 'resume-1',
      totals: { apiCalls: 0 },
      wallClockMs: 500,
      sinceDeliverableMs: 500,
    })
    expect(next.lifetime.llm[0]?.requests).toBe(50)
    const again = openNextEpoch(next, 'resume-2', at(3_000))!
    expect(openNextEpoch(JSON.parse(JSON.stringify(again)), 'resume-1', at(4_000))).toBeUndefined()
  })

  it('end with the agent; a late record still reaches the counters', () => {
    const ended = endLedger(recordUse(born, [used(0, { apiCalls: 1 })], at(0)), at(8_000))
    const late = recordUse(ended, [used(7_000, { apiCalls: 2 })], at(9_000))
    expect(epochUsage(late, at(99_000))).toMatchObject({ wallClockMs: 8_000, totals: { apiCalls: 1 } })
    expect(late.lifetime.llm[0]?.requests).toBe(3)
    expect(openNextEpoch(late, 'resume-1', at(9_000))).toBeUndefined()
  })
})
