import type { AgentId, Incarnation } from '../agents/model.ts'

export const PHASES = ['normal', 'warning', 'intervention', 'termination'] as const
export type Phase = (typeof PHASES)[number]

/** What is limited, in the order in which the first exceeded one is named the trigger. */
export const RESOURCES = [
  'files',
  'api_calls',
  'subtasks',
  'tokens',
  'time_without_deliverable',
  'cost_usd',
  'wall_clock',
  'token_rate',
] as const
export type Resource = (typeof RESOURCES)[number]

/** Value of the label `resource`; `manual` when a person did it. */
export type ResourceLabel = Resource | 'manual'

/** Names in configuration, registration and `triggeredBy`. */
export const THRESHOLD_KEYS: Readonly<Record<Resource, ThresholdKey>> = {
  files: 'maxFilesAccessed',
  api_calls: 'maxApiCalls',
  subtasks: 'maxSubtasksSpawned',
  tokens: 'maxTokensConsumed',
  time_without_deliverable: 'maxTimeWithoutDeliverableMs',
  cost_usd: 'maxCostUsd',
  wall_clock: 'maxWallClockMs',
  token_rate: 'maxTokensPerMinute',
}
export type ThresholdKey =
  | 'maxFilesAccessed'
  | 'maxApiCalls'
  | 'maxSubtasksSpawned'
  | 'maxTokensConsumed'
  | 'maxTimeWithoutDeliverableMs'
  | 'maxCostUsd'
  | 'maxWallClockMs'
  | 'maxTokensPerMinute'

export type Thresholds = Readonly<Partial<Record<ThresholdKey, number>>>

/** Limits that nobody wrote only warn. */
export type LimitOrigin = 'builtin' | 'config' | 'profile' | 'registration'

export interface Limit {
  readonly max: number
  readonly origin: LimitOrigin
}
export type Limits = Readonly<Partial<Record<Resource, Limit>>>

/** What was really done about a change of phase. */
export type ActionTaken =
  | 'allowed'
  | 'warned'
  | 'paused'
  | 'terminated'
  | 'resumed'
  | 'dry_run'
  | 'refused'
  | 'pending_approval'
  | 'failed'

/** One change of phase, kept. */
export interface ExhaustionEvent {
  readonly id: string
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly role: string | undefined
  readonly epoch: number
  readonly phase: Phase
  readonly previousPhase: Phase
  readonly triggeredBy: ResourceLabel
  readonly actionTaken: ActionTaken
  readonly actionId: string | undefined
  readonly actor: string
  readonly reason: string
  readonly metrics: Readonly<Record<string, number | string | null>>
  readonly thresholds: Thresholds
  readonly atMs: number
}

export type ExhaustionEvents = {
  'agent.phase_changed': { readonly event: ExhaustionEvent }
}

/** What a person chose for one agent when it was registered, launched or labelled. */
export interface Enrolment {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  /** Whether an intervention acts on it. */
  readonly enforce: boolean
  readonly profile: string | undefined
  readonly budget: Thresholds
}
