import type { AgentState } from './model.ts'

/**
 * When an agent counts as active: 1 % of a core, averaged. A terminal that only waits for keys stays below, a
 * spinner while a model answers lies above.
 */
const ACTIVE_CORES = 0.01
/** The kernel counts CPU in ticks of 10 ms: over less time than this a share of 1 % cannot be told from one tick. */
const WINDOW_MS = 10_000
/** Without activity for this long an agent is idle. */
const IDLE_AFTER_MS = 60_000

/** What is remembered to judge activity. Times are monotonic milliseconds. */
export interface Activity {
  readonly windowStartMs: number
  readonly cpuAtStart: number | undefined
  readonly lastActiveMs: number
}

/** A new agent has just been started, which is an activity. */
export function newActivity(nowMs: number): Activity {
  return { windowStartMs: nowMs, cpuAtStart: undefined, lastActiveMs: nowMs }
}

/**
 * Judges one sample. CPU that was not read is no activity and no idleness.
 * @param cpuSeconds accumulated CPU of the agent
 */
export function judgeActivity(before: Activity, cpuSeconds: number | undefined, nowMs: number): Activity {
  if (cpuSeconds === undefined) return before
  if (before.cpuAtStart === undefined) return { ...before, windowStartMs: nowMs, cpuAtStart: cpuSeconds }
  const used = cpuSeconds - before.cpuAtStart
  const enough = (ACTIVE_CORES * WINDOW_MS) / 1_000
  if (used >= enough) return { windowStartMs: nowMs, cpuAtStart: cpuSeconds, lastActiveMs: nowMs }
  if (nowMs - before.windowStartMs < WINDOW_MS) return before
  return { ...before, windowStartMs: nowMs, cpuAtStart: cpuSeconds }
}

/** What the runtime itself says: a fact, not a judgement. */
export type Condition = 'starting' | 'alive' | 'paused'

/** `waiting` is never concluded from CPU: only an agent itself knows that it waits for somebody. */
export function judgeState(condition: Condition, activity: Activity, nowMs: number): AgentState {
  if (condition !== 'alive') return condition
  return nowMs - activity.lastActiveMs < IDLE_AFTER_MS ? 'running' : 'idle'
}
