import type { AgentId } from '../agents/model.ts'

/** The seed's words for how near an agent is to the end of its memory. */
export const ALERT_LEVELS = ['normal', 'warning', 'critical', 'oom_imminent'] as const
export type AlertLevel = (typeof ALERT_LEVELS)[number]

/** What is measured and judged of an agent, in the seed's words. `undefined`: not known, never 0. */
export interface Measured {
  readonly pid: number | undefined
  readonly rssBytes: number | undefined
  readonly heapUsedBytes: number | undefined
  /** Of one core. */
  readonly cpuPercent: number | undefined
  readonly trend: string | undefined
  /** Bytes. */
  readonly trendRatePerMinute: number | undefined
  readonly alertLevel: AlertLevel | undefined
  readonly highWatermark: number | undefined
  readonly lowWatermark: number | undefined
  readonly averageRss: number | undefined
  readonly limitBytes: number | undefined
  readonly uptimeMs: number | undefined
  readonly startedAtMs: number | undefined
}

/** What another daemon says of one agent at one moment. */
export interface RemoteSample extends Measured {
  readonly agent: AgentId
  /** When it was taken, by the clock of the daemon that took it: the same sample told again has the same. */
  readonly toldAtMs: number
  /** The same, never later than it was told. Wall clock, milliseconds. */
  readonly atMs: number
  readonly status: string | undefined
  readonly heapTotalBytes: number | undefined
}

/** A sample as it is kept: who told it. */
export interface KeptSample extends RemoteSample {
  /** Name of the token of the daemon. */
  readonly origin: string
}

/** What a stretch of history comes to. */
export interface MemoryStats {
  readonly count: number
  readonly avgRss: number | undefined
  readonly maxRss: number | undefined
  readonly minRss: number | undefined
}

/** The seed marks a daemon offline when it has been silent for so long. */
export const OFFLINE_AFTER_MS = 120_000
