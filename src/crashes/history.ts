import type { AgentId } from '../agents/model.ts'
import type { CrashRecord } from './model.ts'

/** The crashes that are kept, in memory: everything that is asked at every scrape is answered from here. */
export interface CrashHistory {
  /** Puts a record in or replaces the one of the same id; answers the ids of those that went for it. */
  put(record: CrashRecord): readonly string[]
  remove(id: string): void
  get(id: string): CrashRecord | undefined
  /** Oldest first. Outputs are left out: they are in the store. */
  list(): readonly CrashRecord[]
  /** Oldest first. */
  of(agent: AgentId): readonly CrashRecord[]
}

/** Crashes that were only told have what room there is, and this share of it where room is short. */
const TOLD_SHARE = 1 / 4

/**
 * Whoever can reach the port can tell crashes: however many, they never push out what was seen, and one who tells
 * many pushes out his own.
 *
 * @param retain how many stay; asked at every record
 */
export function createCrashHistory(retain: () => number): CrashHistory {
  const records = new Map<string, CrashRecord>()
  const byAgent = new Map<AgentId, Map<string, CrashRecord>>()

  function remove(id: string): void {
    const record = records.get(id)
    if (record === undefined) return
    records.delete(id)
    const own = byAgent.get(record.agent)
    own?.delete(id)
    if (own?.size === 0) byAgent.delete(record.agent)
  }

  /** Who goes next. */
  function first(most: number): CrashRecord {
    const told = [...records.values()].filter(({ witness }) => witness !== 'seen')
    if (told.length <= most * TOLD_SHARE) return [...records.values()][0]!
    return told.find(({ witness }) => witness === 'alleged') ?? oldestOfLoudest(told)
  }

  return {
    put(record) {
      const kept = { ...record, lastOutput: undefined }
      records.set(record.id, kept)
      const own = byAgent.get(record.agent) ?? new Map<string, CrashRecord>()
      byAgent.set(record.agent, own.set(record.id, kept))
      const gone: string[] = []
      for (const most = retain(); records.size > most; ) {
        const { id } = first(most)
        remove(id)
        gone.push(id)
      }
      return gone
    },
    remove,
    get: (id) => records.get(id),
    list: () => [...records.values()],
    of: (agent) => [...(byAgent.get(agent)?.values() ?? [])],
  }
}

function oldestOfLoudest(told: readonly CrashRecord[]): CrashRecord {
  const counts = new Map<string, number>()
  for (const { origin } of told) counts.set(origin, (counts.get(origin) ?? 0) + 1)
  const most = Math.max(...counts.values())
  return told.find(({ origin }) => counts.get(origin) === most)!
}
