import { PHASES } from '../exhaustion/model.ts'
import { type FullAgent, stateOf } from './agent-list.ts'

/** Orders of `top`: who is nearest to the end of its budget, who uses most, or names. */
export const TOP_SORTS = ['urgency', 'memory', 'cpu', 'tokens', 'name'] as const
export type TopSort = (typeof TOP_SORTS)[number]

/**
 * Sorts a copy: agents that ended last, then what is asked for; of equals the name decides.
 * @param cpuOf CPU lately; undefined = not known, which comes last
 */
export function sortAgents(
  agents: readonly FullAgent[],
  sort: TopSort,
  cpuOf: (agent: FullAgent) => number | undefined,
): readonly FullAgent[] {
  const key: Readonly<Record<TopSort, (agent: FullAgent) => readonly number[]>> = {
    urgency: (agent) => [PHASES.indexOf(agent.phase ?? 'normal'), nearestOf(agent)?.[1] ?? 0],
    memory: ({ state: { lifecycleMetrics: of } }) => [of.workingSetBytes ?? of.rssBytes ?? -1],
    cpu: (agent) => [cpuOf(agent) ?? -1],
    tokens: ({ ratios }) => [ratios?.['tokens'] ?? -1],
    name: () => [],
  }
  const ranked = agents.map((agent) => ({
    agent,
    over: Number(stateOf(agent) === 'exited'),
    keys: key[sort](agent),
  }))
  ranked.sort((a, b) => {
    if (a.over !== b.over) return a.over - b.over
    for (const [i, value] of a.keys.entries()) if (value !== b.keys[i]) return b.keys[i]! - value
    return a.agent.id < b.agent.id ? -1 : 1
  })
  return ranked.map(({ agent }) => agent)
}

/** The limit that is used up most, and its share. */
export function nearestOf({ ratios = {} }: FullAgent): readonly [string, number] | undefined {
  let nearest: readonly [string, number] | undefined
  for (const [resource, ratio] of Object.entries(ratios)) {
    if (nearest === undefined || ratio > nearest[1]) nearest = [resource, ratio]
  }
  return nearest
}
