import type { HistoryPoint } from '../agents/history.ts'
import type { MemoryEvidence, MemoryTrend } from './model.ts'

/** What the memory files of a group say at this moment. */
export interface GroupNow {
  readonly oomKills: number | undefined
  readonly workingSetBytes: number | undefined
  readonly peakBytes: number | undefined
  readonly limitBytes: number | undefined
}

/** What a room that follows memory knows better than the last samples alone. */
export interface KnownTrend {
  readonly trend: MemoryTrend
  readonly growthBytesPerSecond?: number | undefined
}

const MIB = 1024 * 1024
/** Growth within `STEP_MS` that is no drift: more than this, and a quarter of what there is. */
const STEP_BYTES = 100 * MIB
const STEP_SHARE = 0.25
const STEP_MS = 10_000
/** Fewer samples, or less time, show no direction. */
const LEAST_POINTS = 10
const LEAST_MS = 60_000
/** Growth of the lowest values by this share from the first half to the second is a direction. */
const DRIFT_SHARE = 0.1

/**
 * Memory before the end, from the samples that were taken while it lived; undefined when there is none. A container is
 * looked at by its working set, which the kernel's limit is about, a process by its resident memory.
 *
 * @param points oldest first, on the monotonic clock
 */
export function memoryEvidence(
  points: readonly HistoryPoint[],
  limitBytes: number | undefined,
  known: KnownTrend | undefined,
): MemoryEvidence | undefined {
  const samples: Sample[] = []
  for (const { atMs, workingSetBytes, rssBytes } of points) {
    const bytes = workingSetBytes ?? rssBytes
    if (bytes !== undefined) samples.push({ atMs, bytes })
  }
  const last = samples.at(-1)
  if (last === undefined) return undefined
  const growth = known?.growthBytesPerSecond
  return {
    lastBytes: last.bytes,
    peakBytes: samples.reduce((peak, { bytes }) => Math.max(peak, bytes), 0),
    averageBytes: Math.round(samples.reduce((sum, { bytes }) => sum + bytes, 0) / samples.length),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    trend: known === undefined || known.trend === 'unknown' ? trendOf(samples, last) : known.trend,
    ...(growth === undefined ? {} : { growthBytesPerSecond: growth }),
  }
}

/** What a group said of itself at its last moment, put on top of the samples, which are up to a second older. */
export function withLastMoment(
  memory: MemoryEvidence | undefined,
  now: GroupNow | undefined,
): MemoryEvidence | undefined {
  const bytes = now?.workingSetBytes
  if (now === undefined || bytes === undefined) return memory
  const limitBytes = memory?.limitBytes ?? now.limitBytes
  return {
    averageBytes: memory?.averageBytes ?? bytes,
    trend: memory?.trend ?? 'unknown',
    ...memory,
    lastBytes: bytes,
    peakBytes: Math.max(memory?.peakBytes ?? 0, now.peakBytes ?? 0, bytes),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  }
}

interface Sample {
  readonly atMs: number
  readonly bytes: number
}

/** Coarse: only what is plain to see, because nothing but the words of a judgement hangs on it. */
function trendOf(samples: readonly Sample[], last: Sample): MemoryTrend {
  const before = samples.findLast(({ atMs }) => last.atMs - atMs >= STEP_MS) ?? samples[0]!
  const rise = last.bytes - before.bytes
  if (rise > STEP_BYTES && rise > STEP_SHARE * last.bytes) return 'step'
  const first = samples[0]!
  if (samples.length < LEAST_POINTS || last.atMs - first.atMs < LEAST_MS) return 'unknown'
  const middle = (first.atMs + last.atMs) / 2
  const floor = (half: readonly Sample[]) => half.reduce((low, { bytes }) => Math.min(low, bytes), Infinity)
  const early = floor(samples.filter(({ atMs }) => atMs < middle))
  const late = floor(samples.filter(({ atMs }) => atMs >= middle))
  if (late > early * (1 + DRIFT_SHARE)) return 'growing'
  return late < early * (1 - DRIFT_SHARE) ? 'shrinking' : 'stable'
}
