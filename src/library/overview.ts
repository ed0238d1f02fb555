import type { Phase } from '../exhaustion/model.ts'
import type { Account } from './account.ts'
import { eventAnswer, type History } from './history.ts'
import type { ResourceMetrics } from './model.ts'

export const RECENT_EVENTS = 10

/** All agents at a glance. @param sinceMs only events and totals since then; phases are always those of now */
export function overviewOf(
  accounts: ReadonlyMap<string, Account>,
  history: Pick<History, 'recent' | 'totals'>,
  sinceMs: number | undefined,
): ResourceMetrics {
  const agentsByPhase: Record<Phase, number> = { normal: 0, warning: 0, intervention: 0, termination: 0 }
  let pausedAgents = 0
  for (const { state, pause } of accounts.values()) {
    agentsByPhase[state.phase]++
    if (pause !== undefined) pausedAgents++
  }
  const totals = history.totals(sinceMs)
  return {
    totalAgentsTracked: accounts.size,
    agentsByPhase,
    pausedAgents,
    totalWarnings: totals.warning,
    totalInterventions: totals.intervention,
    totalTerminations: totals.termination,
    recentEvents: history.recent(RECENT_EVENTS, sinceMs).map(eventAnswer),
  }
}
