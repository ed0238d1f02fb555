import type { Incarnation } from '../agents/model.ts'
import type { Moment } from '../platform/moment.ts'

/** Lives remembered as terminated, for those who wait for them; the oldest are forgotten first. */
const MOST_TERMINATED = 10_000

/** What is going on, and what outlives a single action. */
export interface Memory {
  /** An effect on this life begins; call the answer when it has ended. */
  pausing(incarnation: Incarnation): () => void
  terminating(incarnation: Incarnation): () => void
  terminated(incarnation: Incarnation): void
  isPausing(incarnation: Incarnation): boolean
  isTerminal(incarnation: Incarnation): boolean
  /** Since when the journal is one that knows nothing of before; undefined once it is trusted again. */
  damagedAt(): Moment | undefined
  setDamagedAt(moment: Moment | undefined): void
  resetAt(): Moment | undefined
  setResetAt(moment: Moment): void
}

export function createMemory(): Memory {
  const pausing = new Map<Incarnation, number>()
  const terminating = new Map<Incarnation, number>()
  const terminated = new Set<Incarnation>()
  let damagedAt: Moment | undefined
  let resetAt: Moment | undefined

  function begin(counts: Map<Incarnation, number>, incarnation: Incarnation): () => void {
    counts.set(incarnation, (counts.get(incarnation) ?? 0) + 1)
    let over = false
    return () => {
      if (over) return
      over = true
      const left = (counts.get(incarnation) ?? 1) - 1
      if (left > 0) counts.set(incarnation, left)
      else counts.delete(incarnation)
    }
  }

  return {
    pausing: (incarnation) => begin(pausing, incarnation),
    terminating: (incarnation) => begin(terminating, incarnation),
    terminated(incarnation) {
      terminated.add(incarnation)
      if (terminated.size > MOST_TERMINATED) terminated.delete(terminated.values().next().value!)
    },
    isPausing: (incarnation) => pausing.has(incarnation),
    isTerminal: (incarnation) => terminated.has(incarnation) || terminating.has(incarnation),
    damagedAt: () => damagedAt,
    setDamagedAt(moment) {
      damagedAt = moment
    },
    resetAt: () => resetAt,
    setResetAt(moment) {
      resetAt = moment
    },
  }
}
