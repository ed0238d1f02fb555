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

/** The engine as seen by its list and event stream; reconnects by itself. */
export interface DockerEngine {
  /** `absent`: no socket. `unreachable`: a socket that does not answer as it should. */
  status(): {
    readonly state: 'connecting' | 'connected' | 'absent' | 'unreachable'
    readonly detail?: string
    readonly version?: string
  }
  containers(): ReadonlyMap<string, ContainerInfo>
  start(): Promise<void>
  stop(): Promise<void>
}
