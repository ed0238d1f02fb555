import type { Agent, AgentEvents, AgentId, Runtime } from '../agents/model.ts'
import type { Bus } from '../platform/bus.ts'
import type { Clock } from '../platform/clock.ts'
import type { Collector, HealthCheck } from '../platform/feature.ts'
import type { Log } from '../platform/log.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { RuntimeDriver, Target } from '../runtimes/model.ts'
import type { Fleet } from './facts.ts'
import type { ContainerStanding, ControlConfig } from './guard.ts'
import type { ActingLock, ControlDesk, ControlEvents, KillSwitch } from './model.ts'
import type { CopyStore } from './outbox.ts'
import type { PastLives } from './remains.ts'
import type { ControlStore } from './repository.ts'

export interface ControlDependencies {
  readonly clock: Clock
  readonly bootId: string
  readonly log: Log
  readonly bus: Bus<ControlEvents & AgentEvents>
  /** Always the SQLite file of this host. */
  readonly journal: ControlStore
  /** A database of many hosts that gets a copy. */
  readonly copy?: CopyStore
  /** For the spool file. */
  readonly dataDir: string
  readonly agents: Fleet
  readonly target: (
    agent: Agent,
    stopped: readonly ProcessKey[],
    stoppedByOthers: readonly ProcessKey[],
  ) => Target
  readonly runtimes: Partial<Record<Runtime, RuntimeDriver>>
  /** Who of a tree is stopped now (the process driver knows); without it a crash makes all of it ours. */
  readonly stoppedNow?: (target: Target) => Promise<readonly ProcessKey[] | undefined>
  /** What is left of trees whose root has ended; without it that is left to whoever finds it. */
  readonly pastLives?: PastLives
  /** Whether it opted in: registered with a budget, started by `run` with one, or labelled. */
  readonly enforced: (agent: Agent) => boolean
  /** Left out: what is not enforced counts as unlabelled. */
  readonly container?: (agent: Agent) => ContainerStanding | undefined
  /** This process and its ancestors. */
  readonly protectedPids: () => ReadonlySet<number>
  /** Whether we may signal processes of this user: our own, or all with CAP_KILL. */
  readonly mayActOnUid: (uid: number) => boolean
  readonly config: () => ControlConfig
  /** MemAvailable, undefined when it cannot be read; left out: no resize is refused for the host's sake. */
  readonly hostAvailableBytes?: () => number | undefined
  /**
   * The longest `deafFor` of all rules, in milliseconds: whatever was judged before a damaged journal was put aside
   * has been judged again after it. Ten minutes when left out.
   */
  readonly deafForMs?: () => number
  /** The journal is trusted again: what was only rehearsed may be asked for in earnest. */
  readonly onTrusted?: () => void
  /** Started and stopped by whoever made them. */
  readonly killSwitch: KillSwitch
  readonly lock: ActingLock
}

export interface ControlRoom {
  readonly desk: ControlDesk
  readonly collectors: readonly Collector[]
  health(): HealthCheck
  /** Its block in `GET /api/v1/agents/{id}`. */
  describe(agent: AgentId): object | undefined
  /**
   * Call when the damaged journal was put aside: everything automatic is a dry run until a person resets or the longest
   * `deafFor` has passed.
   */
  damaged(): void
  /** Reads the journal, takes up what was interrupted. After the kill switch, before whoever may ask for actions. */
  start(): Promise<void>
  /** Waits for effects under way, at most for two seconds, and writes down what is left. */
  stop(): Promise<void>
}
