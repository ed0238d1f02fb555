import { readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseMeminfo } from './meminfo.ts'

/** Memory of the machine in bytes; undefined when it could not be read. */
export interface HostMemory {
  readonly totalBytes: number | undefined
  readonly freeBytes: number | undefined
  /** What can be had without swapping. Linux only. */
  readonly availableBytes: number | undefined
}

/** `meminfo` of that /proc; without one what the operating system answers. */
export function readHostMemory(procRoot: string): HostMemory {
  try {
    const { totalBytes, freeBytes, availableBytes } = parseMeminfo(
      readFileSync(join(procRoot, 'meminfo'), 'latin1'),
    )
    return { totalBytes, freeBytes, availableBytes }
  } catch {
    return { totalBytes: totalmem(), freeBytes: freemem(), availableBytes: undefined }
  }
}
