import { readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** `PROC_PID_INIT_INO` and `PROC_CGROUP_INIT_INO` of the kernel (include/linux/proc_ns.h): what everything begins with. */
const FIRST = { pid: 0xef_ff_ff_fc, cgroup: 0xef_ff_ff_fb } as const

/**
 * Whether we are in the first namespace of the machine, that of the host. Undefined where the kernel does not say: no such
 * file, or no such kind of namespace.
 */
export function isInFirstNamespace(kind: keyof typeof FIRST, procRoot = '/proc'): boolean | undefined {
  try {
    const inode = /\[(\d+)\]$/.exec(readlinkSync(join(procRoot, 'self/ns', kind)))?.[1]
    return inode === undefined ? undefined : Number(inode) === FIRST[kind]
  } catch {
    return undefined
  }
}
