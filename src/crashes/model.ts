import type { AgentId, Incarnation, Runtime } from '../agents/model.ts'
import type { KernelKill } from '../platform/kernel-log/oom.ts'
import type { OutputFacts } from './tail.ts'

/**
 * What killed it. `segfault`: SIGSEGV and SIGBUS, an access to memory that is not there. `abort`: SIGABRT, SIGILL,
 * SIGTRAP, SIGFPE and SIGSYS, the program or its runtime gave up. The record names the signal itself.
 * `memory_leak` and `sudden_spike`: its own allocations failed after memory grew steadily, or all at once.
 */
export const CRASH_CAUSES = [
  'oom_cgroup',
  'oom_host',
  'oom_child',
  'heap_limit',
  'memory_leak',
  'sudden_spike',
  'segfault',
  'abort',
  'killed',
  'error',
  'unknown',
] as const
export type CrashCause = (typeof CRASH_CAUSES)[number]

/**
 * How a life ended; label `reason` of `agent_exits_total`. `clean`: exit code 0. `stopped`: somebody asked it to end
 * (SIGTERM, SIGINT, `docker stop`). `terminated`: we did. `crashed`: none of these. `unknown`: nobody saw how.
 */
export const EXIT_REASONS = ['clean', 'stopped', 'terminated', 'crashed', 'unknown'] as const
export type ExitReason = (typeof EXIT_REASONS)[number]

export const CONFIDENCES = ['low', 'medium', 'high'] as const
export type Confidence = (typeof CONFIDENCES)[number]

/** How the main process ended, and who says so. Exactly one of `code` and `signal`. */
export interface ExitEvidence {
  /** `parent`: who waited for it. `engine`: the container engine. `zombie`: field 52 of its stat. `report`: somebody over HTTP. */
  readonly source: 'parent' | 'engine' | 'zombie' | 'report'
  readonly code?: number
  /** Name with `SIG`. */
  readonly signal?: string
}

/** What the container engine told while it happened. Wall clock in milliseconds. */
export interface EngineEvidence {
  /** `partial`: the stream was not there all the time before the end, so what is missing proves nothing. */
  readonly coverage: 'whole' | 'partial'
  readonly events: readonly {
    readonly action: 'oom' | 'kill' | 'die'
    readonly atMs: number
    readonly signal?: string
    readonly exitCode?: number
  }[]
}

/** `oom_kill` of the control group (memory.events, memory.oom_control). */
export interface GroupEvidence {
  /** Kills within two seconds before the end, or since the last look at a living agent. */
  readonly recentKills: number
  /** Kills in the whole life. */
  readonly totalKills: number
}

/** `oom_kill` of `/proc/vmstat` around the end. Counts kills in control groups, too. */
export interface HostEvidence {
  readonly kills: number
  /** Of these, kills that are known to be of somebody else. */
  readonly explained: number
}

export const MEMORY_TRENDS = ['growing', 'stable', 'shrinking', 'step', 'unknown'] as const
export type MemoryTrend = (typeof MEMORY_TRENDS)[number]

/** The last samples before the end. */
export interface MemoryEvidence {
  readonly lastBytes: number
  readonly peakBytes: number
  readonly averageBytes: number
  readonly limitBytes?: number
  readonly trend: MemoryTrend
  readonly growthBytesPerSecond?: number
}

/** What the kernel logged about OOM kills around the end. */
export interface KernelEvidence {
  /** `partial`: records were lost, or reading began too late. */
  readonly coverage: 'whole' | 'partial'
  /** Whose death is logged: the main process, or another process of the agent. Others are left out. */
  readonly kills: readonly { readonly whom: 'main' | 'child'; readonly kill: KernelKill }[]
}

/** A terminate of ours, from the journal. */
export interface OwnActionEvidence {
  readonly id: string
  readonly trigger: string
  readonly actor: string
  readonly atMs: number
}

/**
 * Everything that is known about one end, or about an incident in a life that goes on. A source that could not be read
 * is absent; one that was read and saw nothing is there and empty.
 */
export interface Evidence {
  readonly runtime: Runtime
  /** `alive`: its main process goes on. */
  readonly life: 'ended' | 'alive'
  /** Wall clock. `sample`: seen missing up to a sampling interval later. */
  readonly ended: { readonly atMs: number; readonly by: 'event' | 'sample' }
  /** Who reported it says that it was a crash. */
  readonly claim?: 'crash'
  readonly exit?: ExitEvidence
  readonly engine?: EngineEvidence
  /** `OOMKilled` of the container's state: some process of it was killed at some time. */
  readonly inspect?: { readonly oomKilled: boolean }
  readonly group?: GroupEvidence
  readonly host?: HostEvidence
  readonly kernel?: KernelEvidence
  readonly memory?: MemoryEvidence
  readonly output?: OutputFacts
  /** Terminates of this life that were begun before its end; absent when the journal could not be asked. */
  readonly actions?: readonly OwnActionEvidence[]
}

/** One thing that is known, in words. */
export interface EvidenceLine {
  readonly source:
    | 'exit'
    | 'engine'
    | 'inspect'
    | 'cgroup'
    | 'host'
    | 'kernel_log'
    | 'memory'
    | 'output'
    | 'journal'
  readonly says: string
}

/** What the evidence proves. */
export interface Verdict {
  /** `lives`: an incident in a life that goes on. */
  readonly reason: ExitReason | 'lives'
  /** Absent when nothing crashed. */
  readonly cause: CrashCause | undefined
  readonly confidence: Confidence
  readonly summary: string
  readonly evidence: readonly EvidenceLine[]
}

/** Whose end it is. */
export interface Subject {
  readonly agent: AgentId
  readonly incarnation: Incarnation
  readonly runtime: Runtime
  readonly role: string | undefined
  readonly pid: number | undefined
}

/**
 * How the daemon knows of a crash. `seen`: it saw the end itself. `told`: somebody with credentials said so, of an agent
 * that does not live here. `alleged`: an agent or a caller without credentials said so, or the agent lives: kept and
 * shown, and counted nowhere.
 */
export type Witness = 'seen' | 'told' | 'alleged'

/** One crash as it is kept. Immutable but for `occurrences` and `lastAtMs`. */
export interface CrashRecord {
  readonly id: string
  /** The daemon that saw it, or that reported it. */
  readonly origin: string
  readonly witness: Witness
  readonly agent: AgentId
  readonly incarnation: Incarnation | undefined
  readonly runtime: Runtime | undefined
  readonly role: string | undefined
  readonly pid: number | undefined
  /** Wall clock in milliseconds. */
  readonly atMs: number
  /** Children killed one after the other in a living agent are one record. */
  readonly occurrences: number
  readonly lastAtMs: number
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  /** What a reporter said, filtered. */
  readonly reported: string | undefined
  readonly verdict: Verdict
  readonly memory: MemoryEvidence | undefined
  /** Redacted and bounded. */
  readonly lastOutput: string | undefined
  readonly recommendations: readonly string[]
}

/** What the room tells the others. */
export type CrashEvents = {
  /** Every end of a life, also a clean one. */
  'agent.ended': { readonly subject: Subject; readonly verdict: Verdict; readonly atMs: number }
  /** A crash, or a child that was killed for memory in an agent that lives on. */
  'agent.crashed': { readonly record: CrashRecord }
}
