/** Highest, lowest and mean resident memory of one life. */
export interface Marks {
  add(atMs: number, bytes: number): void
  /** Since the start of the daemon or of the agent; undefined before the first. */
  readonly high: number | undefined
  readonly low: number | undefined
  /** Mean of the minutes of the last hour in which something was read. */
  average(nowMs: number): number | undefined
}

const MINUTE_MS = 60_000
const MINUTES = 60

/** A thousand agents keep half a megabyte. Times are monotonic milliseconds. */
export function createMarks(): Marks {
  const sums = new Float64Array(MINUTES)
  const counts = new Uint16Array(MINUTES)
  let minute = Number.NEGATIVE_INFINITY
  let high: number | undefined
  let low: number | undefined

  /** Minutes that have passed since are empty. */
  function turn(nowMs: number): void {
    const now = Math.floor(nowMs / MINUTE_MS)
    if (now <= minute) return
    for (let one = Math.max(minute + 1, now - MINUTES + 1); one <= now; one++) {
      sums[one % MINUTES] = 0
      counts[one % MINUTES] = 0
    }
    minute = now
  }

  return {
    add(atMs, bytes) {
      turn(atMs)
      sums[minute % MINUTES]! += bytes
      counts[minute % MINUTES]!++
      high = high === undefined ? bytes : Math.max(high, bytes)
      low = low === undefined ? bytes : Math.min(low, bytes)
    },
    get high() {
      return high
    },
    get low() {
      return low
    },
    average(nowMs) {
      turn(nowMs)
      let sum = 0
      let minutes = 0
      for (let i = 0; i < MINUTES; i++) {
        if (counts[i] === 0) continue
        sum += sums[i]! / counts[i]!
        minutes++
      }
      return minutes === 0 ? undefined : sum / minutes
    },
  }
}
