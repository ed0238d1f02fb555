import type { AgentId } from '../agents/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { DaemonLink } from './daemon-link.ts'

/** One command to be started as an agent. */
export interface LaunchRequest {
  readonly command: readonly string[]
  readonly id: AgentId
  readonly role: string | undefined
  readonly profile: string | undefined
  readonly budget: Readonly<Record<string, number>>
  /** `measure`: watch only. `enforce`: limits act. `require`: and the command does not begin without that. */
  readonly mode: 'measure' | 'enforce' | 'require'
  /** What becomes of processes that outlive the command. */
  readonly leftovers: 'end' | 'keep'
  /** Between SIGTERM and SIGKILL for the whole tree, when we are told to end, milliseconds. */
  readonly graceMs: number
}

export interface LaunchOptions {
  readonly clock: Clock
  readonly link: DaemonLink
  readonly url: string
  readonly cwd: string
  readonly environment: NodeJS.ProcessEnv
  /** Ingest token of this agent alone; `undefined` without a control token to make it of. */
  readonly token: string | undefined
  /** Where the control token was looked for. */
  readonly dataDir: string
  /** Names of agent programs; asked late, because the configuration takes a while to read. */
  readonly commands: () => Promise<ReadonlySet<string>>
  /** What a person must know. */
  readonly warn: (line: string) => void
  /** What a person may like to know. */
  readonly note: (line: string) => void
}
