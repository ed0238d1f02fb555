/**
 * Agents that chose their own id, per user: whoever can set a variable or reach the port could otherwise fill the
 * registry and every dashboard (CONTROL §6).
 */
export interface Quota {
  /** Counts one more; false when the user has had the most of them in the last hour. */
  take(uid: number | undefined, nowMs: number): boolean
}

const SELF_MADE_PER_HOUR = 64
const HOUR_MS = 3_600_000

export function createQuota(limit = SELF_MADE_PER_HOUR): Quota {
  const taken = new Map<number | undefined, number[]>()
  return {
    take(uid, nowMs) {
      const recent = (taken.get(uid) ?? []).filter((at) => nowMs - at < HOUR_MS)
      const allowed = recent.length < limit
      if (allowed) recent.push(nowMs)
      taken.set(uid, recent)
      return allowed
    },
  }
}
