import type { MemoryState } from './judge.ts'
import { averageBytes } from './watermarks.ts'

const HOUR_MS = 3_600_000

/** The block of one agent in `GET /api/v1/agents/{id}`. */
export function describeMemory({ level, trend, watermarks, followed, slots }: MemoryState): object {
  const { judged } = level
  const lastHour = slots.envelope(HOUR_MS)
  return {
    level: judged === undefined ? undefined : level.level,
    basis: judged?.basis,
    judgedBytes: judged?.bytes,
    limitBytes: judged?.limitBytes,
    thresholds: judged?.thresholds,
    trend: trend.trend,
    trendBasis: followed?.basis,
    growthBytesPerSecond: trend.growthBytesPerSecond,
    timeToLimit: trend.timeToLimit,
    highWatermarkBytes: watermarks.highBytes,
    lowWatermarkBytes: watermarks.lowBytes,
    averageBytes: lastHour && averageBytes(lastHour),
  }
}
