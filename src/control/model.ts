import type { AgentId, Incarnation } from '../agents/model.ts'
import type { Rung, Size } from '../runtimes/model.ts'

export const ACTIONS = ['pause', 'resume', 'terminate', 'resize'] as const
export type Action = (typeof ACTIONS)[number]

/** Who wants it. `human`: API and CLI with the scope control. */
export const TRIGGERS = ['human', 'budget', 'memory', 'alert', 'reaper', 'scaler'] as const
export type Trigger = (typeof TRIGGERS)[number]

/**
 * Why an agent is held. Only the last released hold resumes it; a person's resume clears all.
 * `unknown`: found stopped after the journal was lost.
 */
export type HoldCause = 'human' | 'budget' | 'memory' | 'unknown' | `alert:${string}`

export const ACTION_STATUSES = [
  'intended',
  'pending_approval',
  'refused',
  'dry_run',
  'noop',
  'done',
  'partial',
  'failed',
  'needs_foreground',
] as const
export type ActionStatus = (typeof ACTION_STATUSES)[number]

/** Why nothing was done; label `reason` of `agent_action_refusals_total`. */
export const REFUSALS = [
  'kill_switch',
  'control_off',
  'second_daemon',
  'not_enforced',
  'unknown_agent',
  'other_incarnation',
  'ended',
  'conflict',
  'missing_data',
  'protected_process',
  'other_user',
  'unlabelled_container',
  'own_container',
  'unsupported',
  'cooldown',
  'fleet_share',
  'failure_stop',
  'too_many_resumes',
  'too_many_attempts',
  'not_durable',
  'held',
  'below_usage',
  'host_memory',
  'terminal',
  'expired',
  'rejected',
  'superseded',
] as const
export type RefusalReason = (typeof REFUSALS)[number]

/** What somebody asks for. Budgets, memory, alerts, people and the scaler all enter by this door. */
export interface ActionRequest {
  readonly action: Action
  readonly agent: AgentId
  /** The life that was judged; the present one when a person asks. */
  readonly incarnation?: Incarnation
  readonly trigger: Trigger
  /** With trigger, agent, incarnation and action the key: at most one effect for each. */
  readonly episode: string
  /** A token's name, `budget`, an alert's name …; shown in the journal. */
  readonly actor: string
  readonly reason: string
  /** Hold that a pause adds and a resume releases; a person's resume releases all. */
  readonly hold: HoldCause
  readonly dryRun?: true
  /** A person asks for this one action on an agent that did not opt in. */
  readonly optIn?: true
  readonly approval?: 'required'
  readonly size?: Size
  readonly graceMs?: number
  /** Limits are raised by this much in the epoch that a resume opens; opaque here, handed on with the event. */
  readonly extraBudget?: Readonly<Record<string, number>>
  /** Monotonic milliseconds of the crossing, for the reaction histogram. */
  readonly crossedAtMs?: number
}

/** What the guard says of a request. */
export type Judgement =
  | { readonly verdict: 'allow' }
  | { readonly verdict: 'dry_run'; readonly reason: RefusalReason | undefined; readonly detail: string }
  | { readonly verdict: 'refused'; readonly reason: RefusalReason; readonly detail: string }

/** One line of the journal. Times in wall-clock milliseconds. */
export interface ActionEntry {
  readonly id: string
  readonly at: number
  readonly agent: AgentId
  readonly incarnation: Incarnation | undefined
  readonly action: Action
  readonly trigger: Trigger
  readonly episode: string
  readonly actor: string
  readonly reason: string
  readonly hold: HoldCause
  readonly status: ActionStatus
  readonly attempt: number
  /** False: the disk did not take the intent in time and a pause went ahead of it. */
  readonly durable: boolean
  readonly refusal: RefusalReason | undefined
  readonly detail: string | undefined
  readonly rung: Rung | undefined
  readonly verifiedAt: number | undefined
  readonly durationMs: number | undefined
  /** Refusals of the same kind are one row: how often, and when last. */
  readonly count: number
  readonly lastAt: number
  readonly size: Size | undefined
  readonly extraBudget: Readonly<Record<string, number>> | undefined
}

/** Nothing more happens to an entry in one of these. */
export function isSettled({ status }: Pick<ActionEntry, 'status'>): boolean {
  return status !== 'intended' && status !== 'pending_approval'
}

