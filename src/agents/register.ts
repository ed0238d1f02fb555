import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { Problem } from '../platform/problem.ts'
import { type ProcessTable, withUidNow } from '../platform/proc/process.ts'
import type { ContainerSource } from './container-source.ts'
import type { Enrolling, EnrolmentInput } from './enrolment.ts'
import {
  type Agent,
  type AgentId,
  type AgentInfo,
  containerOf,
  cooperativeIncarnation,
  type ProcessSpace,
  processIncarnation,
} from './model.ts'
import type { ProcessSource, Registration } from './process-source.ts'
import type { Registry } from './registry.ts'
import type { AgentsRepository, StoredRegistration } from './repository.ts'

export interface RegistrationRequest extends EnrolmentInput {
  readonly id: AgentId
  readonly role?: string
  readonly workspace?: string
  readonly runtime?: { readonly pid: number } | { readonly container: string }
}

/** Who registers. `owner`: user of an agent without a runtime. `control`: its word also enrols the agent. */
export interface Registrant {
  readonly owner: number | undefined
  readonly scope: 'ingest' | 'control'
}

/** Agents that somebody names over the API. Kept in the store before the answer. */
export interface Register {
  /**
   * Bound first, then enrolled, then kept: what a crash leaves in between is registered anew, not taken for known.
   * @throws Problem AE_RUNTIME_GONE, AE_AGENT_CONFLICT, AE_STORE_UNAVAILABLE, AE_INVALID, AE_NOT_READY
   */
  register(request: RegistrationRequest, by: Registrant): Promise<Registration>
  /** @throws Problem AE_NOT_RELEASED or what else `beforeRemove` throws; then nothing was removed */
  remove(agent: Agent, actor: string): Promise<void>
  /** Ends an agent without a runtime for good: it does not come back with the next start. */
  retire(agent: Agent): void
  namesItself(pid: number, id: AgentId): Promise<boolean>
  uidOf(pid: number): number | undefined
  /** Registrations of an earlier run whose processes or containers still live. */
  restore(stored: readonly StoredRegistration[]): void
}

export interface RegisterOptions {
  readonly clock: Clock
  readonly log: Log
  readonly registry: Registry
  readonly processes: ProcessSource
  readonly containers: ContainerSource | undefined
  readonly table: ProcessTable
  readonly space: ProcessSpace
  readonly repository: AgentsRepository
  /** One pass over the process table, so that a process that has just started is known. */
  readonly pass: () => Promise<void>
  readonly enrolling: Enrolling
  /** Whoever stopped the agent lets it go; rejects when it could not. */
  readonly beforeRemove: (agent: Agent, actor: string) => Promise<void>
}

export function createRegister(options: RegisterOptions): Register {
  const { clock, log, registry, processes, containers, table, space, repository, enrolling } = options

  function infoOf({ role, workspace }: RegistrationRequest): Partial<AgentInfo> {
    return { ...(role === undefined ? {} : { role }), ...(workspace === undefined ? {} : { workspace }) }
  }

  function cooperative(
    id: AgentId,
    { role, vendor, workspace }: Partial<AgentInfo>,
    startedAtMs: number,
    uid: number | undefined,
  ): Registration {
    const claim = {
      id,
      runtime: 'cooperative',
      incarnation: cooperativeIncarnation(id, startedAtMs),
      origin: 'registered',
      info: { name: id, role, vendor, workspace },
      startedAtMs,
      uid,
    } as const
    const result = registry.claim(claim)
    if (result.outcome === 'dismissed') throw new Problem('AE_AGENT_CONFLICT', `The agent ${id} was deleted.`)
    return { agent: result.agent, created: result.outcome === 'started' }
  }

  function bind(request: RegistrationRequest, owner: number | undefined): Registration {
    const { id, runtime } = request
    const info = infoOf(request)
    if (runtime === undefined) {
      const known = registry.get(id)
      if (known === undefined || known.endedAtMs !== undefined) {
        return cooperative(id, info, clock.now(), owner)
      }
      registry.describe(known, info)
      registry.register(known)
      return { agent: known, created: false }
    }
    if ('pid' in runtime) return processes.register(runtime.pid, id, info)
    if (containers !== undefined) return containers.register(runtime.container, id, info)
    throw new Problem('AE_RUNTIME_GONE', 'Containers are not looked at here.')
  }

  async function letGo(agent: Agent, actor: string): Promise<void> {
    try {
      await options.beforeRemove(agent, actor)
    } catch (error) {
      if (error instanceof Problem) throw error
      log.error('an agent was not deleted', { agent: agent.id, error: String(error) })
      throw new Problem('AE_NOT_RELEASED', `The agent ${agent.id} is stopped and could not be continued.`)
    }
  }

  return {
    async register(request, { owner, scope }) {
      const { runtime } = request
      enrolling.validate(request)
      if (runtime !== undefined && 'pid' in runtime && table.get(runtime.pid) === undefined)
        await options.pass()
      const registration = bind(request, owner)
      if (scope === 'control') {
        await enrolling.enrol(registration.agent, request, registration.created ? 'created' : 'known')
      }
      await repository.saveRegistration(registration.agent)
      return registration
    },

    async remove(agent, actor) {
      await letGo(agent, actor)
      if (registry.get(agent.id) !== agent) {
        throw new Problem('AE_AGENT_NOT_FOUND', `The agent ${agent.id} is another one by now.`)
      }
      await repository.deleteRegistration(agent.id)
      repository.checkpoint(agent)
      processes.release(agent)
      containers?.release(agent)
      registry.remove(agent)
    },

    retire(agent) {
      if (agent.runtime !== 'cooperative') return
      registry.end(agent)
      repository.deleteRegistration(agent.id, agent.incarnation).catch((error) => {
        log.error('an ended agent will come back with the next start', {
          agent: agent.id,
          error: String(error),
        })
      })
    },

    async namesItself(pid, id) {
      if (table.get(pid) === undefined) await options.pass()
      return processes.namesItself(pid, id)
    },

    uidOf(pid) {
      const entry = table.get(pid)
      return entry === undefined ? undefined : withUidNow(table, entry).uid
    },

    restore(stored) {
      for (const { id, incarnation, runtime, role, vendor, workspace, startedAtMs, uid } of stored) {
        const info = { role, vendor, workspace }
        if (runtime === 'cooperative') {
          cooperative(id, info, startedAtMs, uid)
        } else if (runtime === 'process') {
          const entry = table.get(Number(incarnation.split(':').at(-2)))
          if (entry === undefined || processIncarnation(space, entry) !== incarnation) continue
          ignoreConflict(() => processes.register(entry.pid, id, info))
        } else {
          ignoreConflict(() => containers?.register(containerOf(incarnation), id, info))
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
