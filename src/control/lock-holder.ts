import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** `__SO_ACCEPTCON` among the flags: the socket that listens, not one that was accepted (proc_net(5)). */
const LISTENS = '00010000'
const PID = /^\d+$/

/** Number of the inode of the socket that listens at an abstract address; the kernel prints its NUL as `@`. */
function inodeOf(table: string, address: string): string | undefined {
  for (const line of table.split('\n')) {
    const [, , , flags, , , inode, path] = line.split(/\s+/)
    if (flags === LISTENS && path === address.replace('\0', '@')) return inode
  }
  return undefined
}

async function holds(folder: string, socket: string): Promise<boolean> {
  for (const fd of await readdir(join(folder, 'fd')).catch(() => [])) {
    if ((await readlink(join(folder, 'fd', fd)).catch(() => undefined)) === socket) return true
  }
  return false
}

/**
 * Users of the processes that listen at an abstract address of our network namespace. Empty when they cannot be
 * found out: of processes of other users only root and CAP_SYS_PTRACE may see the descriptors.
 */
export async function holdersOf(address: string, procRoot = '/proc'): Promise<ReadonlySet<number>> {
  const table = await readFile(join(procRoot, 'self/net/unix'), 'latin1').catch(() => '')
  const inode = inodeOf(table, address)
  const users = new Set<number>()
  if (inode === undefined) return users
  for (const name of await readdir(procRoot).catch(() => [])) {
    const folder = join(procRoot, name)
    if (!PID.test(name) || !(await holds(folder, `socket:[${inode}]`))) continue
    const uid = await stat(folder).then(
      (found) => found.uid,
      () => undefined,
    )
    if (uid !== undefined) users.add(uid)
  }
  return users
}
