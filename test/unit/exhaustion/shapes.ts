import type { LimitOrigin, Limits, Resource } from '../../../src/exhaustion/model.ts'
import type { Moment } from '../../../src/platform/moment.ts'
import type { EpochTotals, EpochUsage } from '../../../src/usage/model.ts'

export const AT: Moment = { bootId: 'boot', bootMs: 1_000, wallMs: 1_000_000 }

export const later = (ms: number, from: Moment = AT): Moment => ({
  bootId: from.bootId,
  bootMs: from.bootMs + ms,
  wallMs: from.wallMs + ms,
})

/** Limits of 100 each. */
export function limitsFor(resources: readonly Resource[], origin: LimitOrigin = 'config'): Limits {
  return Object.fromEntries(resources.map((resource) => [resource, { max: 100, origin }]))
}

export const NO_TOTALS: EpochTotals = {
  filesRead: 0,
  filesWritten: 0,
  filesModified: 0,
  apiCalls: 0,
  subtasks: 0,
  tokens: { input: 0, output: 0, cache_read: 0, cache_write: 0, unspecified: 0 },
  costUsd: 0,
}

export function usageOf(over: Partial<EpochUsage> = {}): EpochUsage {
  return {
    agent: 'a',
    incarnation: 'life-1',
    epoch: 1,
    openedAtMs: 0,
    openedBy: undefined,
    totals: NO_TOTALS,
    tokensLastMinute: {},
    wallClockMs: 0,
    sinceDeliverableMs: 0,
    lastDeliverableAtMs: undefined,
    lastActivityAtMs: 0,
    ...over,
  }
}
