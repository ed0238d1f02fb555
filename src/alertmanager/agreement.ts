import type { Runtime } from '../agents/model.ts'

/** CPU that was used in all, at a time. */
export interface CpuPoint {
  /** Monotonic milliseconds. */
  readonly atMs: number
  readonly cpuSeconds: number | undefined
}

/** What we measure ourselves of an agent that stands still for an alert. Times are monotonic milliseconds. */
export interface Measured {
  readonly runtime: Runtime
  /** When its pause was verified. */
  readonly heldAtMs: number
  /** For how long it must have been quiet. */
  readonly minHoldMs: number
  /** Of the youngest record of use; undefined when none was ever told. */
  readonly lastUseAtMs: number | undefined
  /** Samples since the pause, oldest first. */
  readonly cpu: readonly CpuPoint[]
  /** Time between two samples. */
  readonly sampleMs: number
  /** Undefined: not judged. */
  readonly memory: 'healthy' | 'worse' | undefined
  readonly budget: 'normal' | 'worse' | undefined
  /** Whoever scraped us regularly has stopped to. */
  readonly scraping: 'stopped' | 'not_stopped'
}

/** Calls that were under way when it was stopped are reported when they end. */
const IN_FLIGHT_MS = 5_000
/** A rule with a shorter `minHold` still needs something to have been seen. */
const LEAST_QUIET_MS = 5_000
/** The kernel counts in hundredths, history in single precision: a sixteenth of a second after eleven days of CPU. */
const NO_CPU_SECONDS = 0.2
const NO_CPU_RATIO = 0.01
/** Samples that a busy host took late. */
const LATE_SAMPLES = 5
/** Samples begin and end somewhere within the time they must cover. */
const COVERED_RATIO = 0.8

/**
 * Whether our own measurement says that what an alert was about is over; undefined when it says nothing. An alert also
 * resolves when Prometheus is dead, so its word alone lets nobody go on. Only for rules that a pause cures: their
 * condition is a rate of something that the agent does.
 */
export function isOverByOwnMeasure(
  alertname: string,
  measured: Measured,
  nowMs: number,
): boolean | undefined {
  if (measured.scraping === 'stopped') return undefined
  const quiet = isQuiet(measured, nowMs)
  if (quiet !== true) return quiet
  if (alertname.startsWith('AgentMemory')) return isWell(measured.memory, 'healthy')
  if (alertname.startsWith('AgentBudget')) return isWell(measured.budget, 'normal')
  return true
}

function isWell<State>(state: State | undefined, well: State): boolean | undefined {
  return state === undefined ? undefined : state === well
}

function isQuiet(measured: Measured, nowMs: number): boolean | undefined {
  const { heldAtMs, lastUseAtMs, runtime } = measured
  const quietMs = Math.max(measured.minHoldMs, LEAST_QUIET_MS)
  if (nowMs - heldAtMs < quietMs) return false
  const fromMs = nowMs - quietMs
  if (lastUseAtMs !== undefined && lastUseAtMs >= fromMs && lastUseAtMs > heldAtMs + IN_FLIGHT_MS)
    return false
  // Of what has no processes only its own word is measured.
  if (runtime === 'cooperative') return lastUseAtMs === undefined ? undefined : true
  return usesNoCpu(measured, fromMs, quietMs, nowMs)
}

function usesNoCpu(
  { cpu, sampleMs }: Measured,
  fromMs: number,
  quietMs: number,
  nowMs: number,
): boolean | undefined {
  const points = cpu.filter(({ atMs, cpuSeconds }) => atMs >= fromMs && cpuSeconds !== undefined)
  const first = points[0]
  const last = points.at(-1)
  if (first?.cpuSeconds === undefined || last?.cpuSeconds === undefined) return undefined
  if (nowMs - last.atMs > LATE_SAMPLES * sampleMs) return undefined
  const spanMs = last.atMs - first.atMs
  if (spanMs < quietMs * COVERED_RATIO) return undefined
  return last.cpuSeconds - first.cpuSeconds <= NO_CPU_SECONDS + (spanMs / 1_000) * NO_CPU_RATIO
}
