import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { directoryOf, findHierarchy } from '../platform/cgroup/hierarchy.ts'
import { parseMembership, UNIFIED } from '../platform/cgroup/membership.ts'
import { runCageName } from '../platform/cgroup/run-cage.ts'

/**
 * A control group that holds the command and whatever it starts, also what nobody ever meets: who is in it is stopped
 * and ended as a whole (Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files").
 */
export interface RunCage {
  /** Who writes its number there is in it, with all it starts from then on. */
  readonly door: string
  /** Everybody in it; undefined when it cannot be read. */
  members(): readonly number[] | undefined
  /** SIGKILL to all of them in one step (Linux 5.14 and later). False: it could not. */
  kill(): boolean
  /** Nothing happens while somebody is in it. */
  remove(): void
}

/**
 * Makes one below our own group, where we may: a user's own part of the tree of v2 (systemd gives each user one), never
 * the top.
 */
export function makeRunCage(root = '/sys/fs/cgroup', procRoot = '/proc'): RunCage | undefined {
  const mount = findHierarchy(root, procRoot)?.mounts[UNIFIED]
  const path = mount && parseMembership(read(`${procRoot}/self/cgroup`) ?? '')[UNIFIED]
  if (mount === undefined || path === undefined) return undefined
  const own = directoryOf(mount, path)
  if (own === undefined) return undefined
  const directory = join(own, runCageName())
  try {
    mkdirSync(directory)
  } catch {
    return undefined
  }
  const cage: RunCage = {
    door: join(directory, 'cgroup.procs'),
    members: () => read(join(directory, 'cgroup.procs'))?.split('\n').filter(Boolean).map(Number),
    kill() {
      try {
        writeFileSync(join(directory, 'cgroup.kill'), '1')
        return true
      } catch {
        return false
      }
    },
    remove() {
      try {
        rmdirSync(directory)
      } catch {
        // Somebody is in it still; it goes with the group it is in.
      }
    },
  }
  if (existsSync(join(directory, 'cgroup.freeze'))) return cage
  cage.remove()
  return undefined
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
