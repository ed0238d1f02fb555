import type { Agent } from './agents/model.ts'
import type { ConfigHolder } from './config/holder.ts'
import type { Clock } from './platform/clock.ts'
import type { Feature } from './platform/feature.ts'
import type { FilesystemsOptions } from './platform/host/filesystems.ts'
import type { Log } from './platform/log.ts'

export const DEFAULT_LISTEN_ADDRESS = '127.0.0.1:10780'

/** Names of `collect[]` and of `--[no-]collector.<name>`, in the order in which they are printed. */
export const COLLECTOR_NAMES = [
  'agents',
  'process',
  'container',
  'host',
  'usage',
  'exhaustion',
  'memory',
  'crashes',
  'control',
  'alerts',
  'events',
  'self',
] as const
export type CollectorName = (typeof COLLECTOR_NAMES)[number]

/** What a room from outside may use. It acts on nobody: there is one door for that, and it is not handed out. */
export interface AdditionParts {
  readonly clock: Clock
  readonly log: Log
  /** Where the proc file system is; what is read below it can be read from a copy in a test. */
  readonly procRoot: string
  /** All agents that are known, oldest first, those that ended a while ago included. */
  readonly agents: () => Iterable<Agent>
}

/** Makes a room of somebody else's: collectors, routes, a part of `/health`, a start and a stop. */
export type Addition = (parts: AdditionParts) => Feature

/** Everything the daemon is told from outside: the configuration and the flags. */
export interface Settings {
  readonly config: ConfigHolder
  readonly clock: Clock
  readonly log: Log
  readonly dataDir: string
  readonly listenAddresses: readonly string[]
  readonly webConfigFile: string | undefined
  readonly maxRequests: number
  readonly procRoot: string
  readonly cgroupRoot: string
  readonly processReader: 'proc' | 'pidusage' | 'auto'
  readonly disabledCollectors: readonly string[]
  /** Where the engine is looked for (`DOCKER_HOST` and its like); that of this process when left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Rooms beside our own, which start after them and stop before them. */
  readonly additions?: readonly Addition[]
  /** How the space of a file system is asked for; `fs.statfs` when left out. */
  readonly statfs?: NonNullable<FilesystemsOptions['statfs']>
}
