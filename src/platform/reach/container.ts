import { ownContainerId } from '../docker/own-container.ts'
import { effectiveCapabilities } from '../proc/capabilities.ts'
import { isInFirstNamespace } from '../proc/pid-namespace.ts'
import type { Reach } from './model.ts'

/** Bits of capabilities(7). */
const CAPABILITIES = { DAC_READ_SEARCH: 2n, KILL: 5n, SYS_PTRACE: 19n } as const
/** What gives a container of ours all of this. */
const REMEDY = 'docker-compose.host.yml brings it'

/** What an exporter in a container lacks for processes of the host; nothing on a host. */
export function containerReach(procRoot: string): Reach[] {
  const ownPids = isInFirstNamespace('pid', procRoot) === false
  if (!ownPids && ownContainerId(procRoot) === undefined) return []
  return [pids(ownPids), cgroups(procRoot), capabilities(procRoot)]
}

function pids(own: boolean): Reach {
  const name = 'host processes'
  const cost = `agents that are processes of the host are not found (pid: host; ${REMEDY})`
  return own
    ? { name, state: 'missing', detail: 'a pid namespace of its own', cost }
    : { name, state: 'ok', detail: 'the pid namespace of the host', cost }
}

function cgroups(procRoot: string): Reach {
  const name = 'host cgroups'
  const cost = `limits and pressure of host processes are not known (cgroup: host; ${REMEDY})`
  return isInFirstNamespace('cgroup', procRoot) === false
    ? { name, state: 'missing', detail: 'a cgroup namespace of its own', cost }
    : { name, state: 'ok', detail: 'the cgroup namespace of the host', cost }
}

function capabilities(procRoot: string): Reach {
  const name = 'capabilities'
  const cost = `processes of other users are neither read in full nor stopped (cap_add; ${REMEDY})`
  const held = effectiveCapabilities(procRoot)
  if (held === undefined) return { name, state: 'missing', detail: 'cannot be read', cost }
  const missing = Object.entries(CAPABILITIES).filter(([, bit]) => ((held >> bit) & 1n) === 0n)
  const names = (missing.length === 0 ? Object.keys(CAPABILITIES) : missing.map(([one]) => one)).join(', ')
  return missing.length === 0
    ? { name, state: 'ok', detail: names, cost }
    : { name, state: 'limited', detail: `without ${names}`, cost }
}
