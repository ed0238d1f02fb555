/** How fast the memory of one agent was seen to fill. */
export interface PaceState {
  readonly atMs: number | undefined
  readonly bytes: number | undefined
  /** Fastest lately, fading. */
  readonly bytesPerSecond: number
  readonly sleepMs: number
}

export interface PaceInput {
  /** Judged bytes and their limit; undefined = not read, or no limit. */
  readonly bytes: number | undefined
  readonly limitBytes: number | undefined
}

export interface PaceConfig {
  readonly intervalMs: number
  readonly nearLimitIntervalMs: number
}

/** What is supposed of an agent that was not yet seen to fill: one process touching fresh pages. */
const SUPPOSED_BYTES_PER_SECOND = 256 * 1_048_576
/** … but not more than a quarter of its limit, or small agents would be looked at without end. */
const SUPPOSED_SHARE = 1 / 4
/** It may become twice as fast before the next look. */
const MARGIN = 2
/** A burst of a minute ago counts half. */
const HALF_LIFE_MS = 60_000

export function freshPace({ intervalMs }: PaceConfig): PaceState {
  return { atMs: undefined, bytes: undefined, bytesPerSecond: 0, sleepMs: intervalMs }
}

/**
 * Milliseconds until the agent has to be looked at again: what is left divided by the fastest it may fill, so that
 * it is seen once more before its end. After a failed read the pace stays what it was.
 * @param nowMs monotonic
 */
export function judgePace(
  state: PaceState,
  { bytes, limitBytes }: PaceInput,
  { intervalMs, nearLimitIntervalMs }: PaceConfig,
  nowMs: number,
): PaceState {
  if (bytes === undefined) return state
  const elapsedMs = state.atMs === undefined ? 0 : nowMs - state.atMs
  const faded = state.bytesPerSecond * 2 ** (-elapsedMs / HALF_LIFE_MS)
  const seen = state.bytes === undefined || elapsedMs <= 0 ? 0 : (1_000 * (bytes - state.bytes)) / elapsedMs
  const bytesPerSecond = Math.max(faded, seen, 0)
  if (limitBytes === undefined) return { atMs: nowMs, bytes, bytesPerSecond, sleepMs: intervalMs }
  const supposed = Math.min(SUPPOSED_BYTES_PER_SECOND, limitBytes * SUPPOSED_SHARE)
  const fastest = Math.max(supposed, MARGIN * bytesPerSecond)
  const fillMs = (1_000 * Math.max(0, limitBytes - bytes)) / fastest
  const shortest = Math.min(nearLimitIntervalMs, intervalMs)
  const sleepMs = Math.min(intervalMs, Math.max(shortest, fillMs))
  return { atMs: nowMs, bytes, bytesPerSecond, sleepMs }
}
