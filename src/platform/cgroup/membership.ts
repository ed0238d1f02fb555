/** Name under which the v2 tree of a hybrid host stands among the v1 controllers. */
export const UNIFIED = 'unified'

/**
 * Reads `/proc/<pid>/cgroup` (cgroups(7)): `hierarchy-id:controllers:path` per line, `0::path` for v2.
 * Returns the path of each controller; named hierarchies appear as `name=systemd`. A path may contain colons.
 */
export function parseMembership(text: string): Record<string, string> {
  const paths: Record<string, string> = Object.create(null)
  for (const line of text.split('\n')) {
    const first = line.indexOf(':')
    const second = line.indexOf(':', first + 1)
    if (first < 1 || second < 0) continue
    const path = line.slice(second + 1)
    if (!path.startsWith('/')) continue
    const controllers = line.slice(first + 1, second)
    if (controllers === '') paths[UNIFIED] = path
    else for (const controller of controllers.split(',')) paths[controller] = path
  }
  return paths
}
