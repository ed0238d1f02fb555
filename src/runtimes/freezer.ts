import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { directoryOf, findHierarchy, type Hierarchy } from '../platform/cgroup/hierarchy.ts'
import { parseMembership, UNIFIED } from '../platform/cgroup/membership.ts'
import { isRunCage } from '../platform/cgroup/run-cage.ts'
import type { TreeSnapshot } from './model.ts'

export type CageState = 'frozen' | 'freezing' | 'thawed' | 'unknown'

/** A control group that holds one tree and nothing else, and can stop all of it at once. */
export interface Cage {
  readonly version: 1 | 2
  /** Whether the group and the tree are the same processes now. To be asked before and after freezing. */
  holdsOnly(tree: TreeSnapshot): boolean
  /** Everybody in it who has not ended; undefined when that cannot be read. */
  pids(): readonly number[] | undefined
  state(): CageState
  /** False when the group may not be written. It is frozen only when `state` says so. */
  freeze(): boolean
  thaw(): boolean
  /** SIGKILL to everything in it in one step, also while frozen; v2 of Linux 5.14 and later only. */
  kill?(): boolean
}

export interface Freezer {
  /** The group of the tree, when freezing it stops nobody else. */
  find(tree: TreeSnapshot): Cage | undefined
}

export interface FreezerOptions {
  readonly procRoot: string
  readonly cgroupRoot: string
  readonly ownPid: number
  /** Whether a process has ended: some kernels list zombies of a group, too. */
  readonly isDead: (pid: number) => boolean
  readonly parentOf: (pid: number) => number | undefined
  readonly ownerOf: (pid: number) => number | undefined
}

/** Groups of whole sessions and users: what shares them with an agent today may not do so tomorrow. */
const SHARED = /(\.slice|^session-.*\.scope|^user@.*)$/

/**
 * Whether a group at this path may ever be frozen: never the root, a slice, a login session, a user's manager, or a
 * group we run in or below.
 */
export function mayBeFrozen(path: string, ownPath: string | undefined): boolean {
  const name = path.split('/').at(-1)!
  if (!path.startsWith('/') || name === '' || SHARED.test(name) || ownPath === undefined) return false
  return ownPath !== path && !ownPath.startsWith(`${path}/`)
}

/** Nobody nests groups deeper; a deeper tree is left to signals. */
const MAX_DEPTH = 32

/**
 * Adds everybody in the group and below. False when any part could not be read: who is not known is not ours. A
 * process of a pid namespace that cannot be seen from here is listed as 0 and stays in the set as such.
 */
function addEveryone(directory: string, into: Set<number>, depth: number): boolean {
  if (depth > MAX_DEPTH) return false
  try {
    for (const line of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n')) {
      if (line !== '') into.add(Number(line))
    }
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .every(({ name }) => addEveryone(join(directory, name), into, depth + 1))
  } catch {
    return false
  }
}

export function createFreezer({
  procRoot,
  cgroupRoot,
  ownPid,
  isDead,
  parentOf,
  ownerOf,
}: FreezerOptions): Freezer {
  let hierarchy: Hierarchy | undefined
  let searched = false

  function read(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined
    }
  }

  function write(path: string, value: string): boolean {
    try {
      writeFileSync(path, value)
      return true
    } catch {
      return false
    }
  }

  function pathsOf(pid: number): Record<string, string> {
    return parseMembership(read(join(procRoot, String(pid), 'cgroup')) ?? '')
  }

  function holdsOnly(directory: string, { processes, services = [] }: TreeSnapshot): boolean {
    const tree = new Set(processes.map(({ pid }) => pid))
    const inside = new Set<number>()
    if (!addEveryone(directory, inside, 0)) return false
    if (services.some((pid) => inside.has(pid))) return false
    // Whoever was forked since the tree was looked at is not in it, but in the group, below somebody who is.
    const isOffspring = (pid: number) => {
      let at: number | undefined = pid
      for (let depth = 0; at !== undefined && inside.has(at) && depth < MAX_DEPTH; depth++) {
        if (tree.has(at)) return true
        at = parentOf(at)
      }
      return false
    }
    // A group made for one command holds only what it started, met or not. Its user could put others of his in.
    const owner = isRunCage(directory) && tree.size > 0 ? ownerOf([...tree][0]!) : undefined
    const isStarted = (pid: number) => owner !== undefined && ownerOf(pid) === owner
    for (const pid of inside) {
      if (pid === 0 || !(tree.has(pid) || isOffspring(pid) || isStarted(pid) || isDead(pid))) return false
    }
    for (const pid of tree) if (!inside.has(pid) && !isDead(pid)) return false
    return tree.size > 0
  }

  function pids(directory: string): readonly number[] | undefined {
    const inside = new Set<number>()
    return addEveryone(directory, inside, 0)
      ? [...inside].filter((pid) => pid > 0 && !isDead(pid))
      : undefined
  }

  /** Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files". */
  function cageV2(directory: string): Cage | undefined {
    if (!existsSync(join(directory, 'cgroup.freeze'))) return undefined
    const killFile = join(directory, 'cgroup.kill')
    return {
      version: 2,
      holdsOnly: (tree) => holdsOnly(directory, tree),
      pids: () => pids(directory),
      state() {
        const frozen = /^frozen ([01])$/m.exec(read(join(directory, 'cgroup.events')) ?? '')?.[1]
        if (frozen === undefined) return 'unknown'
        if (frozen === '1') return 'frozen'
        return read(join(directory, 'cgroup.freeze'))?.trim() === '1' ? 'freezing' : 'thawed'
      },
      freeze: () => write(join(directory, 'cgroup.freeze'), '1'),
      thaw: () => write(join(directory, 'cgroup.freeze'), '0'),
      ...(existsSync(killFile) ? { kill: () => write(killFile, '1') } : {}),
    }
  }

  /** Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst */
  function cageV1(directory: string): Cage | undefined {
    const file = join(directory, 'freezer.state')
    if (!existsSync(file)) return undefined
    return {
      version: 1,
      holdsOnly: (tree) => holdsOnly(directory, tree),
      pids: () => pids(directory),
      state() {
        const state = read(file)?.trim()
        if (state === 'FROZEN') return 'frozen'
        if (state === 'FREEZING') return 'freezing'
        return state === 'THAWED' ? 'thawed' : 'unknown'
      },
      freeze: () => write(file, 'FROZEN'),
      thaw: () => write(file, 'THAWED'),
    }
  }

  return {
    find(tree) {
      if (!searched) {
        hierarchy = findHierarchy(cgroupRoot, procRoot)
        searched = true
      }
      const pid = tree.processes[0]?.pid
      if (hierarchy === undefined || pid === undefined) return undefined
      const paths = pathsOf(pid)
      const own = pathsOf(ownPid)
      for (const [controller, make] of [
        [UNIFIED, cageV2],
        ['freezer', cageV1],
      ] as const) {
        const mount = hierarchy.mounts[controller]
        const path = paths[controller]
        if (mount === undefined || path === undefined || !mayBeFrozen(path, own[controller])) continue
        const directory = directoryOf(mount, path)
        const cage = directory === undefined ? undefined : make(directory)
        if (cage?.holdsOnly(tree)) return cage
      }
      return undefined
    },
  }
}
