import type { Agent, AgentId } from '../agents/model.ts'
import type { Control } from '../control/model.ts'
import { type Phase, RESOURCES, type ResourceLabel } from './model.ts'

/** How often each resource did it since the daemon started. */
export type Tally = Record<ResourceLabel, number>
export type Tallies = Readonly<Record<'warnings' | 'interventions' | 'terminations', Tally>>

/** Every resource is there from the start: a counter that appears with 1 has no increase. */
export function emptyTallies(): Tallies {
  const empty = () => Object.fromEntries([...RESOURCES, 'manual'].map((name) => [name, 0])) as Tally
  return { warnings: empty(), interventions: empty(), terminations: empty() }
}

export interface Census {
  readonly agentsTracked: number
  readonly agentsByPhase: Readonly<Record<Phase, number>>
  readonly pausedAgents: number
}

export interface CensusOptions {
  readonly agents: () => Iterable<Agent>
  /** Undefined when the agent was not judged yet. */
  readonly phaseOf: (agent: Agent) => Phase | undefined
  readonly control: Pick<Control, 'holds'>
}

/** Counts live agents, and terminated ones as long as they are shown; those are not paused any more. */
export function createCensus({ agents, phaseOf, control }: CensusOptions) {
  return (visible: (id: AgentId) => boolean = () => true): Census => {
    const agentsByPhase: Record<Phase, number> = { normal: 0, warning: 0, intervention: 0, termination: 0 }
    let agentsTracked = 0
    let pausedAgents = 0
    for (const agent of agents()) {
      const phase = phaseOf(agent) ?? 'normal'
      if (!visible(agent.id) || (agent.endedAtMs !== undefined && phase !== 'termination')) continue
      agentsTracked++
      agentsByPhase[phase]++
      if (phase !== 'termination' && control.holds(agent.id).size > 0) pausedAgents++
    }
    return { agentsTracked, agentsByPhase, pausedAgents }
  }
}
