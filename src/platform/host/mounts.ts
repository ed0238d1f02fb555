export interface Mount {
  readonly mountpoint: string
  readonly type: string
  /** Its answers come over a network or from a program, so asking it may hang. */
  readonly remote: boolean
}

/** More mount points than this are made by machines, not by people; the shortest paths are kept. */
const MOST_MOUNTS = 16

const LOCAL = new Set([
  'ext2',
  'ext3',
  'ext4',
  'xfs',
  'btrfs',
  'zfs',
  'bcachefs',
  'f2fs',
  'jfs',
  'reiserfs',
  'vfat',
  'exfat',
  'ntfs3',
])
const REMOTE = new Set(['nfs', 'nfs4', 'cifs', 'smb3', 'ceph', 'glusterfs', 'lustre', '9p', 'virtiofs'])

/**
 * The real file systems of `/proc/self/mountinfo` (proc_pid_mountinfo(5)), each device once: bind mounts show the
 * same space again. The root counts whatever it is, since in a container it is an overlay.
 */
export function parseMountinfo(text: string): Mount[] {
  const byDevice = new Map<string, Mount>()
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ', 2)
    const fields = before?.split(' ')
    const type = after?.split(' ', 1)[0]
    const device = fields?.[2]
    const escaped = fields?.[4]
    if (type === undefined || device === undefined || escaped === undefined) continue
    const mountpoint = unescapePath(escaped)
    const remote = REMOTE.has(type) || type.startsWith('fuse.')
    if (!LOCAL.has(type) && !remote && mountpoint !== '/') continue
    const known = byDevice.get(device)
    if (known === undefined || mountpoint.length < known.mountpoint.length)
      byDevice.set(device, { mountpoint, type, remote })
  }
  // A later mount on the same point hides the earlier one.
  const byPath = new Map([...byDevice.values()].map((mount) => [mount.mountpoint, mount]))
  return [...byPath.values()]
    .sort((a, b) => a.mountpoint.length - b.mountpoint.length || (a.mountpoint < b.mountpoint ? -1 : 1))
    .slice(0, MOST_MOUNTS)
}

/** The kernel writes blank, tab, newline and backslash as three octal digits. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
