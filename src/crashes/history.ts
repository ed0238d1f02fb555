import type { AgentId } from '../agents/model.ts'
import type { CrashRecord } from './model.ts'

/** The crashes that are kept, in memory: everything that is asked at every scrape is answered from here. */
export interface CrashHistory {
  /** Puts a record in or replaces the one of the same id. */
  put(record: CrashRecord): void
  get(id: string): CrashRecord | undefined
  /** Oldest first. Outputs are left out: they are in the store. */
  list(): readonly CrashRecord[]
  /** Wall clock of the newest crash of this agent. */
  lastOf(agent: AgentId): number | undefined
}

/** @param retain the newest that stay; asked at every record */
export function createCrashHistory(retain: () => number): CrashHistory {
  const records = new Map<string, CrashRecord>()
  const newest = new Map<AgentId, number>()
  return {
    put(record) {
      records.set(record.id, { ...record, lastOutput: undefined })
      newest.set(record.agent, Math.max(newest.get(record.agent) ?? 0, record.lastAtMs))
      const most = retain()
      for (const [id, { agent }] of records) {
        if (records.size <= most) break
        records.delete(id)
        if (![...records.values()].some((one) => one.agent === agent)) newest.delete(agent)
      }
    },
    get: (id) => records.get(id),
    list: () => [...records.values()],
    lastOf: (agent) => newest.get(agent),
  }
}
