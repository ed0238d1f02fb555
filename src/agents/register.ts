import type { Clock } from '../platform/clock.ts'
import { Problem } from '../platform/problem.ts'
import type { ProcessTable } from '../platform/proc/process.ts'
import type { ContainerSource } from './container-source.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  cooperativeIncarnation,
  type ProcessSpace,
  processIncarnation,
} from './model.ts'
import type { ProcessSource, Registration } from './process-source.ts'
import type { Registry } from './registry.ts'
import type { AgentsRepository, StoredRegistration } from './repository.ts'

export interface RegistrationRequest {
  readonly id: AgentId
  readonly role?: string
  readonly workspace?: string
  readonly runtime?: { readonly pid: number } | { readonly container: string }
}

/** Agents that somebody names over the API. Kept in the store before the answer. */
export interface Register {
  /** @throws Problem AE_RUNTIME_GONE, AE_AGENT_CONFLICT, AE_STORE_UNAVAILABLE */
  register(request: RegistrationRequest): Promise<Registration>
  remove(agent: Agent): Promise<void>
  namesItself(pid: number, id: AgentId): Promise<boolean>
  uidOf(pid: number): number | undefined
  /** Registrations of an earlier run whose processes or containers still live. */
  restore(stored: readonly StoredRegistration[]): void
}

export interface RegisterOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly processes: ProcessSource
  readonly containers: ContainerSource | undefined
  readonly table: ProcessTable
  readonly space: ProcessSpace
  readonly repository: AgentsRepository
  /** One pass over the process table, so that a process that has just started is known. */
  readonly pass: () => Promise<void>
}

export function createRegister(options: RegisterOptions): Register {
  const { clock, registry, processes, containers, table, space, repository } = options

  function infoOf({ role, workspace }: RegistrationRequest): Partial<AgentInfo> {
    return { ...(role === undefined ? {} : { role }), ...(workspace === undefined ? {} : { workspace }) }
  }

  function cooperative(id: AgentId, info: Partial<AgentInfo>, startedAtMs: number): Registration {
    const { role, vendor, workspace } = info
    const claim = {
      id,
      runtime: 'cooperative',
      incarnation: cooperativeIncarnation(id, startedAtMs),
      origin: 'registered',
      info: { name: id, role, vendor, workspace },
      startedAtMs,
    } as const
    const result = registry.claim(claim)
    if (result.outcome === 'dismissed') throw new Problem('AE_AGENT_CONFLICT', `The agent ${id} was deleted.`)
    return { agent: result.agent, created: result.outcome === 'started' }
  }

  function bind(request: RegistrationRequest): Registration {
    const { id, runtime } = request
    const info = infoOf(request)
    if (runtime === undefined) {
      const known = registry.get(id)
      if (known === undefined || known.endedAtMs !== undefined) return cooperative(id, info, clock.now())
      registry.describe(known, info)
      registry.register(known)
      return { agent: known, created: false }
    }
    if ('pid' in runtime) return processes.register(runtime.pid, id, info)
    if (containers !== undefined) return containers.register(runtime.container, id, info)
    throw new Problem('AE_RUNTIME_GONE', 'Containers are not looked at here.')
  }

  return {
    async register(request) {
      const { runtime } = request
      if (runtime !== undefined && 'pid' in runtime && table.get(runtime.pid) === undefined)
        await options.pass()
      const registration = bind(request)
      await repository.saveRegistration(registration.agent)
      return registration
    },

    async remove(agent) {
      await repository.deleteRegistration(agent.id)
      repository.checkpoint(agent)
      processes.release(agent)
      containers?.release(agent)
      registry.remove(agent)
    },

    async namesItself(pid, id) {
      if (table.get(pid) === undefined) await options.pass()
      return processes.namesItself(pid, id)
    },

    uidOf: (pid) => table.get(pid)?.uid,

    restore(stored) {
      for (const { id, incarnation, runtime, role, vendor, workspace, startedAtMs } of stored) {
        const info = { role, vendor, workspace }
        if (runtime === 'cooperative') {
          cooperative(id, info, startedAtMs)
        } else if (runtime === 'process') {
          const entry = table.get(Number(incarnation.split(':').at(-2)))
          if (entry === undefined || processIncarnation(space, entry) !== incarnation) continue
          ignoreConflict(() => processes.register(entry.pid, id, info))
        } else {
          ignoreConflict(() => containers?.register(incarnation.slice(0, incarnation.indexOf(':')), id, info))
        }
      }
    },
  }
}

/** What can not be bound again has ended or goes by another id now; it is found anew or not at all. */
function ignoreConflict(bind: () => unknown): void {
  try {
    bind()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
}
