import { basename } from 'node:path'
import { bindSeries, type Series } from '../platform/exposition/series.ts'
import type { Collector } from '../platform/feature.ts'
import { cleanText } from '../platform/text.ts'
import {
  agentConflict,
  agentInfo,
  agentLastActivity,
  agentStart,
  agentState,
  identificationsDropped,
  MEASURED,
  type Measured,
  sampleDuration,
  samplesMissed,
} from './families.ts'
import { AGENT_STATES, type Agent, type AgentInfo, type AgentState, type Runtime } from './model.ts'
import type { Reading } from './reading.ts'

export interface CollectorOptions {
  /** Oldest first: the order of a scrape is the order of creation. */
  readonly agents: () => Iterable<Agent>
  readonly freshen: (deadline: AbortSignal) => Promise<void>
  /** Why the containers measured may not be all there are. */
  readonly containerFault: () => string | undefined
  readonly detail: () => 'core' | 'full'
  readonly exposePaths: () => boolean
  readonly own: () => {
    readonly samplesMissed: number
    readonly sampleSeconds: number | undefined
    readonly identificationsDropped: number
  }
}

/** One series with a page of text in a label would cost every scrape. */
const LONGEST_LABEL = 256

/** Shown as the last part of the path unless the whole may be shown: paths name people and customers. */
export function shownWorkspace({ workspace }: AgentInfo, exposePaths: () => boolean): string {
  if (workspace === undefined) return ''
  return cleanText(exposePaths() ? workspace : basename(workspace), LONGEST_LABEL)
}

/** The collectors `agents`, `process` and `container`. */
export function createAgentCollectors(options: CollectorOptions): readonly Collector[] {
  return [
    agentsCollector(options),
    measuredCollector('process', options),
    measuredCollector('container', options),
  ]
}

interface Bound {
  readonly info: AgentInfo
  readonly paths: boolean
  readonly infoSeries: Series
  readonly states: readonly { readonly state: AgentState; readonly series: Series }[]
  readonly start: Series
  readonly lastActivity: Series
  readonly conflict: Series
}

function bindAgent(agent: Agent, exposePaths: () => boolean): Bound {
  const { id, info, runtime } = agent
  const labels = { agent: id }
  return {
    info,
    paths: exposePaths(),
    infoSeries: bindSeries(agentInfo, {
      ...labels,
      name: info.name,
      role: info.role ?? '',
      runtime,
      vendor: info.vendor ?? '',
      workspace: shownWorkspace(info, exposePaths),
    }),
    states: AGENT_STATES.map((state) => ({ state, series: bindSeries(agentState, { ...labels, state }) })),
    start: bindSeries(agentStart, labels),
    lastActivity: bindSeries(agentLastActivity, labels),
    conflict: bindSeries(agentConflict, labels),
  }
}

function agentsCollector({ agents, freshen, exposePaths, own }: CollectorOptions): Collector {
  const bound = new WeakMap<Agent, Bound>()
  let there: readonly Agent[] = []
  const list = () => {
    there = [...agents()]
  }

  function series(agent: Agent): Bound {
    const known = bound.get(agent)
    if (known?.info === agent.info && known.paths === exposePaths()) return known
    const made = bindAgent(agent, exposePaths)
    bound.set(agent, made)
    return made
  }

  return {
    name: 'agents',
    families: [
      ...[agentInfo, agentState, agentStart, agentLastActivity, agentConflict],
      ...[samplesMissed, sampleDuration, identificationsDropped],
    ],
    // Listed when the sample is over, as by the measuring ones: nobody found between two turns of the loop is half on
    // a page. When the sample fails, those say so.
    refresh: (deadline) => freshen(deadline).then(list, list),
    *collect(out) {
      const { samplesMissed: missed, sampleSeconds, identificationsDropped: dropped } = own()
      out.set(samplesMissed, {}, missed)
      out.set(sampleDuration, {}, sampleSeconds)
      out.set(identificationsDropped, {}, dropped)
      for (const agent of there) {
        const { infoSeries, states, start, lastActivity, conflict } = series(agent)
        out.put(infoSeries, 1)
        for (const { state, series: one } of states) out.put(one, state === agent.state ? 1 : 0)
        out.put(start, agent.startedAtMs / 1_000)
        out.put(
          lastActivity,
          agent.lastActivityAtMs === undefined ? undefined : agent.lastActivityAtMs / 1_000,
        )
        if (agent.endedAtMs === undefined) out.put(conflict, agent.conflict ? 1 : 0)
        yield
      }
    },
  }
}

interface BoundNumber {
  readonly field: keyof Reading
  readonly series: Series
  readonly detail: Measured['detail']
}

/** Everything measured of agents of one runtime. A full sample is taken first, shared by all collectors. */
function measuredCollector(runtime: Exclude<Runtime, 'cooperative'>, options: CollectorOptions): Collector {
  const { agents, freshen, detail } = options
  const measured = MEASURED.filter(({ runtimes }) => runtimes === 'both' || runtimes === runtime)
  const bound = new WeakMap<Agent, readonly BoundNumber[]>()
  let there: readonly Agent[] = []

  function numbers(agent: Agent): readonly BoundNumber[] {
    const known = bound.get(agent)
    if (known !== undefined) return known
    const made = measured.map(({ family, field, labels, detail: needs }) => ({
      field,
      series: bindSeries<string>(family, { agent: agent.id, ...labels }),
      detail: needs,
    }))
    bound.set(agent, made)
    return made
  }

  return {
    name: runtime,
    families: [...new Set(measured.map(({ family }) => family))],
    refresh: (deadline) =>
      freshen(deadline).then(() => {
        there = [...agents()]
      }),
    ...(runtime === 'container' ? { fault: options.containerFault } : {}),
    *collect(out) {
      const isFull = detail() === 'full'
      for (const agent of there) {
        if (agent.runtime !== runtime) continue
        const { reading } = agent
        for (const { field, series, detail: needs } of numbers(agent)) {
          if (isFull || needs === 'core') out.put(series, reading[field])
        }
        yield
      }
    },
  }
}
