import type { Clock } from '../platform/clock.ts'
import type { Condition } from './activity.ts'
import type { TreeCounters } from './counters.ts'
import type { Agent, AgentId } from './model.ts'
import type { Tree } from './tree.ts'

/** One agent that is a tree of processes. */
export interface ProcessAgent {
  readonly agent: Agent
  readonly tree: Tree
  readonly counters: TreeCounters
  /** Id in the environment that the children inherit; it may differ from the agent's. */
  markerId: AgentId | undefined
  /** The agent lives as long as one of these: its root, and the same program below a wrapper. */
  readonly core: Set<number>
  condition: Condition
  pssAtMs: number
  /** When its processes were last asked for in order to act on them. */
  snapshotAtMs: number
}

/** Which agent is which tree of processes, and which trees are acted on together. */
export interface ProcessRoster {
  add(owner: ProcessAgent): void
  /** Its root has ended, but somebody still ends what is left. */
  rest(owner: ProcessAgent): void
  remove(owner: ProcessAgent): void
  /** Only what lives. */
  at(tree: Tree): ProcessAgent | undefined
  of(agent: Agent): ProcessAgent | undefined
  all(): Iterable<ProcessAgent>
  remainsOf(agent: Agent): ProcessAgent | undefined
  remains(): Iterable<ProcessAgent>
  /** Whether somebody acts on the agent, and it or a tree within has processes left. */
  isWanted(owner: ProcessAgent): boolean
  /** Trees that are stopped and ended with this one: outer before inner. */
  within(tree: Tree): Tree[]
  readonly size: number
}

export interface ProcessRosterOptions {
  readonly clock: Clock
  /**
   * Whether somebody with the right to do so chose limits for this agent. Any other is stopped and ended with the
   * agent it runs in: a name in its environment must not take a process out of its tree.
   */
  readonly standsAlone: (agent: Agent) => boolean
}

/** Whoever acts on a tree asks every few seconds at most; after this the rest of an ended agent is nobody's. */
const REMAINS_MS = 30_000

export function createProcessRoster({ clock, standsAlone }: ProcessRosterOptions): ProcessRoster {
  const byTree = new Map<Tree, ProcessAgent>()
  const byAgent = new Map<Agent, ProcessAgent>()
  const remains = new Map<Agent, ProcessAgent>()

  /** How many trees lie between; `undefined` when it is not within, or one on the way stands alone. */
  function depthIn(inner: Tree, tree: Tree): number | undefined {
    let depth = 0
    for (let at: Tree | undefined = inner; at !== undefined; at = at.outer) {
      if (at === tree) return depth === 0 ? undefined : depth
      const owner = byTree.get(at)
      if (owner !== undefined && standsAlone(owner.agent)) return undefined
      depth++
    }
    return undefined
  }

  function within(tree: Tree): Tree[] {
    const found: { readonly inner: Tree; readonly depth: number }[] = []
    for (const owners of [byTree.values(), remains.values()]) {
      for (const { tree: inner } of owners) {
        const depth = depthIn(inner, tree)
        if (depth !== undefined) found.push({ inner, depth })
      }
    }
    return found.sort((a, b) => a.depth - b.depth).map(({ inner }) => inner)
  }

  return {
    add(owner) {
      byTree.set(owner.tree, owner)
      byAgent.set(owner.agent, owner)
    },
    rest(owner) {
      byTree.delete(owner.tree)
      byAgent.delete(owner.agent)
      remains.set(owner.agent, owner)
    },
    remove({ tree, agent }) {
      byTree.delete(tree)
      byAgent.delete(agent)
      remains.delete(agent)
    },
    at: (tree) => byTree.get(tree),
    of: (agent) => byAgent.get(agent),
    all: () => byTree.values(),
    remainsOf: (agent) => remains.get(agent),
    remains: () => remains.values(),
    isWanted({ tree, snapshotAtMs }) {
      if (clock.monotonic() - snapshotAtMs >= REMAINS_MS) return false
      return tree.members.size > 0 || within(tree).some(({ members }) => members.size > 0)
    },
    within,
    get size() {
      return byTree.size
    },
  }
}
