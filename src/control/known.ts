import type { AgentId } from '../agents/model.ts'
import { type Action, type ActionEntry, type ActionFilter, isSettled } from './model.ts'
import type { ActionRecord } from './record.ts'

/** Settled records kept in memory for those who ask right after. */
const REMEMBERED = 2_000

/** Records found without asking the database: whatever is open, and what was settled last. Never older than its rows. */
export interface Known {
  remember(record: ActionRecord): void
  /** An open one that there is not after all. */
  forget(id: string): void
  open(id: string): ActionRecord | undefined
  find(id: string): ActionRecord | undefined
  byEpisode(agent: AgentId, action: Action, episode: string): ActionRecord | undefined
  /** The newest state of a row. */
  newest(entry: ActionEntry): ActionEntry
  /** Newest first. */
  list(filter: ActionFilter, limit: number, before: string | undefined): ActionEntry[]
}

export function createKnown(): Known {
  const open = new Map<string, ActionRecord>()
  const remembered = new Map<string, ActionRecord>()

  function find(id: string): ActionRecord | undefined {
    return open.get(id) ?? remembered.get(id)
  }

  return {
    remember(record) {
      const { id } = record.entry
      if (!isSettled(record.entry)) {
        open.set(id, record)
        return
      }
      open.delete(id)
      remembered.delete(id)
      remembered.set(id, record)
      if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value!)
    },

    forget: (id) => void open.delete(id),
    open: (id) => open.get(id),
    find,

    byEpisode(agent, action, episode) {
      const isIt = ({ entry }: ActionRecord): boolean =>
        entry.agent === agent &&
        entry.action === action &&
        entry.episode === episode &&
        entry.trigger === 'human' &&
        entry.status !== 'refused' &&
        entry.status !== 'dry_run'
      return [...open.values()].find(isIt) ?? [...remembered.values()].findLast(isIt)
    },

    newest: (entry) => find(entry.id)?.entry ?? entry,

    list({ agent, action, status, sinceMs, visible }, limit, before) {
      return [...remembered.values(), ...open.values()]
        .map(({ entry }) => entry)
        .filter(
          (entry) =>
            (agent === undefined || entry.agent === agent) &&
            (action === undefined || entry.action === action) &&
            (status === undefined || entry.status === status) &&
            (sinceMs === undefined || entry.at >= sinceMs) &&
            (before === undefined || entry.id < before) &&
            (visible?.(entry.agent) ?? true),
        )
        .sort((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit)
    },
  }
}
