import { cpuSeconds, type HistoryPoint } from './history.ts'
import type { Agent } from './model.ts'

/** Long enough for the ticks of the kernel to say something, short enough to be now. */
const CPU_WINDOW_MS = 10_000

/**
 * Percent of one core, over the last seconds; undefined when two samples are not there.
 * @param nowMs monotonic milliseconds
 */
export function cpuPercent(
  { endedAtMs, history, reading }: Pick<Agent, 'endedAtMs' | 'history' | 'reading'>,
  nowMs: number,
): number | undefined {
  if (endedAtMs !== undefined || cpuSeconds(reading) === undefined) return undefined
  const points = history.points(nowMs - CPU_WINDOW_MS).filter((point) => point.cpuSeconds !== undefined)
  return cpuBetween(points[0], points.at(-1))
}

/** Between two kept samples; undefined when one was not read. */
export function cpuBetween(a: HistoryPoint | undefined, b: HistoryPoint | undefined): number | undefined {
  if (a?.cpuSeconds === undefined || b?.cpuSeconds === undefined || b.atMs <= a.atMs) return undefined
  return (100_000 * Math.max(0, b.cpuSeconds - a.cpuSeconds)) / (b.atMs - a.atMs)
}
