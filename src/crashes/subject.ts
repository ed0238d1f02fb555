import type { Agent, AgentId, Incarnation } from '../agents/model.ts'
import { containerIncarnation, isAgentId } from '../agents/model.ts'
import { AGENT_LABEL, type ContainerInfo, ROLE_LABEL, SANDBOX_LABEL } from '../platform/docker/container.ts'
import type { ProcessKey } from '../platform/proc/process.ts'
import type { Subject } from './model.ts'

export function subjectOf(agent: Agent): Subject {
  const { id, incarnation, runtime, info } = agent
  return { agent: id, incarnation, runtime, role: info.role, pid: keyOf(agent)?.pid }
}

/** Containers that die before they were ever measured are known by their labels. */
export function subjectOfContainer(container: ContainerInfo, agent: Agent | undefined): Subject {
  if (agent !== undefined) return { ...subjectOf(agent), pid: container.pid }
  const { labels, id, startedAt, pid } = container
  const named = labels[AGENT_LABEL] ?? labels[SANDBOX_LABEL]
  return {
    agent: isAgentId(named) ? named : `container-${id.slice(0, 12)}`,
    incarnation: containerIncarnation(id, startedAt),
    runtime: 'container',
    role: labels[ROLE_LABEL],
    pid,
  }
}

/**
 * A process of this host that ended before anybody looked, known by the life that whoever started it names. Undefined
 * for a life that cannot have been here: of another boot, another pid namespace, or none at all.
 *
 * @param space `boot id:pid namespace`, what the incarnations of this host begin with
 */
export function subjectUnseen(
  life: { readonly agent: AgentId; readonly incarnation: Incarnation; readonly role: string | undefined },
  space: string,
): Subject | undefined {
  const rest = life.incarnation.startsWith(`${space}:`) ? life.incarnation.slice(space.length + 1) : ''
  const pid = /^([1-9]\d{0,9}):\d{1,20}$/.exec(rest)?.[1]
  return pid === undefined ? undefined : { ...life, runtime: 'process', pid: Number(pid) }
}

export function containerIdOf({ incarnation }: Pick<Agent, 'incarnation'>): string {
  return incarnation.slice(0, incarnation.indexOf(':'))
}

/** The root of a process agent: its incarnation ends in pid and start time. */
export function keyOf({
  runtime,
  incarnation,
}: Pick<Agent, 'runtime' | 'incarnation'>): ProcessKey | undefined {
  if (runtime !== 'process') return undefined
  const [pid, startTime] = incarnation.split(':').slice(-2).map(Number)
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime }
}
