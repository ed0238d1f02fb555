import type { MemoryAlert } from '../memory/alerts.ts'
import { freshMemory, type JudgeConfig, judgeMemory, rebornMemory } from '../memory/judge.ts'
import type { AlertType, Level, Trend } from '../memory/model.ts'
import type { TraceRow } from './trace.ts'

/** What is printed of one moment; the keys are public. */
export interface ReplayLine {
  /** Seconds, as in the trace. */
  readonly t: number
  readonly level: Level
  readonly trend: Trend
  /** Null while it cannot be told. */
  readonly growthBytesPerSecond: number | null
  /** Until the peaks reach the limit; null unless the memory grows towards a known limit. */
  readonly limitReachedSeconds: number | null
  /** Types of the alerts that were raised at this moment. */
  readonly alerts: readonly AlertType[]
}

export interface ReplayStep {
  readonly line: ReplayLine
  /** `minute`: nothing happened, but a minute of the trace has passed. */
  readonly why: 'change' | 'minute'
  readonly raised: readonly MemoryAlert[]
}

export interface ReplaySummary {
  readonly rows: number
  /** Rows in which neither number was read. */
  readonly failedReads: number
  readonly restarts: number
  readonly seconds: number
  readonly peakRssBytes: number | undefined
  /** Seconds of the trace on each level. */
  readonly secondsAt: Readonly<Partial<Record<Level, number>>>
  readonly alerts: Readonly<Partial<Record<AlertType, number>>>
  /** When the trend said so for the first time. */
  readonly firstGrowingAt: number | undefined
}

export interface Replay {
  /** The next row, judged; undefined when there is nothing to tell. */
  step(row: TraceRow): ReplayStep | undefined
  summary(): ReplaySummary
}

const TICK_SECONDS = 60
/** The time between two rows is what it mostly was lately. */
const GAPS = 15

/**
 * A recorded trace run through the judges of the daemon, one row after the other. Of a limit that was not read the
 * last one holds.
 * @param limitBytes where the trace does not name one
 */
export function createReplay(config: JudgeConfig, limitBytes: number | undefined): Replay {
  let state = freshMemory(config)
  let incarnation: string | undefined
  let limit = limitBytes
  let said: ReplayLine | undefined
  let first: number | undefined
  let last = 0
  let tick = 0
  const pace = createPace(config)
  const counts = { rows: 0, failedReads: 0, restarts: 0 }
  const secondsAt: Partial<Record<Level, number>> = {}
  const alerts: Partial<Record<AlertType, number>> = {}
  let peakRssBytes: number | undefined
  let firstGrowingAt: number | undefined

  function count({ seconds, sample: { rssBytes, heapUsedBytes } }: TraceRow): void {
    counts.rows++
    if (rssBytes === undefined && heapUsedBytes === undefined) counts.failedReads++
    if (rssBytes !== undefined) peakRssBytes = Math.max(peakRssBytes ?? 0, rssBytes)
    if (said !== undefined) secondsAt[said.level] = (secondsAt[said.level] ?? 0) + seconds - last
    first ??= seconds
    last = seconds
  }

  return {
    step(row) {
      count(row)
      const { seconds, sample } = row
      const isReborn =
        row.incarnation !== undefined && incarnation !== undefined && row.incarnation !== incarnation
      incarnation = row.incarnation ?? incarnation
      if (isReborn) {
        counts.restarts++
        state = rebornMemory(state, config)
        limit = limitBytes
      }
      limit = sample.limitBytes ?? limit
      const judged = { ...config, intervalMs: pace(seconds) }
      const [next, verdicts] = judgeMemory(state, { ...sample, limitBytes: limit }, judged, seconds * 1_000)
      state = next
      const raised = verdicts.flatMap((verdict) => (verdict.kind === 'alert' ? [verdict.alert] : []))
      for (const { type } of raised) alerts[type] = (alerts[type] ?? 0) + 1
      const { level, trend } = state
      if (trend.trend === 'growing') firstGrowingAt ??= seconds
      const isChange = said?.level !== level.level || said.trend !== trend.trend || raised.length > 0
      if (!isChange && seconds < tick) return undefined
      if (said === undefined) tick = seconds
      while (tick <= seconds) tick += TICK_SECONDS * Math.max(1, Math.floor((seconds - tick) / TICK_SECONDS))
      said = {
        t: seconds,
        level: level.level,
        trend: trend.trend,
        growthBytesPerSecond: rounded(trend.growthBytesPerSecond),
        limitReachedSeconds: rounded(trend.timeToLimit?.lowSeconds),
        alerts: raised.map(({ type }) => type),
      }
      return { line: said, why: isChange ? 'change' : 'minute', raised }
    },
    summary: () => ({
      ...counts,
      seconds: first === undefined ? 0 : last - first,
      ...{ peakRssBytes, secondsAt, alerts, firstGrowingAt },
    }),
  }
}

/** How often the agent was looked at, which the judges have to know: what is rare is no silence. */
function createPace({ intervalMs }: JudgeConfig): (seconds: number) => number {
  const gaps: number[] = []
  let before: number | undefined
  let usual: number | undefined
  return (seconds) => {
    const gap = before === undefined ? 0 : (seconds - before) * 1_000
    before = seconds
    if (gap <= 0) return usual ?? intervalMs
    gaps.push(gap)
    if (usual === undefined || gaps.length === GAPS) {
      usual = Math.max(intervalMs, gaps.toSorted((a, b) => a - b)[gaps.length >> 1]!)
    }
    if (gaps.length === GAPS) gaps.length = 0
    return usual
  }
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value)
}
