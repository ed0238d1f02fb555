import type { HistogramValue } from '../exposition/snapshot.ts'
import { FAILURE_REASONS, type FailureReason } from './failure.ts'

export const LANES = ['durable', 'batch'] as const
/** `durable`: on disk when acknowledged, goes first. `batch`: consistent, the last commits may be lost at a power cut. */
export type Lane = (typeof LANES)[number]

/** `queue_full`: the buffer was full. `rejected`: the engine refused the row. `closed`: not written at the end. */
export const DROP_REASONS = ['queue_full', 'rejected', 'closed'] as const
export type DropReason = (typeof DROP_REASONS)[number]

/** A sync costs 0.1 ms on fast flash and 200 ms on a busy disk. */
export const COMMIT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] as const

export interface StoreStats {
  readonly up: boolean
  /** Statements and batched rows that were committed. */
  readonly writes: Readonly<Record<Lane, number>>
  readonly failures: Readonly<Record<FailureReason, number>>
  readonly dropped: Readonly<Record<DropReason, number>>
  readonly queueLength: Readonly<Record<Lane, number>>
  readonly commits: Readonly<Record<Lane, HistogramValue>>
  /** Database and write-ahead log; undefined when not known (PostgreSQL). */
  readonly sizeBytes: number | undefined
  readonly quarantines: number
  /** Times the store came back by itself. */
  readonly recoveries: number
}

/** Counts since the start, written by the store's parts. */
export interface StoreCounters {
  readonly writes: Record<Lane, number>
  readonly failures: Record<FailureReason, number>
  readonly dropped: Record<DropReason, number>
  readonly commits: Record<Lane, { counts: number[]; sum: number; count: number }>
  sizeBytes: number | undefined
  quarantines: number
  recoveries: number
  observeCommit(lane: Lane, seconds: number): void
  /** A copy that does not change any more. */
  snapshot(): Omit<StoreStats, 'up' | 'queueLength'>
}

export function createStoreCounters(): StoreCounters {
  const empty = () => ({ counts: COMMIT_BUCKETS.map(() => 0), sum: 0, count: 0 })
  const zeros = <Key extends string>(keys: readonly Key[]) =>
    Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>
  const commits = { durable: empty(), batch: empty() }
  const counters: StoreCounters = {
    writes: zeros(LANES),
    failures: zeros(FAILURE_REASONS),
    dropped: zeros(DROP_REASONS),
    commits,
    sizeBytes: undefined,
    quarantines: 0,
    recoveries: 0,
    observeCommit(lane, seconds) {
      const histogram = commits[lane]
      const bucket = COMMIT_BUCKETS.findIndex((bound) => seconds <= bound)
      if (bucket >= 0) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1
      histogram.sum += seconds
      histogram.count += 1
    },
    snapshot() {
      const { writes, failures, dropped, sizeBytes, quarantines, recoveries } = counters
      return structuredClone({ writes, failures, dropped, commits, sizeBytes, quarantines, recoveries })
    },
  }
  return counters
}
