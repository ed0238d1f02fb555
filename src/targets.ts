import { readFileSync } from 'node:fs'
import { type Agent, containerIncarnation } from './agents/model.ts'
import { followRemains } from './agents/remains.ts'
import type { Agents } from './agents/service.ts'
import type { ContainerStanding } from './control/guard.ts'
import type { PastLives } from './control/remains.ts'
import type { CgroupFinder } from './platform/cgroup/reader.ts'
import { type ContainerInfo, ENFORCE_LABEL, PROFILE_LABEL } from './platform/docker/container.ts'
import { strangeContainerOf } from './platform/docker/container-cgroup.ts'
import { isLabelled, isRunning } from './platform/docker/inspect.ts'
import { readPidNamespace } from './platform/proc/kernel-facts.ts'
import type { ProcessKey, ProcessTable } from './platform/proc/process.ts'
import { rootOf } from './runtimes/life.ts'
import type { Target } from './runtimes/model.ts'
import { createStateReader } from './runtimes/task-state.ts'

/** capabilities(7): CAP_KILL is bit 5. */
const CAP_KILL = 1n << 5n
/** Nobody nests deeper, and a table read while it changes could show a ring. */
const MOST_ANCESTORS = 64

/** What the registry knows of an agent, as those who act on it need it. */
export function targetOf(
  agents: Pick<Agents, 'snapshot' | 'container'>,
  agent: Agent,
  stopped: readonly ProcessKey[],
  stoppedByOthers: readonly ProcessKey[],
): Target {
  const { id, incarnation, runtime } = agent
  const target = { agent: id, incarnation, runtime, stopped, stoppedByOthers }
  if (runtime === 'process')
    return { ...target, snapshot: (thoroughness) => agents.snapshot(agent, thoroughness) }
  if (runtime === 'cooperative') return target
  // Id and start time cannot hold a colon before the first one of the time stamp.
  const colon = incarnation.indexOf(':')
  return {
    ...target,
    container: { id: incarnation.slice(0, colon), startedAt: incarnation.slice(colon + 1) },
  }
}

/**
 * Lives of processes of this boot and pid namespace, and of containers that an engine shows; of all others nobody here
 * can tell whether they are over. A container that is not listed may be one of another engine.
 */
export function pastLivesOf(
  procRoot: string,
  bootId: string,
  containers: () => ReadonlyMap<string, ContainerInfo>,
): PastLives {
  const states = createStateReader(procRoot)
  const space = { bootId, pidNamespace: String(readPidNamespace('self', procRoot)) }
  return {
    isOver(incarnation) {
      const shown = containers().get(incarnation.slice(0, incarnation.indexOf(':')))
      if (shown !== undefined) {
        return !isRunning(shown.state) || containerIncarnation(shown.id, shown.startedAt) !== incarnation
      }
      const root = rootOf(incarnation, space)
      return root !== undefined && states.read(root).standing === 'dead'
    },
    follow(incarnation, keys) {
      const root = rootOf(incarnation, space)
      return root === undefined || keys.length === 0 ? undefined : followRemains(root, keys, procRoot)
    },
  }
}

/** What a container says of itself; labels of its image are not among them. */
export function ownLabels(
  agents: Pick<Agents, 'container'>,
  agent: Agent,
): { enforce?: boolean; profile?: string } {
  const labels = agents.container(agent)?.labels
  const enforce = labels?.[ENFORCE_LABEL]
  const profile = labels?.[PROFILE_LABEL]
  return {
    ...(enforce === undefined ? {} : { enforce: enforce === 'true' }),
    ...(profile === undefined ? {} : { profile }),
  }
}

export interface StandingOptions {
  readonly container: (agent: Agent) => ContainerInfo | undefined
  /** The id of the container this process runs in. */
  readonly ownId: string | undefined
  readonly cgroups: Pick<CgroupFinder, 'locate'>
  /** Containers with a label of their own. */
  readonly labelled: () => ReadonlyMap<string, ContainerInfo>
}

/**
 * Whether the container that an agent is, or that its process runs in, is there to be acted on. A process that was
 * found or named by its number is no way around the label: what it says of itself may come with its image.
 */
export function standingOf(agent: Agent, options: StandingOptions): ContainerStanding | undefined {
  const { ownId, cgroups, labelled } = options
  if (agent.runtime === 'process') {
    const ref = cgroups.locate(Number(agent.incarnation.split(':').at(-2)))
    const id = ref === undefined ? undefined : strangeContainerOf(ref, ownId)
    if (id === undefined) return undefined
    return labelled().has(id) ? 'labelled' : 'unlabelled'
  }
  if (agent.runtime !== 'container') return undefined
  const container = options.container(agent)
  if (container === undefined) return 'unlabelled'
  if (container.id === ownId) return 'own'
  return isLabelled(container.labels) ? 'labelled' : 'unlabelled'
}

/** This process and everybody above it. */
export function selfAndAncestors(table: Pick<ProcessTable, 'get'>): ReadonlySet<number> {
  const pids = new Set([process.pid, process.ppid])
  let above = table.get(process.ppid)
  for (let depth = 0; above !== undefined && above.pid > 1 && depth < MOST_ANCESTORS; depth++) {
    pids.add(above.pid)
    above = table.get(above.ppid)
  }
  return pids
}

/** Whether the kernel lets us signal processes of other users (kill(2)). */
export function maySignalOthers(procRoot: string): boolean {
  try {
    const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync(`${procRoot}/self/status`, 'utf8'))
    if (capabilities !== null) return (BigInt(`0x${capabilities[1]}`) & CAP_KILL) !== 0n
  } catch {
    // No such file on this platform.
  }
  return process.geteuid?.() === 0
}
