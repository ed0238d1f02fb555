import type { Phase } from '../exhaustion/model.ts'
import type { Clock } from '../platform/clock.ts'
import type { DeliverableType, FileOperation } from '../usage/model.ts'

export type { DeliverableType, FileOperation, Phase }

/** Tokens of one call by type; a bare number counts as `unspecified`. */
export type TokenUsage =
  | number
  | {
      readonly input?: number
      readonly output?: number
      readonly cacheRead?: number
      readonly cacheWrite?: number
      readonly provider?: string
      readonly model?: string
    }

/** Body of `POST /api/v1/agents/{id}/usage`. */
export interface UsageReport {
  readonly files?: readonly { readonly op: FileOperation; readonly count?: number }[]
  /** All calls, those that failed included. */
  readonly apiCalls?: number
  readonly failedApiCalls?: number
  readonly tokens?: TokenUsage
  /** Of calls and costs without tokens that say it. */
  readonly provider?: string
  readonly model?: string
  readonly subtasks?: number
  readonly costUsd?: number
  /** Who measured it; the daemon takes one source per quantity. */
  readonly source?: string
  /** When it happened, ISO 8601; the time of `record` when left out. */
  readonly at?: string
}

/** Answer of `GET /api/v1/agents/{id}/gate`. */
export interface GateAnswer {
  readonly allowed: boolean
  readonly phase: Phase
  readonly reason?: string
  /** Milliseconds. */
  readonly retryAfterMs?: number
}

export type WaitOutcome = 'resumed' | 'terminated' | 'removed' | 'timeout' | 'not_paused'

export interface WaitOptions {
  /** For ever when left out. */
  readonly timeoutMs?: number
  /** Rejects the wait with its reason. */
  readonly signal?: AbortSignal
}

export interface ActionOptions {
  readonly reason?: string
  /** Only write down what would be done. */
  readonly dryRun?: boolean
  /** Answer with the verified outcome if it is there within this time; at most 60,000. */
  readonly waitMs?: number
}

export interface ResumeOptions extends ActionOptions {
  /** By how much limits are higher in the epoch that the resume opens: `{ maxTokensConsumed: 50_000 }`. */
  readonly extraBudget?: Readonly<Record<string, number>>
}

/** The journal's entry as the daemon answers it. */
export interface ActionAnswer {
  readonly actionId: string
  readonly status: string
  readonly [field: string]: unknown
}

export interface RegisterOptions {
  readonly role?: string
  readonly workspace?: string
}

/**
 * Why records were given up. `code`: the daemon's (`AE_…`), or `OVERFLOW` (the buffer is full), `UNSENDABLE` (not
 * JSON, or longer than 16 KiB), `CLOSED` (recorded after, or not sent before, the end of `close`).
 */
export interface Drop {
  readonly code: string
  readonly count: number
  readonly detail: string
}

export interface ClientStats {
  /** Records and deliverables that the daemon has acknowledged. */
  readonly sent: number
  /** Not acknowledged yet, those under way included. */
  readonly buffered: number
  readonly dropped: number
  /** Attempts that failed and were followed by another. */
  readonly retries: number
}

export interface ClientOptions {
  /** Address of the daemon; else `AGENT_EXPORTER_URL`, else `http://127.0.0.1:10780`. */
  readonly url?: string
  /** Bearer token; else `AGENT_EXPORTER_TOKEN`. Without one the daemon believes processes of the agent's own user. */
  readonly token?: string
  /** Id of the agent; else `AGENT_EXPORTER_AGENT`. */
  readonly agent?: string
  readonly fetch?: typeof globalThis.fetch
  readonly clock?: Clock
  /** Records kept while the daemon does not answer; 10,000 by default. Beyond it the newest are dropped. */
  readonly maxBuffered?: number
  /** How long a record waits for others at most; 1,000 by default. */
  readonly flushIntervalMs?: number
  readonly onDrop?: (drop: Drop) => void
}

/** One agent's connection to the daemon. */
export interface Client {
  /** Buffers one report. Never throws and never blocks. */
  record(usage: UsageReport): void
  recordFileOperation(op: FileOperation, count?: number): void
  recordApiCall(tokens?: TokenUsage): void
  recordSubtaskSpawn(count?: number): void
  /** A checkpoint: resets the time without a deliverable. Buffered, in order with the reports. */
  recordDeliverable(type: DeliverableType, description?: string, artifacts?: readonly string[]): void
  /** Makes the agent known; needed once for one without a process or container that the daemon finds. @throws DaemonError */
  register(options?: RegisterOptions): Promise<void>
  /** May the next step begin? One question, asked once. @throws DaemonError */
  gate(): Promise<GateAnswer>
  /**
   * Resolves when the agent may go on or will never. Goes on over restarts of the daemon and lost connections.
   * @throws DaemonError when the daemon refuses the question; the signal's reason when it aborts.
   */
  waitForResume(options?: WaitOptions): Promise<WaitOutcome>
  /** Needs a token with the scope control, as the next two. @throws DaemonError */
  pause(options?: ActionOptions): Promise<ActionAnswer>
  resume(options?: ResumeOptions): Promise<ActionAnswer>
  terminate(options?: ActionOptions): Promise<ActionAnswer>
  /** Sends what is buffered now. `timeout`: not all of it was acknowledged or dropped in time (10 s by default). */
  flush(timeoutMs?: number): Promise<'flushed' | 'timeout'>
  /** Flushes for up to `timeoutMs` (5 s by default), gives up the rest and counts it as dropped. */
  close(timeoutMs?: number): Promise<void>
  stats(): ClientStats
}

/** The daemon cannot be asked (`code` is `UNREACHABLE`, `status` undefined) or refuses. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError'
  readonly code: string
  readonly status: number | undefined

  constructor(code: string, detail: string, status: number | undefined, options?: ErrorOptions) {
    super(detail, options)
    this.code = code
    this.status = status
  }
}
