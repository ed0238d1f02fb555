import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FILES_V1, FILES_V2, type GroupFile } from './files.ts'
import { directoryOf, type Hierarchy } from './hierarchy.ts'
import { closeKept, type FileBuffer, type KeptFile, keptFile } from './kept-file.ts'
import { UNIFIED } from './membership.ts'
import type { CgroupRef } from './sample.ts'

/** Which controller's tree stands for the group on v1, most telling first. */
export const LEADING_V1 = ['memory', 'pids', 'cpuacct', 'cpu', 'freezer', 'blkio', UNIFIED] as const

/** Deeper trees are not made by engines; the bound protects against a loop of mounts. */
const MAX_DEPTH = 32

/** One group with its files kept open. */
export interface Group {
  readonly directory: string | undefined
  readonly files: readonly OpenFile[]
  readonly cpuDirectory: string | undefined
  readonly pidsDirectory: string | undefined
  /** Monotonic time at which files that were absent are tried again. */
  retryAt: number
}

interface OpenFile {
  readonly spec: GroupFile
  readonly file: KeptFile
  readonly otherwise: KeptFile | undefined
}

const keys = new WeakMap<CgroupRef, string>()

/** Two processes may share one controller's group and not another's: the whole membership names the group. */
export function keyOf(ref: CgroupRef): string {
  if (ref.paths === undefined) return ref.path
  const known = keys.get(ref)
  if (known !== undefined) return known
  const key = LEADING_V1.map((controller) => ref.paths?.[controller] ?? '').join('\n')
  keys.set(ref, key)
  return key
}

/** The directory of `path` in the tree of a controller; undefined where that is not reachable or no group. */
export function directoryFor(
  hierarchy: Hierarchy,
  controller: string,
  path: string | undefined,
): string | undefined {
  const mount = hierarchy.mounts[controller]
  return mount === undefined || path === undefined ? undefined : directoryOf(mount, path)
}

/** The one directory that stands for the group: whether it exists, and who is in it. */
export function leadingDirectory(ref: CgroupRef, hierarchy: Hierarchy): string | undefined {
  if (ref.version === 2) return directoryFor(hierarchy, UNIFIED, ref.path)
  for (const controller of LEADING_V1) {
    const directory = directoryFor(hierarchy, controller, pathIn(ref, controller))
    if (directory !== undefined && existsSync(directory)) return directory
  }
  return undefined
}

/** Prepares the files of a group; each is opened by its first read. */
export function openGroup(ref: CgroupRef, hierarchy: Hierarchy, retryAt: number): Group {
  const files: OpenFile[] = []
  for (const spec of ref.version === 2 ? FILES_V2 : FILES_V1) {
    const directory = directoryFor(hierarchy, spec.controller, pathIn(ref, spec.controller))
    if (directory === undefined) continue
    files.push({
      spec,
      file: keptFile(join(directory, spec.name)),
      otherwise: spec.otherwise === undefined ? undefined : keptFile(join(directory, spec.otherwise)),
    })
  }
  const v1 = ref.version === 1
  return {
    directory: leadingDirectory(ref, hierarchy),
    files,
    cpuDirectory: v1 ? directoryFor(hierarchy, 'cpu', pathIn(ref, 'cpu')) : undefined,
    pidsDirectory: v1 ? directoryFor(hierarchy, 'pids', pathIn(ref, 'pids')) : undefined,
    retryAt,
  }
}

export function closeGroup(group: Group, buffer: FileBuffer): void {
  for (const { file, otherwise } of group.files) {
    closeKept(file, buffer)
    if (otherwise !== undefined) closeKept(otherwise, buffer)
  }
}

/**
 * Adds every pid of the group and the groups below it; false when the directory is not there. A process outside of our
 * pid namespace has none: v2 lists it as 0, which is added, and v1 leaves it out (cgroups(7)).
 */
export function collectPids(directory: string, into: Set<number>, depth = 0): boolean {
  let entries: readonly { name: string; isDirectory(): boolean }[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch {
    return false
  }
  try {
    for (const line of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n')) {
      if (line !== '') into.add(Number(line))
    }
  } catch {
    // A threaded group answers EOPNOTSUPP: its processes are listed by its domain.
  }
  if (depth < MAX_DEPTH) {
    for (const entry of entries)
      if (entry.isDirectory()) collectPids(join(directory, entry.name), into, depth + 1)
  }
  return true
}

function pathIn(ref: CgroupRef, controller: string): string | undefined {
  return ref.paths === undefined ? ref.path : ref.paths[controller]
}
