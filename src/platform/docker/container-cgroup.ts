import type { CgroupFinder } from '../cgroup/reader.ts'
import type { CgroupRef } from '../cgroup/sample.ts'

/** A full container id: 64 hexadecimal digits, alone or as `docker-<id>.scope`, `libpod-<id>.scope`. */
const ID_IN_SEGMENT = /(?:^|[^0-9a-f])([0-9a-f]{64})(?:[^0-9a-f]|$)/

/** The id of the container a control group path belongs to, from whichever engine or driver made it. */
export function containerIdIn(path: string): string | undefined {
  // The outermost match counts: an engine inside a container is part of that container.
  for (const segment of path.split('/')) {
    const id = ID_IN_SEGMENT.exec(segment)?.[1]
    if (id !== undefined) return id
  }
  return undefined
}

/**
 * The container a process sits in, by its own group; undefined for a process of the host.
 * @param own our own container, when a cgroup namespace hides its id from every path below it
 */
export function containerIdOf(ref: CgroupRef, own?: string): string | undefined {
  for (const path of [ref.path, ...Object.values(ref.paths ?? {})]) {
    const id = containerIdIn(path)
    if (id !== undefined) return id
  }
  return own
}

/**
 * The container that stands between us and a process: none for a process of the host, or of the container that we run
 * in ourselves (`own`).
 */
export function strangeContainerOf(ref: CgroupRef, own?: string): string | undefined {
  for (const path of [ref.path, ...Object.values(ref.paths ?? {})]) {
    // Below our own container is what an engine inside of it has made.
    const start = own === undefined ? -1 : path.lastIndexOf(own)
    const id = containerIdIn(start < 0 ? path : path.slice(start + own!.length))
    if (id !== undefined) return id
  }
  return undefined
}

/**
 * The group of a whole container. Our own one is the top of what we see when we have a cgroup namespace
 * (`own`, see namespacedContainerId). Others by its main process where that is visible: the membership is cut at the
 * container's own directory, since an init system inside moves itself further down. A recycled pid is noticed,
 * because its path does not name the container. Else by where both drivers put their groups.
 */
export function locateContainer(
  cgroups: CgroupFinder,
  container: { readonly id: string; readonly pid: number | undefined },
  own?: string,
): CgroupRef | undefined {
  const { id, pid } = container
  if (id === own) return cgroups.find('/')
  const ref = pid === undefined ? undefined : cgroups.locate(pid)
  if (ref !== undefined && containerIdOf(ref) === id) return cutAt(ref, id)
  for (const path of usualPaths(id)) {
    const found = cgroups.find(path)
    if (found !== undefined) return found
  }
  return undefined
}

/** cgroupfs driver, systemd driver, and the rootless engine of the user this process runs as. */
function usualPaths(id: string): string[] {
  const uid = process.getuid?.()
  const rootless = `/user.slice/user-${uid}.slice/user@${uid}.service/user.slice/docker-${id}.scope`
  return [`/docker/${id}`, `/system.slice/docker-${id}.scope`, ...(uid === undefined ? [] : [rootless])]
}

function cutAt(ref: CgroupRef, id: string): CgroupRef {
  if (ref.paths === undefined) return { ...ref, path: cut(ref.path, id) }
  // A tree in which the container has no group of its own shows it in somebody else's: on a hybrid host the
  // unified path is that of the engine's service.
  const own = Object.entries(ref.paths).filter(([, path]) => containerIdIn(path) === id)
  const paths = Object.fromEntries(own.map(([controller, path]) => [controller, cut(path, id)]))
  return { ...ref, path: cut(ref.path, id), paths }
}

function cut(path: string, id: string): string {
  const segments = path.split('/')
  const own = segments.findIndex((segment) => segment.includes(id))
  return own < 0 ? path : segments.slice(0, own + 1).join('/')
}
