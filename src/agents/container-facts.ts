import { AGENT_LABEL, type ContainerInfo, SANDBOX_LABEL } from '../platform/docker/container.ts'
import type { AgentInfo } from './model.ts'

const ROLE_LABEL = 'agent-exporter.role'
const WORKSPACE_LABEL = 'agent-exporter.workspace'
/** A container id as people see it. */
const SHORT_ID = 12

/** The id that a label gives to the agent; not checked yet. */
export function labelOf({ labels }: ContainerInfo): string | undefined {
  return labels[AGENT_LABEL] ?? labels[SANDBOX_LABEL]
}

/** The id of an agent whose label is somebody else's. */
export function substituteId({ id }: ContainerInfo): string {
  return `container-${id.slice(0, SHORT_ID)}`
}

export function isLive({ state }: ContainerInfo): boolean {
  return state === 'running' || state === 'paused'
}

/** @param said by somebody else: comes before what the container says itself */
export function infoOf({ name, labels }: ContainerInfo, said: Partial<AgentInfo> = {}): AgentInfo {
  return {
    name: said.name ?? name,
    role: said.role ?? labels[ROLE_LABEL],
    vendor: said.vendor,
    workspace: said.workspace ?? labels[WORKSPACE_LABEL],
  }
}

/** The container that somebody means: by its name, its id, or the beginning of that as people see it. */
export function meant(containers: Iterable<ContainerInfo>, wanted: string): ContainerInfo | undefined {
  for (const one of containers) {
    if (one.id === wanted || one.name === wanted) return one
    if (wanted.length >= SHORT_ID && one.id.startsWith(wanted)) return one
  }
  return undefined
}
