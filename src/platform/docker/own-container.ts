import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMembership } from '../cgroup/membership.ts'
import { containerIdIn } from './container-cgroup.ts'

/** Files an engine binds into every container from its own directory. */
const BOUND_FILES: readonly string[] = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']

/** The id of the container this process runs in; undefined on a host. */
export function ownContainerId(procRoot = '/proc'): string | undefined {
  return idInMembership(procRoot) ?? namespacedContainerId(procRoot)
}

/**
 * The same where a cgroup namespace of our own shows our group as `/` (cgroup_namespaces(7)): no path below it
 * names the container, only the files bound from `…/containers/<id>/` do (proc_pid_mountinfo(5)).
 */
export function namespacedContainerId(procRoot = '/proc'): string | undefined {
  if (idInMembership(procRoot) !== undefined) return undefined
  for (const line of textOf(join(procRoot, 'self/mountinfo')).split('\n')) {
    const [, , , source = '', point = ''] = line.split(' ')
    if (!BOUND_FILES.includes(point)) continue
    const id = containerIdIn(source)
    if (id !== undefined) return id
  }
  return undefined
}

function idInMembership(procRoot: string): string | undefined {
  for (const path of Object.values(parseMembership(textOf(join(procRoot, 'self/cgroup'))))) {
    const id = containerIdIn(path)
    if (id !== undefined) return id
  }
  return undefined
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
