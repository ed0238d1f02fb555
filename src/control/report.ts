import type { Agent, AgentId } from '../agents/model.ts'
import type { HealthCheck } from '../platform/feature.ts'
import type { ControlDependencies } from './dependencies.ts'
import type { Journal } from './journal.ts'
import type { Memory } from './memory.ts'
import type { Control } from './model.ts'

export interface ReportDeps extends Pick<ControlDependencies, 'config' | 'lock' | 'killSwitch' | 'enforced'> {
  readonly agent: (id: AgentId) => Agent | undefined
  readonly desk: Pick<Control, 'holds' | 'isTerminal'>
  readonly journal: Pick<Journal, 'unsaved'>
  readonly memory: Pick<Memory, 'damagedAt'>
  readonly loaded: () => boolean
  readonly counts: () => Readonly<Record<string, number>>
}

/** What the room says of itself and of an agent. */
export function createReport(deps: ReportDeps) {
  const { config, lock, killSwitch, journal, memory, desk } = deps

  function stateOfJournal(): 'unread' | 'damaged' | 'ok' {
    if (!deps.loaded()) return 'unread'
    return memory.damagedAt() !== undefined ? 'damaged' : 'ok'
  }

  return {
    health(): HealthCheck {
      const unsaved = journal.unsaved()
      const state = stateOfJournal()
      return {
        status: unsaved > 0 || state !== 'ok' ? 'degraded' : 'healthy',
        mode: config().mode,
        acting: lock.isHeld(),
        killSwitch: killSwitch.isEngaged(),
        journal: state,
        unsaved,
        ...deps.counts(),
      }
    },

    describe(id: AgentId): object | undefined {
      const agent = deps.agent(id)
      if (agent === undefined) return undefined
      const holds = [...desk.holds(id)].map(([cause, { sinceMs, reason }]) => ({
        cause,
        since: new Date(sinceMs).toISOString(),
        reason,
      }))
      const [first] = holds.toSorted((a, b) => (a.since < b.since ? -1 : 1))
      return {
        enforced: deps.enforced(agent),
        pausedAt: first?.since ?? null,
        pauseReason: first?.reason ?? null,
        holds,
        terminal: desk.isTerminal(id),
      }
    },
  }
}
