import type { AgentId } from '../agents/model.ts'
import type { CrashRecord } from './model.ts'

/** The crashes that are kept, in memory: everything that is asked at every scrape is answered from here. */
export interface CrashHistory {
  /** Puts a record in or replaces the one of the same id. */
  put(record: CrashRecord): void
  get(id: string): CrashRecord | undefined
  /** Oldest first. Outputs are left out: they are in the store. */
  list(): readonly CrashRecord[]
  /** Oldest first. */
  of(agent: AgentId): readonly CrashRecord[]
}

/** @param retain the newest that stay; asked at every record */
export function createCrashHistory(retain: () => number): CrashHistory {
  const records = new Map<string, CrashRecord>()
  const byAgent = new Map<AgentId, Map<string, CrashRecord>>()

  function forget({ id, agent }: CrashRecord): void {
    records.delete(id)
    const own = byAgent.get(agent)
    own?.delete(id)
    if (own?.size === 0) byAgent.delete(agent)
  }

  return {
    put(record) {
      const kept = { ...record, lastOutput: undefined }
      records.set(record.id, kept)
      const own = byAgent.get(record.agent) ?? new Map<string, CrashRecord>()
      byAgent.set(record.agent, own.set(record.id, kept))
      const most = retain()
      for (const oldest of records.values()) {
        if (records.size <= most) break
        forget(oldest)
      }
    },
    get: (id) => records.get(id),
    list: () => [...records.values()],
    of: (agent) => [...(byAgent.get(agent)?.values() ?? [])],
  }
}
