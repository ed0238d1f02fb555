import type { Clock } from '../platform/clock.ts'
import type { Caller } from '../platform/http/caller.ts'
import { Problem } from '../platform/problem.ts'
import { saysSomething } from './enrolment.ts'
import type { Quota } from './quota.ts'
import type { Register, RegistrationRequest } from './register.ts'
import type { Registry } from './registry.ts'
import type { Testimony } from './testimony.ts'

export interface AdmissionOptions {
  readonly clock: Clock
  readonly registry: Registry
  readonly quota: Quota
  readonly register: Pick<Register, 'namesItself' | 'uidOf'>
  readonly testimony: Testimony
}

/**
 * Who may register what (CONTROL §6).
 *
 * - Limits and enforcement: only with the scope control.
 * - A process or container: with the scope control, or a process whose own environment names the agent. A token that
 *   is limited to some agents has no word over the host's other processes, whatever its scope.
 * - An id that is taken by a live agent: with the scope control, or whoever may tell about that agent.
 * - A new id without credentials: as many as the quota of the caller's user allows.
 *
 * @returns the user that the agent belongs to if it has no runtime: the caller's, when only that says who it is.
 * @throws Problem AE_FORBIDDEN, AE_TOO_MANY_AGENTS
 */
export type Admission = (caller: Caller, request: RegistrationRequest) => Promise<number | undefined>

const forbidden = (detail: string) => new Problem('AE_FORBIDDEN', detail)

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, registry, quota, register, testimony } = options

  async function admitRuntime(caller: Caller, { id, runtime }: RegistrationRequest): Promise<void> {
    if (runtime === undefined || (caller.scopes.has('control') && !caller.limited)) return
    if (!('pid' in runtime)) {
      // A container that is looked at names its agent by a label; registering it by another id is a conflict.
      if (caller.scopes.has('control')) return
    } else if (await register.namesItself(runtime.pid, id)) {
      if (await testimony.mayTell(caller, { id, uid: register.uidOf(runtime.pid) })) return
      throw forbidden('That process belongs to another user.')
    }
    throw forbidden(
      caller.limited
        ? 'A token limited to some agents can bind only a process that names the agent itself.'
        : 'Registering a runtime needs the scope control.',
    )
  }

  return async (caller, request) => {
    const { id } = request
    if (!caller.mayTouch(id)) throw forbidden('The token is limited to other agents.')
    const isControl = caller.scopes.has('control')
    if (!isControl && saysSomething(request)) {
      throw forbidden('A profile, a budget and enforcement need the scope control.')
    }
    await admitRuntime(caller, request)
    if (isControl) return undefined
    const peer = caller.kind === 'anonymous' ? await caller.peerUid() : undefined
    const known = registry.get(id)
    if (known !== undefined && known.endedAtMs === undefined) {
      if (!(await testimony.mayTell(caller, known))) throw forbidden('That agent belongs to another user.')
    } else if (caller.kind === 'anonymous' && !quota.take(peer, clock.monotonic())) {
      throw new Problem('AE_TOO_MANY_AGENTS', 'This user has registered too many agents within an hour.')
    }
    return peer
  }
}
