import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { directoryOf, findHierarchy, type Hierarchy } from './hierarchy.ts'
import { parseMembership, UNIFIED } from './membership.ts'

/** Whether the control group of this process stands still, by itself or with one above it. False: nobody says so. */
export type FrozenReader = (pid: number) => boolean

/**
 * A frozen task of v2 looks like one that sleeps: only its group tells (Documentation/admin-guide/cgroup-v2.rst,
 * `cgroup.events`; cgroup-v1/freezer-subsystem.rst).
 */
export function createFrozenReader(cgroupRoot: string, procRoot: string): FrozenReader {
  let hierarchy: Hierarchy | undefined | 'not searched' = 'not searched'

  function read(path: string): string {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }

  return (pid) => {
    if (hierarchy === 'not searched') hierarchy = findHierarchy(cgroupRoot, procRoot)
    const paths = parseMembership(read(join(procRoot, String(pid), 'cgroup')))
    const fileOf = (controller: string, name: string): string => {
      const mount = hierarchy === 'not searched' ? undefined : hierarchy?.mounts[controller]
      const path = paths[controller]
      const directory = mount === undefined || path === undefined ? undefined : directoryOf(mount, path)
      return directory === undefined ? '' : read(join(directory, name))
    }
    return (
      /^frozen 1$/m.test(fileOf(UNIFIED, 'cgroup.events')) ||
      fileOf('freezer', 'freezer.state').trim() === 'FROZEN'
    )
  }
}
