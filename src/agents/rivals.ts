import type { Agent, AgentId } from './model.ts'

/** A live incarnation as those see it who want the same id. */
export interface Claimant extends Pick<Agent, 'id' | 'origin'> {
  /** The id that was asked for; another than its own when that belongs to somebody else. */
  wanted: AgentId
  conflict: boolean
}

/** Who wants which id. An id that several want is in conflict: all of them are measured, none is acted on. */
export interface Rivals {
  enter(entry: Claimant): void
  leave(entry: Claimant): void
  /**
   * Its id was given to this one over the API: whoever only named itself so does not dispute it any more, nor does it
   * dispute another id that it asked for before.
   */
  prevail(entry: Claimant): void
}

export function createRivals(): Rivals {
  const claimants = new Map<AgentId, Set<Claimant>>()

  function judge(wanted: AgentId): void {
    const rivals = claimants.get(wanted)
    if (rivals === undefined) return
    if (rivals.size === 0) claimants.delete(wanted)
    for (const entry of rivals) entry.conflict = rivals.size > 1
  }

  function enter(entry: Claimant): void {
    claimants.set(entry.wanted, (claimants.get(entry.wanted) ?? new Set()).add(entry))
    judge(entry.wanted)
  }

  /** Wants no more than what it has. */
  function standAside(entry: Claimant): void {
    const { wanted } = entry
    claimants.get(wanted)?.delete(entry)
    judge(wanted)
    entry.wanted = entry.id
    enter(entry)
  }

  return {
    enter,
    leave(entry) {
      if (claimants.get(entry.wanted)?.delete(entry)) judge(entry.wanted)
      entry.conflict = false
    },
    prevail(entry) {
      if (entry.wanted !== entry.id) return standAside(entry)
      for (const rival of [...(claimants.get(entry.wanted) ?? [])]) {
        if (rival !== entry && rival.origin === 'environment') standAside(rival)
      }
    },
  }
}
