import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Types of the auxiliary vector (getauxval(3), `include/uapi/linux/auxvec.h`). */
const AT_PAGESZ = 6
const AT_CLKTCK = 17

/** What every Linux of today answers; used when `/proc/self/auxv` cannot be read. */
const USUAL_CLOCK_TICKS = 100
const USUAL_PAGE_SIZE = 4096
/** POSIX's own minimum for an open-file limit that could not be read is far lower; this is Linux's soft default. */
const USUAL_OPEN_FILES = 1024

export interface KernelFacts {
  /** Clock ticks per second of the times in `/proc/<pid>/stat`. */
  readonly clockTicks: number
  readonly pageSize: number
}

/** Reads CLK_TCK and the page size from this process's own auxiliary vector: no shelling out to getconf. */
export function readKernelFacts(root = '/proc'): KernelFacts {
  const facts = { clockTicks: USUAL_CLOCK_TICKS, pageSize: USUAL_PAGE_SIZE }
  try {
    return parseAuxv(readFileSync(join(root, 'self/auxv')), WORD_BYTES[process.arch] ?? 8)
  } catch {
    return facts
  }
}

const WORD_BYTES: Partial<Record<NodeJS.Architecture, 4 | 8>> = { ia32: 4, arm: 4, mipsel: 4 }

/** Parses an auxiliary vector of native-endian word pairs. */
export function parseAuxv(auxv: Buffer, wordBytes: 4 | 8): KernelFacts {
  const facts = { clockTicks: USUAL_CLOCK_TICKS, pageSize: USUAL_PAGE_SIZE }
  for (let at = 0; at + 2 * wordBytes <= auxv.length; at += 2 * wordBytes) {
    const type = word(auxv, at, wordBytes)
    const value = word(auxv, at + wordBytes, wordBytes)
    if (type === AT_CLKTCK && value > 0) facts.clockTicks = value
    if (type === AT_PAGESZ && value > 0) facts.pageSize = value
  }
  return facts
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

function word(from: Buffer, at: number, bytes: 4 | 8): number {
  if (bytes === 4) return LITTLE_ENDIAN ? from.readUInt32LE(at) : from.readUInt32BE(at)
  return Number(LITTLE_ENDIAN ? from.readBigUInt64LE(at) : from.readBigUInt64BE(at))
}

/** Soft limit of open files of this process (`Max open files` of `/proc/self/limits`). */
export function openFileLimit(root = '/proc'): number {
  try {
    const found = /^Max open files\s+(\d+|unlimited)/m.exec(
      readFileSync(join(root, 'self/limits'), 'latin1'),
    )?.[1]
    if (found === 'unlimited') return Number.MAX_SAFE_INTEGER
    return found === undefined ? USUAL_OPEN_FILES : Number(found)
  } catch {
    return USUAL_OPEN_FILES
  }
}

/** Identity of this boot (`random/boot_id`), part of every incarnation; absent off Linux. */
export function readBootId(root = '/proc'): string | undefined {
  try {
    const id = readFileSync(join(root, 'sys/kernel/random/boot_id'), 'latin1').trim()
    return /^[0-9a-f-]{36}$/.test(id) ? id : undefined
  } catch {
    return undefined
  }
}

/** Wall-clock second of the boot (`btime` of `/proc/stat`); a process began at `btime + startTime / clockTicks`. */
export function readBootTime(root = '/proc'): number | undefined {
  try {
    const found = /^btime (\d+)$/m.exec(readFileSync(join(root, 'stat'), 'latin1'))?.[1]
    return found === undefined ? undefined : Number(found)
  } catch {
    return undefined
  }
}

/** Inode of a process's pid namespace (`/proc/<pid>/ns/pid`); absent without permission or after its end. */
export function readPidNamespace(pid: number | 'self', root = '/proc'): number | undefined {
  try {
    const found = /^pid:\[(\d+)\]$/.exec(readlinkSync(join(root, String(pid), 'ns/pid')))?.[1]
    return found === undefined ? undefined : Number(found)
  } catch {
    return undefined
  }
}
