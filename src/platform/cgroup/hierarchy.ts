import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, posix } from 'node:path'
import { UNIFIED } from './membership.ts'

/** One mounted tree: where it is, and which path of the hierarchy its top shows. */
export interface Mount {
  readonly directory: string
  /** `/` on a host; `/docker/<id>` when a container sees its own part of a v1 hierarchy (mountinfo field 4). */
  readonly top: string
}

/** The mounted trees by controller; on v2 all controllers are in `unified`. */
export interface Hierarchy {
  readonly version: 1 | 2
  readonly mounts: Readonly<Record<string, Mount>>
}

const USUAL_ROOT = '/sys/fs/cgroup'

/**
 * Finds out which cgroup version governs this host. v2 when `root` itself is a cgroup2 tree, v1 when there
 * is a directory per controller (a hybrid host is v1 with an additional `unified` tree). Undefined: none.
 */
export function findHierarchy(root: string, procRoot: string): Hierarchy | undefined {
  const tops = mountTops(root, procRoot)
  const mount = (directory: string): Mount => ({ directory, top: tops.get(directory) ?? '/' })
  if (existsSync(join(root, 'cgroup.controllers'))) return { version: 2, mounts: { [UNIFIED]: mount(root) } }

  const mounts: Record<string, Mount> = Object.create(null)
  for (const name of directories(root)) {
    const directory = join(root, name)
    if (name === UNIFIED) mounts[UNIFIED] = mount(directory)
    // `cpu,cpuacct` is one tree; `cpu` and `cpuacct` are usually links to it.
    else for (const controller of name.split(',')) mounts[controller] = mount(resolved(root, name))
  }
  return mounts['memory'] === undefined && mounts['pids'] === undefined && mounts['cpuacct'] === undefined
    ? undefined
    : { version: 1, mounts }
}

/**
 * The directory of a group as seen here. Undefined when the group lies outside of what is mounted here
 * (another container's, seen from inside a container) or is the true root, which is the host and no group.
 */
export function directoryOf(mount: Mount, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined
  const below = mount.top === '/' ? path : belowTop(mount.top, path)
  if (below === undefined) return undefined
  const directory = below === '/' ? mount.directory : join(mount.directory, below)
  return below === '/' && isTrueRoot(directory) ? undefined : directory
}

/** `release_agent` exists only in the root of a v1 hierarchy, `cgroup.type` everywhere but in the root of v2. */
function isTrueRoot(directory: string): boolean {
  return (
    existsSync(join(directory, 'release_agent')) ||
    (existsSync(join(directory, 'cgroup.controllers')) && !existsSync(join(directory, 'cgroup.type')))
  )
}

function belowTop(top: string, path: string): string | undefined {
  if (path === top || path === '/') return '/'
  return path.startsWith(`${top}/`) ? path.slice(top.length) : undefined
}

function mountTops(root: string, procRoot: string): Map<string, string> {
  const tops = new Map<string, string>()
  let text: string
  try {
    text = readFileSync(join(procRoot, 'self/mountinfo'), 'utf8')
  } catch {
    return tops
  }
  for (const line of text.split('\n')) {
    // `36 35 98:0 /top /mount/point options [optional…] - type source options` (proc_pid_mountinfo(5))
    const [before = '', after = ''] = line.split(' - ')
    const top = before.split(' ')[3]
    const point = before.split(' ')[4]
    if (!after.startsWith('cgroup') || top === undefined || point === undefined) continue
    const inRoot = point === root || point.startsWith(`${root}/`)
    const usual = !inRoot && (point === USUAL_ROOT || point.startsWith(`${USUAL_ROOT}/`))
    if (inRoot || usual) {
      const directory = usual ? posix.join(root, point.slice(USUAL_ROOT.length)) : point
      // `/..` in field 4 is a mount made outside of this cgroup namespace: its top is not below ours.
      if (!top.startsWith('/..')) tops.set(directory, top)
    }
  }
  return tops
}

function directories(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}

/** A link such as `cpu → cpu,cpuacct` is followed so that the mount point is found under its real name. */
function resolved(root: string, name: string): string {
  try {
    return join(root, readlinkSync(join(root, name)))
  } catch {
    return join(root, name)
  }
}
