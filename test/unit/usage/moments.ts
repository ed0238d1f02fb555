import type { Moment } from '../../../src/platform/moment.ts'
import type { LedgerBirth } from '../../../src/usage/ledger.ts'
import type { UsageRecord } from '../../../src/usage/model.ts'

const START_WALL_MS = Date.UTC(2026, 0, 1)

/** A moment so many milliseconds after the start of the story. */
export const at = (ms: number, bootId = 'boot-1'): Moment => ({
  bootId,
  bootMs: 1_000_000 + ms,
  wallMs: START_WALL_MS + ms,
})

export const BIRTH: LedgerBirth = {
  agent: 'a',
  incarnation: 'boot-1:ns:7:70',
  role: 'coder',
  startedAtMs: START_WALL_MS - 5_000,
}

/** A record of use that happened so many milliseconds after the start of the story. */
export const used = (ms: number, more: Partial<UsageRecord>): UsageRecord => ({
  source: 'api',
  atMs: START_WALL_MS + ms,
  ...more,
})
