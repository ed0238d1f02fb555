import type { AgentId } from '../agents/model.ts'
import { type AlertTable, type Entry, withEntries } from './table.ts'
import type { Answer } from './verdict.ts'

/** What the action plane answered. An answer for an episode that is no longer the latest changes nothing. */
export function settle(table: AlertTable, { key, episode, deed, result, at, detail }: Answer): AlertTable {
  const entry = table.entries.get(key)
  if (entry === undefined || entry.episode !== episode) return table
  const actedAt = result === 'done' ? at : entry.actedAt
  const next: Entry =
    deed === 'resume'
      ? {
          ...{ ...entry, actedAt, resume: result, answer: detail },
          resumeTries: result === 'owed' ? entry.resumeTries + 1 : 0,
          resumeRefusedAt: result === 'owed' ? at : undefined,
        }
      : {
          ...{ ...entry, actedAt, progress: result, answer: detail },
          heldAt: result === 'done' && entry.action === 'pause' ? at : entry.heldAt,
        }
  return withEntries(table, new Map([[key, next]]))
}

/**
 * A person let the agent go on: the episodes that are open do nothing more to it.
 * @param atMs wall clock of when it was: what began later is none of them, and the word of it comes again after restarts
 */
export function mute(table: AlertTable, agent: AgentId, atMs: number): AlertTable {
  const changes = new Map<string, Entry>()
  for (const entry of table.entries.values()) {
    if (entry.agent !== agent || entry.since.wallMs > atMs) continue
    if (entry.state !== 'closed' && !entry.muted) {
      changes.set(entry.key, { ...entry, muted: true })
    }
  }
  return withEntries(table, changes)
}

/** After a restart of the daemon nobody waits for the answers any more: what was asked for is asked for again. */
export function revive(table: AlertTable): AlertTable {
  const again = (progress: Entry['progress']) => (progress === 'asking' ? 'owed' : progress)
  const changes = new Map<string, Entry>()
  for (const entry of table.entries.values()) {
    const { progress, resume } = entry
    if (progress !== 'asking' && resume !== 'asking') continue
    changes.set(entry.key, { ...entry, progress: again(progress), resume: again(resume) })
  }
  return withEntries(table, changes)
}