/** What the room tells the others. */
export type ControlEvents = {
  /** Verified, with the first hold. */
  'agent.paused': { readonly entry: ActionEntry }
  /**
   * Verified, after the last hold was released; also when a person resumes an agent that is not held (`released` is
   * empty then). Told again after a restart of the daemon for the last resume of each live incarnation, because the
   * rooms may not have heard of it: whoever listens must do nothing for an entry it has seen.
   */
  'agent.resumed': { readonly entry: ActionEntry; readonly released: readonly HoldCause[] }
  'agent.terminated': { readonly entry: ActionEntry }
  'action.intended': { readonly entry: ActionEntry }
  'action.refused': { readonly entry: ActionEntry }
  'action.done': { readonly entry: ActionEntry }
  'action.failed': { readonly entry: ActionEntry }
}

export interface KillSwitchState {
  readonly engaged: boolean
  readonly actor?: string
  readonly reason?: string
  readonly sinceMs?: number
}

/** Stops everything but resumes, within one effect. */
export interface KillSwitch {
  /** Looks at the file now; anything but "there is none" means engaged. */
  isEngaged(): boolean
  /** Creates the file. @throws Error when that is not possible; it then counts as engaged in memory. */
  engage(actor: string, reason?: string): void
  /** Removes the file. @throws Error when it is still engaged afterwards. */
  release(actor: string): void
  /** Since when, by whom and why, as far as known. */
  describe(): KillSwitchState
  /** Told within a second of every change, whoever made it. */
  onChange(listener: (engaged: boolean) => void): void
  start(): void
  stop(): void
}

/** Of several daemons of one user on a host only one acts. */
export interface ActingLock {
  isHeld(): boolean
  /** Tries to take it, and again every second while another daemon has it. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface ActionFilter {
  readonly agent?: AgentId
  readonly action?: Action
  readonly status?: ActionStatus
  /** Wall clock in milliseconds. */
  readonly sinceMs?: number
  /** Which agents the caller may see; all when left out. */
  readonly visible?: (agent: AgentId) => boolean
}

/** What `GET /api/v1/control` says. */
export interface ControlState {
  readonly mode: 'off' | 'dry-run' | 'enforce'
  readonly acting: boolean
  readonly killSwitch: KillSwitchState
  readonly failureStops: readonly {
    readonly action: Action
    readonly trigger: Trigger
    readonly failures: number
    readonly untilMs: number
  }[]
  readonly holds: readonly {
    readonly agent: AgentId
    readonly incarnation: Incarnation
    readonly cause: HoldCause
    readonly sinceMs: number
    readonly reason: string
  }[]
}

export interface HoldFacts {
  /** Wall clock in milliseconds. */
  readonly sinceMs: number
  readonly reason: string
  /** Not all of the agent was stopped when it was set, and no pause since then was verified. */
  readonly partial?: true
}

/** The one door to acting. */
export interface Control {
  /** Answers once it is decided: the entry is durable (or refused, or the one that was there under this key). */
  request(request: ActionRequest): Promise<ActionEntry>
  /** Answers once the entry is settled, or as it is when `signal` aborts. */
  settled(id: string, signal?: AbortSignal): Promise<ActionEntry>
  /** Holds of this agent's present incarnation with the wall clock since when; empty: not held. */
  holds(agent: AgentId): ReadonlyMap<HoldCause, HoldFacts>
  /** Held, or being paused at this moment: no further step should begin. */
  isHeld(agent: AgentId): boolean
  /** A terminate of this incarnation was verified or is under way. */
  isTerminal(agent: AgentId): boolean
}

/** The same with what people and the API ask besides. */
export interface ControlDesk extends Control {
  /** What would come of it now. A question: nothing is written, counted or told. */
  judge(request: ActionRequest): Promise<Judgement>
  find(id: string): Promise<ActionEntry | undefined>
  /** What this request came to in an earlier life of the agent: sent again, it is not meant for the present one. */
  ofEarlierLife(agent: AgentId, action: Action, episode: string): Promise<ActionEntry | undefined>
  /** Newest first, after the entry `before`. */
  list(filter: ActionFilter, limit: number, before?: string): Promise<readonly ActionEntry[]>
  /** @throws Problem AE_ACTION_NOT_FOUND, AE_NOT_PENDING */
  approve(id: string, actor: string): Promise<ActionEntry>
  /** @throws Problem AE_ACTION_NOT_FOUND, AE_NOT_PENDING */
  reject(id: string, actor: string, reason?: string): Promise<ActionEntry>
  state(): ControlState
  /** A person clears failure stops (of one action or all) and confirms acting after a damaged journal. */
  reset(actor: string): void
  /** Before an agent is taken out of the registry: whatever we stopped of it runs again. */
  letGo(agent: AgentId, actor: string): Promise<void>
}
