import type { Agent, AgentId } from '../agents/model.ts'
import type { LiveState } from '../crashes/health-score.ts'
import type { Local } from './local.ts'
import { ALERT_LEVELS, type AlertLevel } from './model.ts'
import type { RemoteAgent, RemoteDaemon, Remotes } from './remotes.ts'
import { type AgentView, remoteView } from './view.ts'

export type Visible = (agent: AgentId) => boolean

/** The agents of this host and of those that report here. */
export interface Fleet {
  views(visible: Visible): readonly AgentView[]
  /** Who reports here. Of whose agents a limited caller sees none is not said to exist. */
  daemons(visible: Visible | undefined): readonly RemoteDaemon[]
  /** Only how many there are and how they are: asked at every scrape. */
  live(visible: Visible): LiveState
}

export function createFleet(local: Local, remotes: Remotes, daemonId: string): Fleet {
  const ownOf = (visible: Visible) => local.live().filter(({ id }) => visible(id))

  /** Somebody of this host may have told it. Of whom we measure ourselves we know better. */
  function toldOf(own: readonly Agent[], visible: Visible): readonly RemoteAgent[] {
    const measured = new Set(own.map(({ id }) => id))
    return remotes
      .agents()
      .filter(
        ({ newest: { agent, origin } }) => visible(agent) && !(origin === daemonId && measured.has(agent)),
      )
  }

  return {
    views(visible) {
      const own = ownOf(visible)
      const told = toldOf(own, visible).map((remote) => {
        const view = remoteView(remote)
        return view.host === daemonId ? { ...view, host: undefined } : view
      })
      return [...own.map(local.view), ...told]
    },

    live(visible) {
      const own = ownOf(visible)
      const told = toldOf(own, visible).filter(({ status }) => status === 'online')
      const levels = [...own.map(local.level), ...told.map(({ newest }) => newest.alertLevel)]
      return {
        agents: levels.length,
        criticalAgents: levels.filter((level) => level === 'critical').length,
        oomImminentAgents: levels.filter((level) => level === 'oom_imminent').length,
      }
    },

    daemons(visible) {
      const others = remotes.daemons().filter(({ id }) => id !== daemonId)
      if (visible === undefined) return others
      const seen = new Set<string>()
      for (const { newest } of remotes.agents()) if (visible(newest.agent)) seen.add(newest.origin)
      return others.filter(({ id }) => seen.has(id))
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
