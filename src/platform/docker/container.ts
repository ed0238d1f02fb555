import type { Unsubscribe } from '../bus.ts'

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

/** What the engine says of one container (list + inspect). */
export interface ContainerInfo {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: ContainerState
  /** ISO stamp as the engine gives it; with the id it is the container's incarnation. */
  readonly startedAt: string
  readonly finishedAt: string | undefined
  readonly exitCode: number | undefined
  readonly oomKilled: boolean
  readonly restarts: number
  /** Main process on this host; absent when not running or on a remote engine. */
  readonly pid: number | undefined
  /** Labels put on by who created the container; a label equal to the image's own label is not here. */
  readonly labels: Readonly<Record<string, string>>
  readonly memoryLimitBytes: number | undefined
  readonly cpuLimitCores: number | undefined
  readonly pidsLimit: number | undefined
}

/** Labels that make a container an agent or a sandbox; others are listed and never looked at closer. */
export const AGENT_LABEL = 'agent-exporter.agent'
export const SANDBOX_LABEL = 'agent-exporter.sandbox'
export const ROLE_LABEL = 'agent-exporter.role'
/** `true`: an intervention may act on this container (CONTRACT §7). */
export const ENFORCE_LABEL = 'agent-exporter.enforce'
/** Name of a set of limits. */
export const PROFILE_LABEL = 'agent-exporter.profile'

/** What happened to a container with an agent or sandbox label. */
export type ContainerChange =
  | { readonly kind: 'appeared'; readonly container: ContainerInfo }
  | { readonly kind: 'changed'; readonly container: ContainerInfo; readonly previous: ContainerInfo }
  | { readonly kind: 'removed'; readonly container: ContainerInfo }
  | ContainerIncident

/**
 * Evidence for the cause of a death, as it comes and before the container is inspected again: `oom` arrives
 * some 30 ms before `die`, when the group can still be read.
 */
export interface ContainerIncident {
  readonly kind: 'incident'
  readonly action: 'oom' | 'kill' | 'die'
  readonly container: ContainerInfo
  /** Wall clock of the engine in milliseconds. */
  readonly at: number
  readonly exitCode: number | undefined
  readonly signal: string | undefined
}

export interface EngineStatus {
  readonly state: 'connecting' | 'connected' | 'absent' | 'unreachable'
  readonly detail?: string
  readonly version?: string
}

/**
 * What the engine says of one container at this moment, for whoever is about to act on it. Unlike `ContainerInfo`
 * it is of any container, labelled or not.
 */
export interface ContainerNow extends Omit<ContainerInfo, 'labels'> {
  /** Labels of the container and its image together. */
  readonly allLabels: Readonly<Record<string, string>>
  /** Without those the image brought along; undefined when the image could not be asked. */
  readonly ownLabels: Readonly<Record<string, string>> | undefined
  /** Memory and swap together; undefined without such a limit. */
  readonly memorySwapLimitBytes: number | undefined
  /** Length of a CFS period in microseconds where the limit was given as quota; undefined where as cores or not at all. */
  readonly cpuPeriodUs: number | undefined
}

/** `noop`: the engine says that it was so already. */
export type PostOutcome = 'done' | 'noop'

/** Limits to set; what is left out stays. */
export interface ContainerLimits {
  readonly memoryBytes?: number
  /** Memory and swap together, −1 for no limit. */
  readonly memorySwapBytes?: number
  readonly cpus?: number
  /** Set for a container whose CPU limit was given as quota: engines refuse to mix the two. */
  readonly cpuPeriodUs?: number
}

/**
 * The only ways of this product to act on a container. Every method takes the whole id, asks the engine now and not
 * what is remembered, and fails with a DockerFailure: `not_found` when there is no such container, `no_answer` after
 * `withinMs` — then it may have been done or may still be.
 */
export interface EngineActions {
  inspectNow(id: string, withinMs: number): Promise<ContainerNow>
  pause(id: string, withinMs: number): Promise<PostOutcome>
  unpause(id: string, withinMs: number): Promise<PostOutcome>
  /** SIGTERM (or what the image says), then SIGKILL after `graceSeconds`, by the engine itself. Answers when it has ended. */
  stop(id: string, graceSeconds: number, withinMs: number): Promise<PostOutcome>
  kill(id: string, signal: 'SIGTERM' | 'SIGKILL', withinMs: number): Promise<PostOutcome>
  update(id: string, limits: ContainerLimits, withinMs: number): Promise<PostOutcome>
}

/** The engine as seen by its list and event stream; reconnects by itself. */
export interface DockerEngine {
  /** `absent`: no socket. `unreachable`: a socket that does not answer as it should. */
  status(): EngineStatus
  /** Wall clock since when no event was missed; undefined while not connected. */
  coveredSince(): number | undefined
  /** Containers with an agent or sandbox label of their own, by full id; the last known while not connected. */
  containers(): ReadonlyMap<string, ContainerInfo>
  /** Full ids of every running or paused container, labelled or not. */
  runningIds(): ReadonlySet<string>
  on(listener: (change: ContainerChange) => void): Unsubscribe
  /** One reading of the stats API, for engines whose control groups are not files here. */
  stats(id: string): Promise<unknown>
  /** Over connections of their own: they work whenever the engine answers, also while its event stream is broken. */
  readonly actions: EngineActions
  /** Resolves when the first list is in, or after a second; the rest goes on behind. */
  start(): Promise<void>
  stop(): Promise<void>
}
