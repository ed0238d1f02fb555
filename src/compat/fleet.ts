import type { AgentId } from '../agents/model.ts'
import type { Local } from './local.ts'
import { ALERT_LEVELS, type AlertLevel } from './model.ts'
import type { RemoteDaemon, Remotes } from './remotes.ts'
import { type AgentView, remoteView } from './view.ts'

export type Visible = (agent: AgentId) => boolean

/** The agents of this host and of those that report here. */
export interface Fleet {
  views(visible: Visible): readonly AgentView[]
  /** Who reports here; of whose agents the caller sees none is not said to exist. */
  daemons(visible: Visible): readonly RemoteDaemon[]
}

export function createFleet(local: Local, remotes: Remotes, daemonId: string): Fleet {
  return {
    views(visible) {
      const own = local.live().filter(({ id }) => visible(id))
      const measured = new Set(own.map(({ id }) => id))
      const told = remotes.agents().flatMap((remote) => {
        const { agent, origin } = remote.newest
        if (!visible(agent)) return []
        if (origin !== daemonId) return [remoteView(remote)]
        // Somebody of this host told it. Of whom we measure ourselves we know better.
        return measured.has(agent) ? [] : [{ ...remoteView(remote), host: undefined }]
      })
      return [...own.map(local.view), ...told]
    },

    daemons(visible) {
      const seen = new Set<string>()
      for (const { newest } of remotes.agents()) if (visible(newest.agent)) seen.add(newest.origin)
      return remotes.daemons().filter(({ id }) => id !== daemonId && seen.has(id))
    },
  }
}

export type LevelCounts = Readonly<Record<AlertLevel, number>>

/** How many agents are at each level. Those of whom it is not known are at none. */
export function countLevels(views: readonly AgentView[]): LevelCounts {
  const counts = Object.fromEntries(ALERT_LEVELS.map((level) => [level, 0])) as Record<AlertLevel, number>
  for (const { alertLevel } of views) if (alertLevel !== undefined) counts[alertLevel]++
  return counts
}

const MOST_CONSUMERS = 5

/** Most resident memory first. */
export function topConsumers(views: readonly AgentView[]): readonly AgentView[] {
  return views
    .filter(({ rssBytes }) => rssBytes !== undefined)
    .toSorted((a, b) => (b.rssBytes ?? 0) - (a.rssBytes ?? 0))
    .slice(0, MOST_CONSUMERS)
}
