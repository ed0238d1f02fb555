import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'
import {
  type ActiveTime,
  activeMs,
  beginActiveTime,
  settleActiveTime,
  switchActiveTime,
} from './active-time.ts'
import { add } from './amount.ts'
import { addLlmUse, callsOf, type LlmCounters } from './llm.ts'
import {
  type DeliverableType,
  type EpochTotals,
  type EpochUsage,
  type FileOperation,
  TOKEN_TYPES,
  type TokenType,
  type UsageRecord,
} from './model.ts'
import type { Sources } from './sources.ts'
import { type AgedTokens, addToWindow, sumWindow, type TokenWindow } from './token-window.ts'

/** Counters of the incarnation; none of them ever falls. */
export interface Lifetime {
  readonly files: Readonly<Record<FileOperation, number>>
  readonly subtasks: number
  readonly llm: readonly LlmCounters[]
  readonly deliverables: Readonly<Partial<Record<DeliverableType, number>>>
}

/**
 * All that was told about one life of an agent. A plain value: what is stored is this, as JSON, and every function
 * below answers a new one and changes nothing.
 */
export interface Ledger {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly role: string | undefined
  readonly startedAtMs: number
  /** The last epoch is closed; late records still reach the counters of the lifetime. */
  readonly endedAtMs: number | undefined
  readonly epoch: number
  readonly openedAtMs: number
  readonly openedBy: string | undefined
  /** Causes that opened an epoch already, oldest first. */
  readonly openers: readonly string[]
  readonly totals: EpochTotals
  readonly lifetime: Lifetime
  readonly sources: Sources
  readonly active: ActiveTime
  /** Readings of `active`: when the epoch began, and at the last deliverable within it. */
  readonly epochFromMs: number
  readonly deliverableFromMs: number
  readonly lastDeliverableAtMs: number | undefined
  readonly lastActivityAtMs: number
  /** Of the youngest record of use; ledgers of older versions do not have it. */
  readonly lastUseAtMs?: number | undefined
  readonly window: TokenWindow
}

/** Who is born. */
export interface LedgerBirth {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly role: string | undefined
  readonly startedAtMs: number
}

/** Causes that are remembered; a resume that is told again after this many others would open an epoch twice. */
const MAX_OPENERS = 100

const NO_TOKENS = Object.fromEntries(TOKEN_TYPES.map((type) => [type, 0])) as Record<TokenType, number>
const NO_TOTALS: EpochTotals = {
  filesRead: 0,
  filesWritten: 0,
  filesModified: 0,
  apiCalls: 0,
  subtasks: 0,
  tokens: NO_TOKENS,
  costUsd: 0,
}
const TOTAL_OF_OPERATION = { read: 'filesRead', write: 'filesWritten', modify: 'filesModified' } as const

/** An empty ledger with its first epoch. Time counts from `now`: nobody is judged by time that nobody watched. */
export function openLedger(birth: LedgerBirth, now: Moment): Ledger {
  return {
    ...birth,
    endedAtMs: undefined,
    epoch: 1,
    openedAtMs: now.wallMs,
    openedBy: undefined,
    openers: [],
    totals: NO_TOTALS,
    lifetime: { files: { read: 0, write: 0, modify: 0 }, subtasks: 0, llm: [], deliverables: {} },
    sources: {},
    active: beginActiveTime(now),
    epochFromMs: 0,
    deliverableFromMs: 0,
    lastDeliverableAtMs: undefined,
    lastActivityAtMs: now.wallMs,
    window: [],
  }
}

/**
 * Counts `records` at their arrival, in the present epoch whatever their time: `atMs` only places tokens in the
 * window of the rate. After the end only the counters of the lifetime go on.
 */
export function recordUse(ledger: Ledger, records: readonly UsageRecord[], now: Moment): Ledger {
  const active = settleActiveTime(ledger.active, now)
  const lifetime = addLifetime(ledger.lifetime, records)
  let { lastActivityAtMs, lastUseAtMs = 0 } = ledger
  for (const { atMs } of records) {
    lastActivityAtMs = Math.max(lastActivityAtMs, atMs)
    lastUseAtMs = Math.max(lastUseAtMs, atMs)
  }
  if (ledger.endedAtMs !== undefined) return { ...ledger, lifetime, lastActivityAtMs, lastUseAtMs }
  return {
    ...ledger,
    totals: addTotals(ledger.totals, records),
    lifetime,
    active,
    lastActivityAtMs,
    lastUseAtMs,
    window: addToWindow(ledger.window, active.ms, ledger.epochFromMs, agedTokens(records, now)),
  }
}

