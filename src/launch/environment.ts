import type { AgentId } from '../agents/model.ts'
import { readBootId, readPidNamespace } from '../platform/proc/kernel-facts.ts'

/** Who the child is, for its environment and for the daemon. */
export interface Identity {
  readonly id: AgentId
  readonly role: string | undefined
  readonly workspace: string
}

export interface EnvironmentOptions extends Identity {
  /** Our own environment. */
  readonly inherited: NodeJS.ProcessEnv
  /** Address of the daemon. */
  readonly url: string
  /** Ingest token of this agent alone; without one the child gets none. */
  readonly token: string | undefined
}

/** Overrides of the daemon's configuration; a store URL among them holds a password. */
const CONFIGURATION = 'AGENT_EXPORTER__'

/**
 * The environment of the child. What names an agent names this one from now on: an inherited token, role or
 * incarnation belongs to whoever started us and goes no further.
 */
export function childEnvironment(options: EnvironmentOptions): NodeJS.ProcessEnv {
  const { inherited, id, role, workspace, url, token } = options
  const environment = Object.fromEntries(
    Object.entries(inherited).filter(([name]) => !name.startsWith(CONFIGURATION)),
  )
  for (const name of ['ROLE', 'TOKEN', 'INCARNATION']) delete environment[`AGENT_EXPORTER_${name}`]
  return {
    ...environment,
    AGENT_EXPORTER_URL: url,
    AGENT_EXPORTER_AGENT: id,
    AGENT_EXPORTER_WORKSPACE: workspace,
    ...(role === undefined ? {} : { AGENT_EXPORTER_ROLE: role }),
    ...(token === undefined ? {} : { AGENT_EXPORTER_TOKEN: token }),
  }
}

/**
 * `boot id:pid namespace`, what an incarnation begins with; `undefined` where there is no `/proc`.
 * The child is born into our own namespace.
 */
export function incarnationSpace(): string | undefined {
  const bootId = readBootId()
  const namespace = readPidNamespace('self')
  return bootId === undefined || namespace === undefined ? undefined : `${bootId}:${namespace}`
}
