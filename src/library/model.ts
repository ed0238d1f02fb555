import type { ActionAnswer, ActionOptions, ResumeOptions } from '../client/model.ts'
import type { ActionTaken, Phase, Resource, Thresholds } from '../exhaustion/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { DeliverableType } from '../usage/model.ts'
import type { StoredRecord } from './persistence.ts'

/** The section `resourceExhaustion` of the configuration: every key optional, times also as `5m`. */
export interface ResourceExhaustionConfig {
  readonly enabled?: boolean
  /** Share of a limit at which the warning begins; 0.8 by default. */
  readonly warningThresholdPercent?: number
  readonly checkIntervalMs?: number | string
  readonly pauseOnIntervention?: boolean
  readonly autoTerminate?: boolean
  readonly terminateAfterMs?: number | string
  /** An intervention waits for `approveIntervention` or `rejectIntervention`. */
  readonly requireConfirmationOnIntervention?: boolean
  readonly resetCountersOnDeliverable?: boolean
  /** Only a deliverable of which `verifyArtifacts` of the options answered `true` resets the clock. */
  readonly verifyArtifacts?: boolean
  readonly tokenTypes?: readonly ('input' | 'output' | 'cache_read' | 'cache_write')[]
  /** Limits that stand here enforce; those that do not are built in and only warn. */
  readonly thresholds?: ThresholdConfig
  readonly profiles?: Readonly<Record<string, ThresholdConfig>>
  /** Profile of each agent type that has one. */
  readonly roles?: Readonly<Record<string, string>>
}

/** Limits; times in milliseconds or as `5m`. */
export type ThresholdConfig = Readonly<Partial<Record<keyof Thresholds, number | string>>>

/** What was chosen for one agent. */
export interface AgentChoice {
  readonly profile?: string
  /** Limits of this agent alone; they enforce. */
  readonly budget?: ThresholdConfig
}

/** The name of the limit that was reached; `manual` when somebody decided. */
export type TriggerName = keyof Thresholds | 'manual'

/** Something that has to be done to an agent, because its budget or somebody says so. */
export interface ActionOrder {
  readonly action: 'pause' | 'resume' | 'terminate'
  readonly agentId: string
  readonly agentType: string
  readonly reason: string
  readonly triggeredBy: TriggerName
  /** `budget`, or `caller` when a method was called. */
  readonly actor: 'budget' | 'caller'
  readonly extraBudget?: Readonly<Record<string, number>>
}

/** What came of an order. Only `done` changes the state of the agent. */
export interface ActionResult {
  readonly outcome: 'done' | 'refused' | 'dry_run' | 'pending_approval' | 'failed'
  readonly detail?: string
}

/** Carries out an order. Nothing answered: it was done. A throw or a rejection: it failed. */
// biome-ignore lint/suspicious/noConfusingVoidType: whoever has nothing to add need not return anything
export type OnAction = (order: ActionOrder) => ActionResult | void | Promise<ActionResult | void>

/** What of a client is used to act. */
export interface ActingClient {
  pause(options?: ActionOptions): Promise<ActionAnswer>
  resume(options?: ResumeOptions): Promise<ActionAnswer>
  terminate(options?: ActionOptions): Promise<ActionAnswer>
}

/** Where state is kept. Records are plain JSON; what has the same `key` replaces what was saved before. */
export interface Persistence {
  /** Everything that was saved, in any order. Asked once, when the service is made. */
  load(): readonly StoredRecord[]
  /** Called at most once per record and turn of the event loop. What it throws goes to `onFault`. */
  save(record: StoredRecord): void | Promise<void>
}

export type FaultSource = 'action' | 'persistence' | 'listener'

export interface ResourceExhaustionOptions {
  readonly config?: ResourceExhaustionConfig
  /** Without it, and without `client`, a pause is kept by the agent itself: it asks `isAgentPaused`. */
  readonly onAction?: OnAction
  /** Actions go to the daemon, whose verified outcome is taken: `(agent) => createClient({ agent })`. */
  readonly client?: (agentId: string) => ActingClient
  /** In memory when left out. */
  readonly persistence?: Persistence
  /** Whether what was delivered is there; undefined: that cannot be said. */
  readonly verifyArtifacts?: (agentId: string, artifacts: readonly string[]) => boolean | undefined
  readonly clock?: Clock
  readonly onFault?: (error: unknown, source: FaultSource) => void
}

/** What an agent has used in its present epoch, and where it stands. */
export interface AgentMetrics {
  readonly agentId: string
  readonly agentType: string
  readonly filesRead: number
  readonly filesWritten: number
  readonly filesModified: number
  readonly apiCallsCount: number
  readonly subtasksSpawned: number
  /** Tokens of the types that count. */
  readonly tokensConsumed: number
  readonly startedAt: Date
  readonly lastDeliverableAt: Date | null
  readonly lastActivityAt: Date
  readonly phase: Phase
  readonly pausedAt: Date | null
  readonly pauseReason: string | null
  /** 1, 2, …; a resume begins the next. */
  readonly epoch: number
  /** Used divided by the limit, of every resource that has one. */
  readonly ratios: Readonly<Partial<Record<Resource, number>>>
  readonly thresholds: Thresholds
}

/** A change of phase, or what was done to an agent. */
export interface ResourceEvent {
  readonly id: string
  readonly agentId: string
  readonly agentType: string
  readonly epoch: number
  readonly phase: Phase
  readonly previousPhase: Phase
  /** What was really done; `allowed` until that is known. */
  readonly actionTaken: ActionTaken
  readonly triggeredBy: TriggerName
  readonly actor: 'budget' | 'caller'
  readonly reason: string
  readonly metrics: Omit<AgentMetrics, 'thresholds'>
  readonly thresholds: Thresholds
  readonly createdAt: Date
}

/** A checkpoint; outlives the agent. */
export interface DeliverableCheckpoint {
  readonly id: string
  readonly agentId: string
  readonly type: DeliverableType
  readonly description?: string
  readonly artifacts?: readonly string[]
  readonly verified?: boolean
  readonly createdAt: Date
}

export interface ResourceMetrics {
  readonly totalAgentsTracked: number
  readonly agentsByPhase: Readonly<Record<Phase, number>>
  readonly pausedAgents: number
  readonly totalWarnings: number
  readonly totalInterventions: number
  readonly totalTerminations: number
  /** At most 10, newest first. */
  readonly recentEvents: readonly ResourceEvent[]
}

/** What `on` tells. */
export type ServiceEvents = {
  phase: { readonly event: ResourceEvent }
  paused: Happened
  resumed: Happened
  terminated: Happened
  /** An order was not carried out. */
  refused: Happened & { readonly action: ActionOrder['action']; readonly result: ActionResult }
}

export interface Happened {
  readonly agentId: string
  readonly reason: string
  readonly actor: 'budget' | 'caller'
}

export interface WaitOptions {
  /** For ever when left out. */
  readonly timeoutMs?: number
  /** Rejects the wait with its reason. */
  readonly signal?: AbortSignal
}