/** Counts a deliverable; `kept`: the clock of the time without one goes on, because it was not verified. */
export function recordDeliverable(
  ledger: Ledger,
  type: DeliverableType,
  clock: 'reset' | 'kept',
  now: Moment,
): Ledger {
  const { deliverables } = ledger.lifetime
  const counted: Ledger = {
    ...ledger,
    lifetime: {
      ...ledger.lifetime,
      deliverables: { ...deliverables, [type]: add(deliverables[type] ?? 0, 1) },
    },
    lastActivityAtMs: Math.max(ledger.lastActivityAtMs, now.wallMs),
  }
  if (clock === 'kept') return counted
  const active = settleActiveTime(ledger.active, now)
  return { ...counted, active, deliverableFromMs: active.ms, lastDeliverableAtMs: now.wallMs }
}

/** Begins the next epoch; undefined when `by` opened one before, or the agent has ended. */
export function openNextEpoch(ledger: Ledger, by: string, now: Moment): Ledger | undefined {
  if (ledger.endedAtMs !== undefined || ledger.openers.includes(by)) return undefined
  const active = settleActiveTime(ledger.active, now)
  return {
    ...ledger,
    epoch: ledger.epoch + 1,
    openedAtMs: now.wallMs,
    openedBy: by,
    openers: [...ledger.openers, by].slice(-MAX_OPENERS),
    totals: NO_TOTALS,
    active,
    epochFromMs: active.ms,
    deliverableFromMs: active.ms,
    window: [],
  }
}

/** While paused, time stands still. */
export function setLedgerPaused(ledger: Ledger, paused: 'paused' | 'running', now: Moment): Ledger {
  if (ledger.endedAtMs !== undefined) return ledger
  const active = switchActiveTime(ledger.active, paused === 'paused' ? 'stopped' : 'running', now)
  return active === ledger.active ? ledger : { ...ledger, active }
}

/** Closes the last epoch for good. */
export function endLedger(ledger: Ledger, now: Moment): Ledger {
  if (ledger.endedAtMs !== undefined) return ledger
  return { ...ledger, endedAtMs: now.wallMs, active: switchActiveTime(ledger.active, 'stopped', now) }
}

/** The agent was thought to have ended and lives: what follows is another epoch. */
export function reviveLedger(ledger: Ledger, now: Moment): Ledger {
  const active = switchActiveTime({ ...ledger.active, state: 'stopped' }, 'running', now)
  const revived = { ...ledger, endedAtMs: undefined, active }
  return openNextEpoch(revived, `revived:${ledger.epoch}`, now) ?? revived
}

/** What the present epoch, or the last one of an ended agent, says at `now`. */
export function epochUsage(ledger: Ledger, now: Moment): EpochUsage {
  const active = activeMs(ledger.active, now)
  return {
    agent: ledger.agent,
    incarnation: ledger.incarnation,
    epoch: ledger.epoch,
    openedAtMs: ledger.openedAtMs,
    openedBy: ledger.openedBy,
    totals: ledger.totals,
    tokensLastMinute: sumWindow(ledger.window, active),
    wallClockMs: active - ledger.epochFromMs,
    sinceDeliverableMs: active - ledger.deliverableFromMs,
    lastDeliverableAtMs: ledger.lastDeliverableAtMs,
    lastActivityAtMs: ledger.lastActivityAtMs,
    lastUseAtMs: ledger.lastUseAtMs,
  }
}

function addTotals(totals: EpochTotals, records: readonly UsageRecord[]): EpochTotals {
  const sum = { ...totals, tokens: { ...totals.tokens } }
  for (const record of records) {
    for (const { op, count } of record.files ?? []) {
      const total = TOTAL_OF_OPERATION[op]
      sum[total] = add(sum[total], count)
    }
    sum.apiCalls = add(sum.apiCalls, callsOf(record))
    sum.subtasks = add(sum.subtasks, record.subtasks ?? 0)
    sum.costUsd = add(sum.costUsd, record.costUsd ?? 0)
    if (record.tokens === undefined) continue
    for (const type of TOKEN_TYPES) {
      const count = record.tokens[type]
      if (count !== undefined) sum.tokens[type] = add(sum.tokens[type], count)
    }
  }
  return sum
}

function addLifetime(lifetime: Lifetime, records: readonly UsageRecord[]): Lifetime {
  const files = { ...lifetime.files }
  let { subtasks } = lifetime
  for (const record of records) {
    for (const { op, count } of record.files ?? []) files[op] = add(files[op], count)
    subtasks = add(subtasks, record.subtasks ?? 0)
  }
  return { ...lifetime, files, subtasks, llm: addLlmUse(lifetime.llm, records) }
}

/** Age in active time is taken as age by the wall clock: a pause in between makes late tokens leave early. */
function* agedTokens(records: readonly UsageRecord[], now: Moment): Generator<AgedTokens> {
  for (const { tokens, atMs } of records) {
    if (tokens !== undefined) yield { tokens, ageMs: Math.max(0, now.wallMs - atMs) }
  }
}
