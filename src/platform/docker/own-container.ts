import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMembership } from '../cgroup/membership.ts'
import { containerIdIn } from './container-cgroup.ts'

/** Files an engine binds into every container from its own directory. */
const BOUND_FILES: readonly string[] = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']

/**
 * The id of the container this process runs in; undefined on a host. With a private cgroup namespace the
 * membership says only `/`, then the files bound from `…/containers/<id>/` name it (proc_pid_mountinfo(5)).
 */
export function ownContainerId(procRoot = '/proc'): string | undefined {
  for (const path of Object.values(parseMembership(textOf(join(procRoot, 'self/cgroup'))))) {
    const id = containerIdIn(path)
    if (id !== undefined) return id
  }
  for (const line of textOf(join(procRoot, 'self/mountinfo')).split('\n')) {
    const [, , , source = '', point = ''] = line.split(' ')
    if (!BOUND_FILES.includes(point)) continue
    const id = containerIdIn(source)
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
