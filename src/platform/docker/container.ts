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

/** The engine as seen by its list and event stream; reconnects by itself. */
export interface DockerEngine {
  /** `absent`: no socket. `unreachable`: a socket that does not answer as it should. */
  status(): EngineStatus
  /** Containers with an agent or sandbox label of their own, by full id; the last known while not connected. */
  containers(): ReadonlyMap<string, ContainerInfo>
  /** Full ids of every running or paused container, labelled or not. */
  runningIds(): ReadonlySet<string>
  on(listener: (change: ContainerChange) => void): Unsubscribe
  /** One reading of the stats API, for engines whose control groups are not files here. */
  stats(id: string): Promise<unknown>
  /** Resolves when the first list is in, or after a second; the rest goes on behind. */
  start(): Promise<void>
  stop(): Promise<void>
}
