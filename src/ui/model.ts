import type { Action, ActionStatus, HoldCause, RefusalReason, Trigger } from '../control/model.ts'
import type { Phase, Resource, ResourceLabel, ThresholdKey } from '../exhaustion/model.ts'
import type { BadLevel, Level, TimeToLimit, Trend } from '../memory/model.ts'
import type { Caller } from '../platform/http/caller.ts'

/** One agent as `GET /api/v1/agents/{id}` answers it: what is not known is left out. Times are ISO 8601. */
export interface ShownAgent {
  readonly id: string
  readonly name?: string
  readonly role?: string
  readonly vendor?: string
  readonly workspace?: string
  readonly runtime: string
  readonly origin: string
  readonly conflict: boolean
  readonly startedAt?: string
  readonly endedAt?: string
  readonly lastActivityAt?: string
  readonly state: {
    readonly lifecycleState: string
    readonly lifecycleMetrics: {
      readonly uptimeSeconds: number
      readonly processes?: number
      readonly threads?: number
      readonly openFds?: number
      readonly rssBytes?: number
      readonly workingSetBytes?: number
      readonly swapBytes?: number
      readonly memoryLimitBytes?: number
    }
  }
  readonly phase?: Phase
  readonly ratios?: Readonly<Partial<Record<Resource, number>>>
  readonly thresholds?: Readonly<Partial<Record<ThresholdKey, number>>>
  readonly resource?: ResourceLabel
  readonly enforced?: boolean
  readonly holds?: readonly ShownHold[]
  readonly terminal?: boolean
  readonly memory?: ShownMemory | null
  readonly tokensConsumed?: number
  readonly costUsd?: number
  readonly lastDeliverableAt?: string | null
  readonly crashes?: number
  readonly lastCrash?: {
    readonly id: string
    readonly at: string
    readonly cause?: string
    readonly confidence: string
    readonly summary: string
  }
  /** Of one core, over the last seconds. */
  readonly cpuPercent?: number
}

export interface ShownHold {
  readonly cause: HoldCause
  readonly since: string
  readonly reason: string
}

export interface ShownMemory {
  readonly level?: Level
  readonly basis?: string
  readonly judgedBytes?: number
  readonly limitBytes?: number
  readonly thresholds?: Readonly<Record<BadLevel, number>>
  readonly trend?: Trend
  readonly growthBytesPerSecond?: number
  readonly timeToLimit?: TimeToLimit
  readonly highWatermarkBytes?: number
}

/** A line of the journal as `GET /api/v1/actions/{id}` answers it. */
export interface ShownAction {
  readonly id: string
  readonly at: string
  readonly lastAt?: string | undefined
  readonly verifiedAt?: string | undefined
  readonly agent: string
  readonly action: Action
  readonly trigger: Trigger
  readonly actor: string
  readonly reason: string
  readonly status: ActionStatus
  readonly refusal?: RefusalReason | undefined
  readonly detail?: string | undefined
  readonly rung?: string | undefined
  readonly durationMs?: number | undefined
  readonly attempt: number
  readonly durable: boolean
  readonly count: number
}

/** A crash as `GET /api/monitoring/crashes/{id}` answers it. */
export interface ShownCrash {
  readonly id: string
  readonly agentName: string
  readonly pid: number | null
  readonly exitCode: number | null
  readonly signal: string | null
  readonly reason: string | null
  readonly cause: string
  readonly confidence: string
  readonly summary: string
  readonly evidence: readonly { readonly source: string; readonly says: string }[]
  readonly recommendations: readonly string[]
  readonly lives: boolean
  readonly occurrences: number
  readonly peakMemory: number | null
  readonly lastKnownMemory: number | null
  readonly memoryLimit: number | null
  readonly memoryTrend: string | null
  readonly crashedAt: string
  readonly lastAt: string
  readonly witness: string
  readonly daemonId: string
  readonly lastOutput?: string | null
}

/** What `GET /api/v1/control` answers. */
export interface ShownControl {
  readonly mode: 'off' | 'dry-run' | 'enforce'
  readonly acting: boolean
  readonly killSwitch: {
    readonly engaged: boolean
    readonly actor?: string | undefined
    readonly reason?: string | undefined
    readonly since?: string | undefined
  }
  readonly failureStops: readonly {
    readonly action: Action
    readonly trigger: Trigger
    readonly failures: number
    readonly until?: string | undefined
  }[]
  readonly holds: readonly (Omit<ShownHold, 'since'> & {
    readonly agent: string
    readonly since?: string | undefined
  })[]
}

/** Something of the event stream. */
export interface ShownEvent {
  readonly type: string
  readonly at: string
  readonly summary: string
}

/** What only the page of one agent shows. */
export interface AgentDetail {
  /** Judged memory over the last half hour, oldest first. */
  readonly memory: readonly { readonly at: number; readonly bytes: number }[]
  readonly processes: readonly {
    readonly pid: number
    readonly ppid: number
    readonly name: string
    /** A daemon of the user session: listed, never stopped. */
    readonly isService: boolean
  }[]
}

export interface ActionQuestion {
  readonly agent?: string
  readonly action?: Action
  readonly status?: ActionStatus
}

export type Sees = (agent: string) => boolean

/**
 * What pages read: the answers of the HTTP API, as functions of the rooms that give them. Whoever asks hands on what
 * its caller may see; nothing else is answered.
 */
export interface Answers {
  /** Ids of the agents that are known, oldest first. */
  agents(sees: Sees): readonly string[]
  agent(id: string): ShownAgent | undefined
  detail(id: string): AgentDetail | undefined
  /** Newest first, after the entry `before`. */
  actions(
    question: ActionQuestion,
    sees: Sees,
    limit: number,
    before?: string,
  ): Promise<readonly ShownAction[]>
  action(id: string): Promise<ShownAction | undefined>
  /** Newest first. */
  crashes(agent: string | undefined, sees: Sees, limit: number): Promise<readonly ShownCrash[]>
  crash(id: string): Promise<ShownCrash | undefined>
  control(sees: Sees): ShownControl
  /** What the event stream told of this agent since the daemon started, newest first. */
  events(agent: string, limit: number): readonly ShownEvent[]
}

/** Who looks. */
export type Viewer = Pick<Caller, 'name' | 'kind' | 'scopes' | 'limited' | 'mayTouch'>

/** What every page shows besides its own matter. */
export interface Frame {
  readonly viewer: Viewer
  readonly control: ShownControl
  /** Actions that wait for somebody, newest first. */
  readonly pending: readonly ShownAction[]
  readonly nowMs: number
  readonly version: string
  /** Where Grafana is, without a slash at its end. */
  readonly grafana: string | undefined
}
