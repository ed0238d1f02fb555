import type { AgentId, Incarnation, Runtime } from '../agents/model.ts'
import type { ProcessKey } from '../platform/proc/process.ts'

/** One process of a target as the last pass over the process table saw it. */
export interface TargetProcess extends ProcessKey {
  readonly ppid: number
  readonly pgrp: number
  readonly session: number
}

/** The processes of a target now: what may be signalled, and in which order. */
export interface TreeSnapshot {
  /** The process the incarnation is named after, also when it has ended before the rest of its tree. */
  readonly root?: ProcessKey
  /** Workers of the tree, parents before their children. Daemons of the user session are not here. */
  readonly processes: readonly TargetProcess[]
  /** Process groups whose leader is or was a member and in which nobody else lives: safe for `kill(-pgid)`. */
  readonly groups: readonly number[]
  /** Daemons of the user session that were started in it: they must go on whatever stops the rest. */
  readonly services?: readonly number[]
}

/**
 * `strays`: waits until it is known who has left the tree unseen and only proves by its environment that it belongs
 * there, a second and a half at most. Whoever claims that all of a tree is stopped must ask so.
 */
export type Thoroughness = 'strays'

/** A container in one of its lives. */
export interface ContainerRef {
  readonly id: string
  /** ISO stamp as the engine gives it. */
  readonly startedAt: string
}

/** What is acted on: one incarnation of one agent, and what an earlier pause of ours stopped of it. */
export interface Target {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly runtime: Runtime
  /** Makes a fresh pass over the process table; `undefined` when the tree has ended. Processes only. */
  readonly snapshot?: (thoroughness?: Thoroughness) => Promise<TreeSnapshot | undefined>
  readonly container?: ContainerRef
  /** Processes that we stopped and have not resumed. Only these are ever continued. */
  readonly stopped: readonly ProcessKey[]
  /** Processes that were stopped already when we came: left as they are by a resume. */
  readonly stoppedByOthers: readonly ProcessKey[]
}

/** How a thing was done, from gentle to final; value of the label `rung`. */
export type Rung =
  | 'cooperative'
  | 'freezer'
  | 'docker_pause'
  | 'sigstop'
  | 'sigcont'
  | 'sigterm'
  | 'sigkill'
  | 'docker_stop'
  | 'docker_kill'
  | 'docker_update'

/** What a runtime did. `verified` is what the kernel or the engine said afterwards, never what we hoped. */
export interface Effect {
  /**
   * `done`: verified. `noop`: it was so already. `partial`: verified for a part only, `detail` says what is left.
   * `needs_foreground`: continued, but its terminal stopped it again. `gone`: that incarnation has ended.
   * `halted`: given up before the next step because `mayGoOn` said no. `failed`: `detail` says why.
   */
  readonly outcome: 'done' | 'noop' | 'partial' | 'needs_foreground' | 'gone' | 'halted' | 'failed'
  readonly rung: Rung
  /** Whether anything was done to the target at all: decides if a failed action may be tried again. */
  readonly touched: boolean
  readonly detail?: string
  /** After a pause: what we stopped, for the resume. */
  readonly stopped?: readonly ProcessKey[]
  readonly stoppedByOthers?: readonly ProcessKey[]
}

export interface EffectOptions {
  /** Monotonic milliseconds of the clock after which the effect gives up and says what it reached. */
  readonly deadlineMs: number
  /** Asked immediately before every signal, write or POST: false once the kill switch is engaged. */
  readonly mayGoOn: () => boolean
}

export interface TerminateOptions extends EffectOptions {
  /** Between the gentle and the final signal, milliseconds. */
  readonly graceMs: number
}

export interface Size {
  readonly memoryBytes?: number
  readonly cpus?: number
}

/** `partial`: some of it runs. `unknown`: it could not be read; never taken for anything else. */
export type Observation = 'running' | 'paused' | 'partial' | 'gone' | 'unknown'

/** Something that can be acted on. One file per kind, one contract suite for all. Nothing here throws. */
export interface RuntimeDriver {
  readonly kind: Runtime
  /** The incarnation that is there now under the target's name. */
  identify(target: Target): Promise<Incarnation | 'gone' | 'unknown'>
  pause(target: Target, options: EffectOptions): Promise<Effect>
  /** Only what we stopped. Never blocked by the kill switch: `mayGoOn` is not asked. */
  resume(target: Target, options: EffectOptions): Promise<Effect>
  terminate(target: Target, options: TerminateOptions): Promise<Effect>
  resize?(target: Target, size: Size, options: EffectOptions): Promise<Effect>
  observe(target: Target): Promise<Observation>
}
