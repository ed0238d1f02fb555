import type { Agent } from '../agents/model.ts'
import { bindSeries, type Series } from '../platform/exposition/series.ts'
import type { Collector } from '../platform/feature.ts'
import type { Tallies } from './census.ts'
import {
  agentEnforced,
  agentPhase,
  budgetLimit,
  budgetThreshold,
  budgetUsed,
  budgetUsedRatio,
  exhaustionFamilies,
  interventions,
  terminations,
  tracked,
  warnings,
} from './families.ts'
import { INTERVENTION_RATIO } from './judge.ts'
import { type Limits, PHASES, type Phase, RESOURCES, type Resource, type ResourceLabel } from './model.ts'
import type { Ratios, Used } from './ratios.ts'
import { inUnit, UNITS } from './record.ts'

/** What is known of one agent at this moment. `used` is undefined when the ledger does not know the agent. */
export interface BudgetView {
  readonly phase: Phase
  readonly triggeredBy: ResourceLabel | undefined
  readonly enforced: boolean
  readonly limits: Limits
  readonly used: Used | undefined
  readonly ratios: Ratios
}

export interface ExhaustionCollectorOptions {
  /** Oldest first. */
  readonly agents: () => Iterable<Agent>
  readonly view: (agent: Agent) => BudgetView
  readonly agentsByPhase: () => Readonly<Record<Phase, number>>
  readonly tallies: Tallies
  readonly warningRatio: () => number
}

interface Bound {
  readonly phases: readonly { readonly phase: Phase; readonly series: Series }[]
  readonly enforced: Series
  readonly warning: Series
  readonly intervention: Series
  readonly resources: Readonly<Record<Resource, { ratio: Series; used: Series; limit: Series }>>
}

function bindAgent(agent: string): Bound {
  const resources = RESOURCES.map((resource) => {
    const labels = { agent, resource, unit: UNITS[resource] }
    const series = {
      ratio: bindSeries(budgetUsedRatio, labels),
      used: bindSeries(budgetUsed, labels),
      limit: bindSeries(budgetLimit, labels),
    }
    return [resource, series] as const
  })
  return {
    phases: PHASES.map((phase) => ({ phase, series: bindSeries(agentPhase, { agent, phase }) })),
    enforced: bindSeries(agentEnforced, { agent }),
    warning: bindSeries(budgetThreshold, { agent, level: 'warning' }),
    intervention: bindSeries(budgetThreshold, { agent, level: 'intervention' }),
    resources: Object.fromEntries(resources) as Bound['resources'],
  }
}

/** The collector `exhaustion`. */
export function createExhaustionCollector(options: ExhaustionCollectorOptions): Collector {
  const { agents, view, agentsByPhase, tallies, warningRatio } = options
  const bound = new WeakMap<Agent, Bound>()

  function series(agent: Agent): Bound {
    let known = bound.get(agent)
    if (known === undefined) {
      known = bindAgent(agent.id)
      bound.set(agent, known)
    }
    return known
  }

  return {
    name: 'exhaustion',
    families: exhaustionFamilies,
    *collect(out) {
      for (const [family, tally] of [
        [warnings, tallies.warnings],
        [interventions, tallies.interventions],
        [terminations, tallies.terminations],
      ] as const) {
        for (const [resource, count] of Object.entries(tally)) out.set(family, { resource }, count)
      }
      for (const [phase, count] of Object.entries(agentsByPhase())) out.set(tracked, { phase }, count)
      for (const agent of agents()) {
        const { phases, enforced, warning, intervention, resources } = series(agent)
        const { phase, enforced: isEnforced, limits, used, ratios } = view(agent)
        // Like its state, the phase of a terminated agent is kept as long as it is shown: alerts tell its end by it.
        if (agent.endedAtMs !== undefined && phase !== 'termination') continue
        for (const one of phases) out.put(one.series, one.phase === phase ? 1 : 0)
        if (agent.endedAtMs !== undefined) continue
        out.put(enforced, isEnforced ? 1 : 0)
        out.put(warning, warningRatio())
        out.put(intervention, INTERVENTION_RATIO)
        for (const resource of RESOURCES) {
          const limit = limits[resource]
          if (limit === undefined) continue
          const one = resources[resource]
          const amount = used?.[resource]
          out.put(one.ratio, ratios[resource])
          out.put(one.used, amount === undefined ? undefined : inUnit(resource, amount))
          out.put(one.limit, inUnit(resource, limit.max))
        }
        yield
      }
    },
  }
}
