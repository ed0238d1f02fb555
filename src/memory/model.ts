/** How near an agent is to the end of its memory, from good to bad. */
export const LEVELS = ['healthy', 'warning', 'critical', 'oom_imminent'] as const
export type Level = (typeof LEVELS)[number]
/** The levels that have a threshold. */
export const BAD_LEVELS = ['warning', 'critical', 'oom_imminent'] as const
export type BadLevel = (typeof BAD_LEVELS)[number]

/** Where the memory of an agent is going. `step`: it jumped once, or is still warming up. */
export const TRENDS = ['growing', 'stable', 'shrinking', 'step', 'unknown'] as const
export type Trend = (typeof TRENDS)[number]

/** What was compared with a limit: what its runtime says, unreclaimable, in use by its control group, resident. */
export const BASES = ['heap', 'anon', 'working_set', 'rss'] as const
export type Basis = (typeof BASES)[number]

export const ALERT_TYPES = ['warning', 'critical', 'oom_imminent', 'trend_warning', 'recovered'] as const
export type AlertType = (typeof ALERT_TYPES)[number]

/** What was read of one agent at one moment. Bytes and seconds; `undefined` = not read, never 0. */
export interface MemorySample {
  /** From inside the agent: used now, left by the last full collection, and the most it may use. */
  readonly heapUsedBytes?: number | undefined
  readonly heapAfterGcBytes?: number | undefined
  readonly heapLimitBytes?: number | undefined
  /** `anon` of the control group's `memory.stat`, or the sum of RssAnon of the processes. */
  readonly anonBytes?: number | undefined
  readonly rssBytes?: number | undefined
  readonly swapBytes?: number | undefined
  readonly workingSetBytes?: number | undefined
  /** Tightest limit of the control groups. Undefined beside a working set that was read: no limit. */
  readonly limitBytes?: number | undefined
  /** MemAvailable of the host. */
  readonly hostAvailableBytes?: number | undefined
  /** Counter: time in which all tasks of the control group waited for memory (PSI full). */
  readonly stalledSeconds?: number | undefined
}

/** Bytes at which each level begins. */
export type LevelThresholds = Readonly<Record<BadLevel, number>>

/** Section `memory` of the configuration, decoded. */
export interface MemoryConfig {
  /** For agents without a limit of their own. */
  readonly thresholds: {
    readonly warningBytes: number
    readonly criticalBytes: number
    readonly oomImminentBytes: number
  }
  /** Shares of the tightest limit. */
  readonly limitRatios: {
    readonly warning: number
    readonly critical: number
    readonly oomImminent: number
  }
  readonly trend: { readonly warningHorizonMs: number }
  readonly alertCooldownMs: number
}

/** Seconds until the limit is reached if the growth goes on: at the peaks, and at the middle of the sawtooth. */
export interface TimeToLimit {
  readonly lowSeconds: number
  readonly midSeconds: number
}

export function isWorse(a: Level, b: Level): boolean {
  return LEVELS.indexOf(a) > LEVELS.indexOf(b)
}
