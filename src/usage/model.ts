import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'

export type FileOperation = 'read' | 'write' | 'modify'
export const TOKEN_TYPES = ['input', 'output', 'cache_read', 'cache_write', 'unspecified'] as const
export type TokenType = (typeof TOKEN_TYPES)[number]

/** Quantities that are added up; each takes one source per agent, so that nothing is counted twice. */
const QUANTITIES = ['files', 'api_calls', 'tokens', 'subtasks', 'cost_usd'] as const
export type Quantity = (typeof QUANTITIES)[number]

export type TokenCounts = Readonly<Partial<Record<TokenType, number>>>

/** One record of use, checked and in the units of the ledger. */
export interface UsageRecord {
  readonly files?: readonly { readonly op: FileOperation; readonly count: number }[]
  readonly apiCalls?: number
  readonly failedApiCalls?: number
  readonly tokens?: TokenCounts
  readonly provider?: string
  readonly model?: string
  readonly subtasks?: number
  readonly costUsd?: number
  /** Who measured it: `api` when not said. */
  readonly source: string
  /** Wall clock in milliseconds when it happened; never later than it arrived. */
  readonly atMs: number
}

/** What was used in one epoch. */
export interface EpochTotals {
  readonly filesRead: number
  readonly filesWritten: number
  readonly filesModified: number
  readonly apiCalls: number
  readonly subtasks: number
  readonly tokens: Readonly<Record<TokenType, number>>
  readonly costUsd: number
}

/**
 * What the ledger says of an agent's present epoch. An epoch begins with the incarnation and with every resume.
 * Active time stands still while the agent is paused.
 */
export interface EpochUsage {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  /** 1, 2, … within the incarnation. */
  readonly epoch: number
  readonly openedAtMs: number
  /** What opened it; undefined for the first. */
  readonly openedBy: string | undefined
  readonly totals: EpochTotals
  /** Tokens by type within the last 60 s of active time. */
  readonly tokensLastMinute: TokenCounts
  /** Active milliseconds since the epoch began. */
  readonly wallClockMs: number
  /** Active milliseconds since the last deliverable, or since the epoch began. */
  readonly sinceDeliverableMs: number
  readonly lastDeliverableAtMs: number | undefined
  readonly lastActivityAtMs: number
  /** When the youngest record of use of this life was made; undefined when there is none. */
  readonly lastUseAtMs?: number | undefined
}

export const DELIVERABLE_TYPES = [
  'code_commit',
  'test_passed',
  'review_complete',
  'documentation',
  'analysis_report',
  'deployment',
  'other',
  'task_completed',
  'user_checkpoint',
  'artifact_produced',
] as const
export type DeliverableType = (typeof DELIVERABLE_TYPES)[number]

/** Names that other systems use for the same thing. */
export const DELIVERABLE_ALIASES: Readonly<Record<string, DeliverableType>> = {
  code_committed: 'code_commit',
  tests_passed: 'test_passed',
}

/** A checkpoint; outlives the agent. */
export interface Deliverable {
  readonly id: string
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly epoch: number
  readonly type: DeliverableType
  readonly description: string | undefined
  readonly artifacts: readonly string[]
  /** Whether every artifact that can be checked was found; undefined when none can be. */
  readonly verified: boolean | undefined
  readonly atMs: number
}

export type UsageEvents = {
  'agent.deliverable_recorded': { readonly deliverable: Deliverable }
  /** An epoch ended: the histograms take its totals once. */
  'usage.epoch_ended': { readonly usage: EpochUsage; readonly role: string | undefined }
}

/** What the other rooms ask of the ledger. */
export interface Usage {
  /** `undefined`: no such agent, or none that lived while we looked. */
  epoch(agent: AgentId): EpochUsage | undefined
  /** Told after every change of an epoch's numbers (record, deliverable, new epoch), synchronously. */
  onChange(listener: (agent: AgentId, at: Moment) => void): void
  /**
   * Ends the present epoch and begins the next: budgets start anew. `by` names the cause (the id of a resume); the
   * same cause opens an epoch once, however often it is told, also across a restart.
   */
  openEpoch(agent: AgentId, by: string): 'opened' | 'known'
  /** Active time stands still between the two. */
  setPaused(agent: AgentId, paused: 'paused' | 'running'): void
}
